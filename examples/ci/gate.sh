#!/usr/bin/env bash
# The gate: fails where the cluster is not what the deployed revision says. For any CI system that runs a shell.
#
#   gate.sh REVISION PATH [OPTIONS…]     for instance: gate.sh origin/production deploy/
#
# It compares with the revision that is deployed, in a worktree of its own: on a pull request's head each intended change
# would differ. The reports go to drift-report/ ($REPORTS), which has no report of an earlier run afterwards, and always a
# drift.md. The exit code is 0 in sync, 1 drift, 2 not everything could be checked. $DRIFT_KUBECONFIG may hold the text of
# a kubeconfig, as a secret of the CI system.
set -euo pipefail

reports=${REPORTS:-$PWD/drift-report}
mkdir -p "$reports" && reports=$(cd "$reports" && pwd) || exit 2
rm -f "$reports"/drift.{txt,json,md,sarif,xml,patch} || exit 2

# A drift.md that says why there is no report.
explain() {
    printf '### Nothing was checked\n\n~~~\n%s\n~~~\n' "$1" >"$reports/drift.md"
}

give_up() {
    echo "$1" >&2
    explain "$1"
    exit 2
}

(($# >= 2)) || give_up "usage: gate.sh REVISION PATH [OPTIONS...]"
revision=$1
manifests=$2
shift 2

command -v gitops-drift >/dev/null || give_up "gate.sh: gitops-drift is not on PATH"

folder=$(mktemp -d) || give_up "gate.sh: there is no room for temporary files"
# shellcheck disable=SC2317 # The trap calls it.
clean_up() {
    git worktree remove --force "$folder/deployed" 2>/dev/null || true
    rm -rf "$folder"
}
trap clean_up EXIT

said=$(git worktree add --quiet --detach "$folder/deployed" "$revision" 2>&1) ||
    give_up "gate.sh: cannot check out '$revision': $said"

options=()
if [[ -n ${DRIFT_KUBECONFIG-} ]]; then
    (umask 077 && printf '%s\n' "$DRIFT_KUBECONFIG" >"$folder/kubeconfig") || give_up "gate.sh: cannot write the kubeconfig"
    options=(--kubeconfig "$folder/kubeconfig")
fi
# In a workflow of GitHub each difference is shown at its line.
format=text
if [[ ${GITHUB_ACTIONS-} == true ]]; then format=github; fi

status=0
(
    cd "$folder/deployed"
    gitops-drift --manifests "$manifests" --once --fail-on-drift ${options[@]+"${options[@]}"} --output "$format" \
        --output "text=$reports/drift.txt" --output "json=$reports/drift.json" --output "markdown=$reports/drift.md" \
        --output "sarif=$reports/drift.sarif" --output "junit=$reports/drift.xml" \
        --output "patch=$reports/drift.patch" "$@"
) || status=$?
# Wrong options, for instance.
[[ -e $reports/drift.md ]] || explain "gitops-drift wrote no report and ended with exit code $status; the log says why"

case $status in
0) echo "gate.sh: the cluster is what $revision says" ;;
1) echo "gate.sh: the cluster is not what $revision says" ;;
*)
    echo "gate.sh: not everything could be checked"
    status=2
    ;;
esac
exit "$status"
