#!/usr/bin/env bash
# Prints the path of the test control plane, building it first if there is none
# of these very sources. The binary lives outside the checkout, because a cold
# build takes minutes and a fresh clone should not have to wait again.
#
# Exit codes: 0 path printed, 3 Go is missing, else the build failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if ! command -v go >/dev/null; then
    echo "build.sh: the test control plane is built with Go, and there is no go on PATH; see https://go.dev/dl" >&2
    exit 3
fi

# The same build everywhere: no C compiler, and nothing from around the checkout.
export CGO_ENABLED=0 GOFLAGS="" GOWORK=off

# Without a version kubectl cannot judge the server's.
version=$(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' go.mod)
IFS=. read -r major minor _ <<<"${version#v}"
base=k8s.io/component-base/version
ldflags="-s -w -X $base.gitVersion=$version -X $base.gitMajor=$major -X $base.gitMinor=$minor"
ldflags+=" -X k8s.io/client-go/pkg/version.gitVersion=$version"
flags=(-trimpath -buildvcs=false -ldflags "$ldflags")

sha256() {
    if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

fingerprint() {
    go version
    printf '%s\n' "CGO_ENABLED=$CGO_ENABLED" "${flags[@]}"
    find . -name '*.go' ! -name '*_test.go' -o -name go.mod -o -name go.sum |
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
        echo "build.sh: building the test control plane; the first time this takes some minutes" >&2
        temporary=$(mktemp "$cache/.controlplane-XXXXXX")
        trap 'rm -f "$temporary"' EXIT
        go build "${flags[@]}" -o "$temporary" . >&2 9>&-
        mv "$temporary" "$binary"
    fi
fi

touch "$binary" # in use
find "$cache" \( -name 'controlplane-*' -mtime +30 -o -name '.controlplane-*' -mtime +1 \) -delete
echo "$binary"
