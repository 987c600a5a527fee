#!/usr/bin/env bash
# One issue for the drift of a cluster: opened when there is some, kept up to date, and closed when it has gone.
#
#   drift-issue.sh STATUS REPORT     STATUS is the exit code of gate.sh, REPORT its drift.md
#
# Needs gh (https://cli.github.com), its token in $GH_TOKEN, and the label "drift". With STATUS 2 nothing is known for sure,
# and the issue stays as it is.
set -euo pipefail

if (($# != 2)); then
    echo "usage: drift-issue.sh STATUS REPORT" >&2
    exit 2
fi
status=$1
report=$2
label=drift
title="The cluster has drifted"

number=$(gh issue list --label "$label" --state open --json number --jq '.[0].number // empty')
case $status:$number in
0:) echo "drift-issue.sh: no drift, no issue" ;;
0:*) gh issue close "$number" --comment "The drift has gone." ;;
1:) gh issue create --title "$title" --label "$label" --body-file "$report" ;;
1:*) gh issue edit "$number" --body-file "$report" ;;
*) echo "drift-issue.sh: not everything could be checked; the issue stays as it is" ;;
esac
