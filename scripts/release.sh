#!/usr/bin/env bash
# Builds what a release consists of, into dist/:
#
#   gitops-drift-VERSION-TARGET.tar.gz   the program (one static file), completions, manual page, documents, examples,
#                                        licence, SBOM
#   SHA256SUMS                           the checksums
#   drift.yaml                           the manifest for Krew, kubectl's index of plugins
#
# The program is linked statically, with musl if rustup has that target and musl-gcc is installed, else with glibc. It needs
# no system files except those that resolve host names (/etc/hosts or /etc/resolv.conf); before it is packed, it is tried in
# an empty root file system. Needs cargo, a C compiler, jq and unshare, and Go for the trial with a server.
#
#   scripts/release.sh            builds
#   scripts/release.sh --target   prints the target that it would build for
#   scripts/release.sh --try FILE only tries a program in an empty root file system
#
# $BASE_URL is where the archive will be found, for Krew's manifest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    echo "release.sh: $*" >&2
    exit 1
}

# The targets that this Rust has libraries for.
has_target() {
    [[ -d $(rustc --print sysroot)/lib/rustlib/$1/lib ]]
}

choose_target() {
    local machine
    machine=$(uname -m)
    if has_target "$machine-unknown-linux-musl" && command -v musl-gcc >/dev/null; then
        echo "$machine-unknown-linux-musl"
    else
        echo "$machine-unknown-linux-gnu"
    fi
}

# In a folder of its own, since other flags would have everything in target/ built again.
build() {
    local cc=cc
    [[ $target == *-musl ]] && cc=musl-gcc
    env "CC_${target//-/_}=$cc" RUSTFLAGS="-C target-feature=+crt-static" CARGO_TARGET_DIR="$folder" \
        cargo build --locked --release --target "$target"
}

# A program that asks for a loader is not static.
check_static() {
    if readelf --program-headers "$1" | grep -q INTERP; then fail "$1 is not static"; fi
}

# in_empty_root ROOT ARGS...: runs the program in a file system that has nothing but what the folder ROOT has.
in_empty_root() {
    local root=$1
    shift
    env --ignore-environment "$(command -v unshare)" --map-root-user --root "$root" /gitops-drift "$@"
}

# The program with manifests, and with a kubeconfig whose certificates are in it and whose server has a name. Names are
# looked up in /etc/hosts, which every container has.
try_in_empty_root() {
    local program=$1 root=$folder/root up=$folder/controlplane output
    rm -rf "${root:?}"
    mkdir -p "$root/etc" "$folder"
    cp "$program" "$root/gitops-drift"
    cp -r examples/desired examples/live "$root/"
    output=$(in_empty_root "$root" -f /desired --live /live) || fail "$program does not run in an empty root file system"
    [[ $output == *"Total: 5 resource(s) drifted"* ]] || fail "another report in an empty root file system: $output"
    if ! command -v go >/dev/null; then
        echo "release.sh: not tried with a server, since there is no Go to build one" >&2
        return
    fi
    scripts/controlplane.sh --dir "$up" up --parent-pid $$ >/dev/null
    sed 's#https://127\.0\.0\.1:#https://localhost:#' "$up/reader.kubeconfig" >"$root/kubeconfig"
    echo "127.0.0.1 localhost" >"$root/etc/hosts"
    output=$(in_empty_root "$root" -f /desired --kubeconfig /kubeconfig --once 2>&1) || true
    scripts/controlplane.sh --dir "$up" down >/dev/null
    grep -q 'Cluster *: reader (https://localhost:' <<<"$output" || fail "no server in an empty root file system: $output"
    grep -q '^Total: 5 resource(s) drifted' <<<"$output" || fail "another report from a server: $output"
    echo "$program: runs in an empty root file system, with a server given by name"
}

# What is in the program, as CycloneDX: each crate that is linked into it, with its licence and its checksum.
sbom() {
    cargo metadata --locked --format-version 1 --filter-platform "$target" >"$folder/metadata.json"
    # Cargo.lock has the checksums.
    awk -F'"' '
        /^name = /{ name = $2 } /^version = /{ version = $2 }
        /^checksum = /{ print name "\t" version "\t" $2 }' Cargo.lock |
        jq -R 'split("\t") | {key: "\(.[0]) \(.[1])", value: .[2]}' | jq -s from_entries >"$folder/checksums.json"
    jq --slurpfile checksums "$folder/checksums.json" -f scripts/sbom.jq "$folder/metadata.json"
}

krew_manifest() {
    cat <<END
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: drift
spec:
  version: v$version
  homepage: $BASE_URL
  shortDescription: Compare a cluster with the manifests in Git
  description: |
    Tells whether a cluster still is what Git says it is: compares Deployments,
    Services, ConfigMaps and Namespaces in plain manifests with the live objects,
    and shows what changed, where it is declared and who wrote it last. Reads
    only, with the rights to get and list, unless --remediate is given.
  platforms:
    - selector:
        matchLabels:
          os: linux
          arch: $(architecture)
      uri: $BASE_URL/$name.tar.gz
      sha256: $(cut -d ' ' -f 1 SHA256SUMS)
      bin: gitops-drift
END
}

# As Go names it.
architecture() {
    case $target in
    x86_64-*) echo amd64 ;;
    aarch64-*) echo arm64 ;;
    *) echo "${target%%-*}" ;;
    esac
}

target=$(choose_target)
case ${1-} in
"") ;;
--target)
    echo "$target"
    exit
    ;;
--try)
    [[ -x ${2-} ]] || fail "--try needs the path of a program"
    check_static "$2"
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    try_in_empty_root "$2"
    exit
    ;;
*)
    echo "usage: scripts/release.sh [--target | --try FILE]" >&2
    exit 2
    ;;
esac

command -v jq >/dev/null || fail "jq is not on PATH"
folder=$PWD/target/release-static
dist=$PWD/dist
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
name=gitops-drift-$version-$target
BASE_URL=${BASE_URL:-https://example.com/gitops-drift/releases/v$version}

build
binary=$folder/$target/release/gitops-drift
check_static "$binary"
try_in_empty_root "$binary"

rm -rf "${dist:?}/$name"
mkdir -p "$dist/$name/completions" "$dist/$name/man"
# With what README links to, and what the documents tell people to run.
cp "$binary" LICENSE ./*.md report.schema.json "$dist/$name/"
cp -r examples "$dist/$name/"
mkdir "$dist/$name/scripts"
cp scripts/make-readonly-kubeconfig.sh "$dist/$name/scripts/"
"$binary" man >"$dist/$name/man/gitops-drift.1"
"$binary" completion bash >"$dist/$name/completions/gitops-drift.bash"
"$binary" completion zsh >"$dist/$name/completions/_gitops-drift"
"$binary" completion fish >"$dist/$name/completions/gitops-drift.fish"
sbom >"$dist/$name/sbom.cdx.json"

cd "$dist"
# The same input gives the same archive: no names of users, and the time of the commit.
time=$(git log -1 --format=%ct 2>/dev/null || echo 0)
tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$time" "$name" | gzip -n -9 >"$name.tar.gz"
rm -rf "$name"
sha256sum "$name.tar.gz" >SHA256SUMS
krew_manifest >drift.yaml
printf '%s: %s bytes\n' "$binary" "$(stat -c %s "$binary")" "dist/$name.tar.gz" "$(stat -c %s "$name.tar.gz")"
