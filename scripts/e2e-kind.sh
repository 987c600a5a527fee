#!/usr/bin/env bash
# The walk of RUNBOOK.md on a kind cluster: detection, and with REMEDIATE=true repair too. The exit code tells whether it
# went as told. Needs kind, kubectl, jq, and cargo unless $GITOPS_DRIFT names the program. The cluster ($CLUSTER, default
# gitops-drift) is made if there is none, and is left; `kind delete cluster --name gitops-drift` takes it away.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CLUSTER=${CLUSTER:-gitops-drift}
command -v jq >/dev/null || {
    echo "e2e-kind.sh: jq is not on PATH" >&2
    exit 1
}
scripts/setup-kind.sh

if [[ -z ${GITOPS_DRIFT-} ]]; then
    cargo build --locked --release
    GITOPS_DRIFT=${CARGO_TARGET_DIR:-target}/release/gitops-drift
fi
export GITOPS_DRIFT

# A kubeconfig of its own, so that nothing else is touched whatever the current context is.
KUBECONFIG=$(mktemp)
export KUBECONFIG
trap 'rm -f "$KUBECONFIG"' EXIT
kind export kubeconfig --name "$CLUSTER" --kubeconfig "$KUBECONFIG"

scripts/walk.sh

# What a program sees of the same.
drifted=$("$GITOPS_DRIFT" -f examples/desired --once --output json --log-level error | jq '.resources | length')
expected=5
if [[ ${REMEDIATE-} == true ]]; then expected=1; fi
[[ $drifted == "$expected" ]] || {
    echo "e2e-kind.sh: $drifted resource(s) in the JSON report, $expected expected" >&2
    exit 1
}
