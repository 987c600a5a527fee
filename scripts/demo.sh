#!/usr/bin/env bash
# The walk of RUNBOOK.md on a real API server, with nothing installed but Rust and Go: apply, compare, change things by
# hand, compare, repair, compare. Each step is checked; the first that goes otherwise ends the walk with exit code 1.
# The control plane is its own, in a temporary folder, and is gone afterwards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    echo "demo.sh: $*" >&2
    exit 1
}

say() {
    printf '\n==> %s\n' "$*"
}

folder=$(mktemp -d)
clean_up() {
    scripts/controlplane.sh --dir "$folder/controlplane" down >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# drift EXIT OPTIONS...: runs gitops-drift, shows it, and checks its exit code. The report is left in $report.
report=$folder/report
drift() {
    local expected=$1 status=0
    shift
    echo "\$ gitops-drift --manifests examples/desired --once${*:+ $*}"
    "$program" --manifests examples/desired --once --log-level warning "$@" >"$report" || status=$?
    cat "$report"
    echo "(exit code $status)"
    ((status == expected)) || fail "exit code $expected expected"
}

# shows COUNT TEXT: the report has this line so many times.
shows() {
    local count
    count=$(grep -cxF -- "$2" "$report" || true)
    ((count == $1)) || fail "\"$2\" is in the report $count time(s), $1 expected"
}

say "build gitops-drift"
cargo build --locked
program=${CARGO_TARGET_DIR:-target}/debug/gitops-drift

say "start a control plane"
scripts/controlplane.sh --dir "$folder/controlplane" up --parent-pid $$
eval "$(scripts/controlplane.sh --dir "$folder/controlplane" env)"

say "apply the manifests"
kubectl apply --recursive --filename examples/desired

say "what was just applied has not drifted"
drift 0 --fail-on-drift
shows 1 "No drift in 6 resource(s)"

say "change things behind Git's back"
scripts/inject.sh

say "the drift is found; a sidecar, another order and a scaled Deployment are none"
drift 0
shows 5 "  Action : drift-detected (dry-run)"
shows 1 "Total: 5 resource(s) drifted, 8 field(s) changed"

say "with --fail-on-drift the exit code tells"
drift 1 --fail-on-drift
shows 1 "Total: 5 resource(s) drifted, 8 field(s) changed"

say "repair: redis has the policy alert and is left alone"
drift 0 --remediate
shows 4 "  Action : remediated"
shows 1 "  Action : drift-detected (remediation-blocked)"

say "only redis is left"
drift 1 --fail-on-drift
shows 1 "Deployment/redis (ns: default)"
shows 1 "Total: 1 resource(s) drifted, 1 field(s) changed"

say "what others did to other fields is still there"
replicas=$(kubectl get deployment api --output 'jsonpath={.spec.replicas}')
containers=$(kubectl get deployment api --output 'jsonpath={.spec.template.spec.containers[*].name}')
echo "api: $replicas replicas, containers $containers"
[[ $replicas == 3 && $containers == "proxy metrics api" ]] || fail "the repair changed what it had not reported"

say "the walk went as told"
