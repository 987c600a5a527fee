#!/usr/bin/env bash
# Builds everything and runs every test: format, clippy, the rules of the house, the test control plane's own tests, all
# of cargo's, those on a real API server included, and the commands that the documents show. The last line says how many
# tests there were. Without Go there is no API server: the tests that need one are named and left out (with CI=true that
# is a failure).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    echo "test.sh: $*" >&2
    exit 1
}

step() {
    echo "==> $*"
}

command -v cargo >/dev/null || fail "there is no cargo on PATH; see https://rustup.rs"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 go=yes

step "cargo fmt and clippy"
cargo fmt --check || failed=$((failed + 1))
cargo clippy --quiet --locked --all-targets -- -D warnings || failed=$((failed + 1))

step "rules of the house"
scripts/check-house.sh || failed=$((failed + 1))

step "test control plane"
status=0
tests/controlplane/build.sh || status=$?
case $status in
0) ;;
3) go=no ;;
*) fail "the test control plane could not be built" ;;
esac
if [[ $go == no && ${CI-} == true ]]; then
    fail "there is no Go, and a run with CI=true must leave nothing out"
fi

if [[ $go == yes ]]; then
    step "tests of the test control plane"
    # The settings of its build.sh, so that nothing is compiled twice.
    status=0
    (cd tests/controlplane && CGO_ENABLED=0 GOFLAGS="" GOWORK=off go test -trimpath -v ./internal/...) >"$log" 2>&1 || status=$?
    grep -E '^(ok|FAIL|panic:|# |--- FAIL)' "$log" || true
    passed=$((passed + $(grep -c '^--- PASS' "$log" || true)))
    count=$(grep -c '^--- FAIL' "$log" || true)
    if ((status != 0)); then
        cat "$log"
        failed=$((failed + (count > 0 ? count : 1)))
    fi
fi

step "cargo test"
status=0
CARGO_TERM_COLOR=never cargo test --locked --no-fail-fast 2>&1 | tee "$log" || status=$?
read -r ok bad < <(awk '/^test result:/ { ok += $4; bad += $6 } END { print ok + 0, bad + 0 }' "$log")
# A test binary that does not compile or dies has no result line.
if ((status != 0 && bad == 0)); then bad=1; fi
if ((ok + bad == 0)); then fail "cargo ran no test"; fi

# A test that leaves itself out says so, and then counts as passed for cargo.
left_out=$(grep -oE 'left out, for .+: [a-z0-9_]+' "$log" | sort -u || true)
count=0
if [[ -n $left_out ]]; then count=$(wc -l <<<"$left_out"); fi
passed=$((passed + ok - count))
failed=$((failed + bad))

# The tests that ask for the control plane, by the name that they give it.
on_plane=0
while IFS= read -r name; do
    if grep -qE "^test ([a-z0-9_]+::)*$name \.\.\. ok" "$log" && ! grep -qE ": $name\$" <<<"$left_out"; then
        on_plane=$((on_plane + 1))
    fi
done < <(find tests -name '*.rs' -exec cat {} + | tr '\n' ' ' | grep -oE '(for_test|with_controllers|Case::new|Case::absent)\( *"[a-z0-9_]+"' | cut -d'"' -f2 | sort -u)

step "what the documents show"
scripts/check-docs.sh || failed=$((failed + 1))

step "summary"
if [[ -n $left_out ]]; then
    echo "$count left out:"
    awk '{ print "  " $0 }' <<<"$left_out"
fi
echo "on the control plane: $on_plane"
if [[ $go == yes ]] && ((on_plane == 0)); then
    echo "test.sh: there is a control plane, and no test ran on it" >&2
    failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
((failed == 0))
