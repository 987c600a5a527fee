#!/usr/bin/env bash
# Measures what the search for the commit of a live value costs: 100 drifted fields in 100 of 1,000 files, in a repository
# of 10,000 commits, compared with a snapshot.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    cat <<'END_OF_USAGE'
usage: scripts/bench-history.sh [BINARY [ROUNDS]]

BINARY is a build of gitops-drift; without it, a release build is made. Each file has ten versions, and no commit-graph
helps. The cases take turns in nine rounds, or in ROUNDS; the least and the median are printed. CPU is that of the program
and of each `git` that it waits for. A run whose verdicts are not the expected ones ends the benchmark.

  nowhere              the live values are in no commit, so that all commits are read
  first                the live values are those of the first commit
  nowhere --history 0  nothing is searched
  in-sync              nothing has drifted
END_OF_USAGE
}

case ${1-} in
-*) usage && exit ;;
'')
    cargo build --release --locked --quiet
    target=$(cargo metadata --format-version=1 --no-deps --offline | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
    tool=$target/release/gitops-drift
    ;;
*) tool=$(realpath "$1") ;;
esac
rounds=${2:-9}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# manifest FILE VERSION, as a manifest or as a live object
manifests='
function manifest(file, version) {
    return sprintf("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-%d\n  namespace: shop\n" \
        "  labels: {app: app-%d}\nspec:\n  replicas: 2\n  selector:\n    matchLabels: {app: app-%d}\n  template:\n" \
        "    metadata:\n      labels: {app: app-%d}\n    spec:\n      containers:\n      - name: web\n" \
        "        image: example.com/app-%d:%s\n        ports:\n        - containerPort: 8080\n        env:\n" \
        "        - {name: LEVEL, value: info}\n        resources:\n          requests: {cpu: 100m, memory: 128Mi}\n" \
        "          limits: {memory: 256Mi}\n", file, file, file, file, file, version)
}'

git init -q -b main "$folder/repository"
awk "$manifests"'
function data(text) { return "data " length(text) "\n" text "\n" }
function put(file, version) { return "M 100644 inline deploy/app-" file ".yaml\n" data(manifest(file, version)) }
BEGIN {
    for (commit = 1; commit <= 10000; commit++) {
        print "commit refs/heads/main\ncommitter Ana <ana@example.com> " 1700000000 + 600 * commit " +0000"
        printf "%s", data("Change " commit)
        if (commit == 1) for (file = 0; file < 1000; file++) printf "%s", put(file, "v1")
        else printf "%s", put(commit * 7 % 1000, "v" commit)
    }
}' | git -C "$folder/repository" fast-import --quiet
git -C "$folder/repository" reset -q --hard main

# as_live FILE...: the files as one snapshot
as_live() {
    local file
    for file; do
        echo --- && cat "$file"
    done
}
# live VERSION: a snapshot in which each tenth file has this version, and the others that of the working tree
live() {
    as_live "$folder"/repository/deploy/*[1-9].yaml
    awk -v version="$1" "$manifests"'BEGIN {
        for (file = 0; file < 1000; file += 10) printf "---\n%s", manifest(file, version)
    }'
}
live v0 >"$folder/nowhere.yaml"
live v1 >"$folder/first.yaml"
as_live "$folder"/repository/deploy/*.yaml >"$folder/in-sync.yaml"

# run CASE VERDICT COUNT [OPTION...]: appends `CASE WALL CPU` to the times
run() {
    local name=$1 verdict=$2 count=$3
    shift 3
    local TIMEFORMAT='%R %U %S'
    { time "$tool" --manifests deploy --live "$folder/${name%% *}.yaml" --output "json=$folder/report.json" --output brief \
        "$@" >/dev/null 2>"$folder/log"; } 2>"$folder/time"
    if [[ $(grep -c "\"verdict\": \"$verdict\"" "$folder/report.json") != "$count" ]]; then
        echo "$name: not $count times $verdict" >&2
        cat "$folder/log" >&2
        exit 1
    fi
    read -r wall user system <"$folder/time"
    awk "BEGIN { print \"$name|$wall|\" $user + $system }" >>"$folder/times"
}

cd "$folder/repository"
for ((round = 0; round < rounds; round++)); do
    run nowhere not-found 100
    run first set-back 100
    run 'nowhere --history 0' . 0 --history 0
    run in-sync . 0
done
for name in nowhere first 'nowhere --history 0' in-sync; do
    for column in 2 3; do
        grep "^$name|" "$folder/times" | cut -d '|' -f "$column" | sort -n >"$folder/column"
        echo "$(sed -n "1p" "$folder/column") $(sed -n "$((rounds / 2 + 1))p" "$folder/column")"
    done | paste -s -d ' ' | awk -v name="$name" '{ printf "%-20s wall %5.2f s (median %5.2f)  CPU %5.2f s (median %5.2f)\n", name, $1, $2, $3, $4 }'
done
