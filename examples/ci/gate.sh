#!/usr/bin/env bash
# The gate: fails where the cluster is not what the deployed revision says. For any CI system that runs a shell.
#
#   gate.sh REVISION PATH [OPTIONS…]     for instance: gate.sh origin/production deploy/
#
# It compares with the revision that is deployed, in a worktree of its own: on a pull request's head each intended change
# would differ. The reports go to drift-report/ ($REPORTS). The exit code is that of gitops-drift: 0 in sync, 1 drift, 2 not
# everything could be checked. $DRIFT_KUBECONFIG may hold the text of a kubeconfig, as a secret of the CI system.
set -euo pipefail

if (($# < 2)); then
    echo "usage: gate.sh REVISION PATH [OPTIONS...]" >&2
    exit 2
fi
revision=$1
manifests=$2
shift 2

reports=${REPORTS:-$PWD/drift-report}
mkdir -p "$reports"
reports=$(cd "$reports" && pwd)

folder=$(mktemp -d)
# shellcheck disable=SC2317 # The trap calls it.
clean_up() {
    git worktree remove --force "$folder/deployed" 2>/dev/null || true
    rm -rf "$folder"
}
trap clean_up EXIT

git worktree add --quiet --detach "$folder/deployed" "$revision" || exit 2

options=()
if [[ -n ${DRIFT_KUBECONFIG-} ]]; then
    (umask 077 && printf '%s\n' "$DRIFT_KUBECONFIG" >"$folder/kubeconfig")
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

case $status in
0) echo "gate.sh: the cluster is what $revision says" ;;
1) echo "gate.sh: the cluster is not what $revision says" ;;
*) echo "gate.sh: not everything could be checked" ;;
esac
exit "$status"
