#!/usr/bin/env bash
# Builds everything and runs every test: format, clippy, the rules of the house, the test control plane's own tests, all
# of cargo's, and the commands that the documents show. Without Go there is no API server: cargo then reports the tests
# that need one as ignored (with CI=true a missing Go is a failure).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    echo "test.sh: $*" >&2
    exit 1
}

failed=()

# step NAME COMMAND...: runs the command; what fails is named at the end, and the other steps still run.
step() {
    echo "==> $1"
    "${@:2}" || failed+=("$1")
}

# The settings of the control plane's build.sh, so that nothing is compiled twice.
test_controlplane() {
    (cd tests/controlplane && CGO_ENABLED=0 GOFLAGS="" GOWORK=off go test -trimpath ./internal/...)
}

command -v cargo >/dev/null || fail "there is no cargo on PATH; see https://rustup.rs"

step "cargo fmt" cargo fmt --check
step "cargo clippy" cargo clippy --quiet --locked --all-targets -- -D warnings
step "rules of the house" scripts/check-house.sh

echo "==> test control plane"
status=0
tests/controlplane/build.sh || status=$?
case $status in
0)
    step "tests of the test control plane" test_controlplane
    step "cargo test, on the control plane too" cargo test --locked --no-fail-fast --lib --bins --tests -- --include-ignored
    ;;
3)
    [[ ${CI-} != true ]] || fail "there is no Go, and a run with CI=true must leave nothing out"
    step "cargo test" cargo test --locked --no-fail-fast --lib --bins --tests
    ;;
*) fail "the test control plane could not be built" ;;
esac
step "cargo test, examples in the documentation" cargo test --locked --doc
step "what the documents show" scripts/check-docs.sh

if ((${#failed[@]} > 0)); then
    printf 'test.sh: failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
echo "test.sh: everything passed"
