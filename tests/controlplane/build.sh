#!/usr/bin/env bash
# usage: build.sh [VERSION]
#
# Prints the path of the test control plane, building it first if there is none
# of these very sources. The binary lives outside the checkout, because a cold
# build takes minutes and a fresh clone should not have to wait again.
#
# types/ is a program of its own.
#
# VERSION is a minor version of Kubernetes, such as 1.33. Without it the one in
# go.mod is built; the others are pinned in versions/.
#
# Exit codes: 0 path printed, 2 no such version, 3 Go is missing, else the build
# failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if ! command -v go >/dev/null; then
    echo "build.sh: the test control plane is built with Go, and there is no go on PATH; see https://go.dev/dl" >&2
    exit 3
fi

# The version of Kubernetes in a go.mod file: v1.37.2.
version_in() {
    awk '{ at = $1 == "require" ? 2 : 1 } $at == "k8s.io/kubernetes" { print $(at + 1); exit }' "$1"
}

modfile=go.mod
version=$(version_in go.mod)
if [[ -n ${1-} && $version != "v$1".* ]]; then
    modfile=versions/$1.mod
    if [[ ! -e $modfile ]]; then
        pinned=$(cd versions && echo *.mod)
        echo "build.sh: no version $1 is pinned; there are ${pinned//.mod/} and ${version#v}" >&2
        exit 2
    fi
    version=$(version_in "$modfile")
fi

# The same build everywhere: no C compiler, and nothing from around the checkout.
export CGO_ENABLED=0 GOFLAGS="" GOWORK=off

# Without a version kubectl cannot judge the server's.
IFS=. read -r major minor _ <<<"${version#v}"
base=k8s.io/component-base/version
ldflags="-s -w -X $base.gitVersion=$version -X $base.gitMajor=$major -X $base.gitMinor=$minor"
ldflags+=" -X k8s.io/client-go/pkg/version.gitVersion=$version"
flags=(-trimpath -buildvcs=false -ldflags "$ldflags")
modules=(go.mod go.sum)
if [[ $modfile != go.mod ]]; then
    flags+=(-modfile="$modfile")
    modules=("$modfile" "${modfile%.mod}.sum")
fi

sha256() {
    if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

fingerprint() {
    go version
    printf '%s\n' "CGO_ENABLED=$CGO_ENABLED" "${flags[@]}"
    { find . -name '*.go' ! -name '*_test.go' ! -path './types/*' && printf './%s\n' "${modules[@]}"; } |
        LC_ALL=C sort |
        while IFS= read -r file; do sha256 "$file"; done
}

hash=$(fingerprint | sha256 | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/gitops-drift
binary=$cache/controlplane-$hash

if [[ ! -x $binary ]]; then
    mkdir -p "$cache"
    # One build at a time; who waited finds it done. Where there is no flock, two
    # builds do the same work, and renaming keeps them from harming each other.
    exec 9>"$cache/controlplane.lock"
    if command -v flock >/dev/null; then flock 9; fi
    if [[ ! -x $binary ]]; then
        echo "build.sh: building the test control plane of Kubernetes $version; the first time this takes some minutes" >&2
        temporary=$(mktemp "$cache/.controlplane-XXXXXX")
        trap 'rm -f "$temporary"' EXIT
        go build "${flags[@]}" -o "$temporary" . >&2 9>&-
        mv "$temporary" "$binary"
    fi
fi

touch "$binary" # in use
find "$cache" \( -name 'controlplane-*' -mtime +30 -o -name '.controlplane-*' -mtime +1 \) -delete
echo "$binary"
