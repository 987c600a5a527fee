#!/usr/bin/env bash
# Prints src/schema/types.txt: the types of every pinned version of Kubernetes,
# merged. A field that the oldest does not have yet gets since=MINOR, one that
# the newest does not have any more until=MINOR; what a field is in the newest
# version that has it counts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export CGO_ENABLED=0 GOFLAGS="" GOWORK=off

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
tables=()
for modfile in versions/*.mod go.mod; do
    minor=$(awk '{ at = $1 == "require" ? 2 : 1 } $at == "k8s.io/kubernetes" { split($(at + 1), v, "."); print v[2]; exit }' "$modfile")
    go run -trimpath -modfile="$modfile" ./types >"$directory/$minor"
    tables+=("$directory/$minor")
done

awk '
FNR == 1 { minor = FILENAME; sub(/.*\//, "", minor); versions = versions " " $2; if (!oldest) oldest = minor; next }
/^kind / { kinds[$0] = ++kind; next }
/^type / {
    type = $2
    header[type] = $0
    if (!(type in first_type)) first_type[type] = minor
    last_type[type] = minor
    next
}
NF {
    field = type SUBSEP $1
    line[field] = $0
    if (!(field in first)) first[field] = minor
    last[field] = minor
}
END {
    print "versions" versions
    for (k in kinds) by_number[kinds[k]] = k
    for (k = 1; k <= kind; k++) if (k in by_number) print by_number[k]
    for (field in line) {
        split(field, part, SUBSEP)
        text = line[field]
        if (first[field] > first_type[part[1]]) text = text " since=" first[field]
        if (last[field] < last_type[part[1]]) text = text " until=" last[field]
        print part[1] "\t1" part[2] "\t" text | "LC_ALL=C sort | cut -f3-"
    }
    for (type in header) print type "\t0\t\n" type "\t0 \t" header[type] | "LC_ALL=C sort | cut -f3-"
}' "${tables[@]}"
