#!/usr/bin/env bash
# The walk of RUNBOOK.md on the cluster of the environment's kubectl: apply the examples, compare, change things by hand,
# compare, and, with REMEDIATE=true, repair and compare. Each step is checked; the first that goes otherwise ends the
# walk with exit code 1. $GITOPS_DRIFT is the program (default: gitops-drift on PATH). The examples live in the namespace
# `default`, and a namespace `demo` is made: use a cluster that is for trying things out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

program=${GITOPS_DRIFT:-gitops-drift}
report=$(mktemp)
trap 'rm -f "$report"' EXIT

fail() {
    echo "walk.sh: $*" >&2
    exit 1
}

say() {
    printf '\n==> %s\n' "$*"
}

# drift EXIT FOLDER OPTIONS...: runs gitops-drift, shows it, and checks its exit code. The report is left in $report.
drift() {
    local expected=$1 folder=$2 status=0
    shift 2
    echo "\$ gitops-drift --manifests $folder --once${*:+ $*}"
    "$program" --manifests "$folder" --once --log-level warning "$@" >"$report" || status=$?
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

say "apply the manifests"
kubectl apply --recursive --filename examples/desired --filename examples/sidecar

say "what was just applied has not drifted"
drift 0 examples/desired --fail-on-drift
shows 1 "No drift in 5 resource(s)"

say "change things behind Git's back"
scripts/inject-drift.sh

say "the drift is found"
drift 0 examples/desired
shows 5 "  Action : drift-detected (dry-run)"
shows 1 "Total: 5 resource(s) drifted, 8 field(s) changed"

say "a sidecar, another order and a scaled Deployment are none"
drift 0 examples/sidecar --fail-on-drift
shows 1 "No drift in 1 resource(s)"

say "with --fail-on-drift the exit code tells"
drift 1 examples/desired --fail-on-drift
shows 1 "Total: 5 resource(s) drifted, 8 field(s) changed"

if [[ ${REMEDIATE-} != true ]]; then
    say "the walk went as told, without a repair (REMEDIATE=true repairs too)"
    exit
fi

say "repair: redis has the policy alert and is left alone"
drift 0 examples/desired --remediate
shows 4 "  Action : remediated"
shows 1 "  Action : drift-detected (remediation-blocked)"

say "only redis is left"
drift 1 examples/desired --fail-on-drift
shows 1 "Deployment/redis (ns: default)"
shows 1 "Total: 1 resource(s) drifted, 1 field(s) changed"

say "what is skipped is as somebody left it"
image=$(kubectl get deployment api --output 'jsonpath={.spec.template.spec.containers[0].image}')
echo "api: $image"
[[ $image == registry.example.com/api:2.5.0 ]] || fail "a skipped resource was written"

say "the walk went as told"
