#!/usr/bin/env bash
# Pins a further Kubernetes version for the test control plane: writes versions/MINOR.mod and .sum, with the modules
# that this version of k8s.io/kubernetes itself requires.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if [[ ! ${1-} =~ ^v(1\.[0-9]+)\.([0-9]+)$ ]]; then
    echo "usage: tests/controlplane/pin.sh VERSION, for example v1.33.13" >&2
    exit 2
fi
version=$1 file=versions/${BASH_REMATCH[1]}.mod
staging=v0.${version#v1.}
export GOFLAGS="" GOWORK=off

source=$(cd / && go mod download -json "k8s.io/kubernetes@$version" | awk -F'"' '$2 == "GoMod" { print $4 }')
mkdir -p versions
{
    echo "module gitops-drift/tests/controlplane"
    echo
    grep -E '^(go|godebug) ' "$source"
    echo
    echo "require k8s.io/kubernetes $version"
    awk '/^require \($/, /^\)$/' "$source"
    echo
    echo "// k8s.io/kubernetes replaces these by folders of its own repository, which a"
    echo "// module that depends on it cannot see."
    echo "replace ("
    awk -v version="$staging" '$2 == "=>" && $3 ~ /staging/ { print "\t" $1 " => " $1 " " version }' "$source"
    echo ")"
} >"$file"
go mod tidy -modfile="$file"
echo "$file"
