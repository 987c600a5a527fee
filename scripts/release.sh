#!/usr/bin/env bash
# Builds what a release consists of, into dist/:
#
#   gitops-drift-VERSION-TARGET.tar.gz   the program (one static file), completions, manual page, licence, SBOM
#   SHA256SUMS                           the checksums
#   drift.yaml                           the manifest for Krew, kubectl's index of plugins
#
# The program is linked with musl where rustup has that target and musl-gcc is installed, else with glibc, statically. It
# needs no file of the system but what names a host (/etc/hosts or /etc/resolv.conf). Needs cargo, a C compiler and jq.
#
#   scripts/release.sh            builds
#   scripts/release.sh --target   prints the target that it would build for
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
*)
    echo "usage: scripts/release.sh [--target]" >&2
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
# A program that asks for a loader is not static.
if readelf --program-headers "$binary" | grep -q INTERP; then
    fail "$binary is not static"
fi

rm -rf "${dist:?}/$name"
mkdir -p "$dist/$name/completions" "$dist/$name/man"
cp "$binary" LICENSE README.md CHANGELOG.md report.schema.json "$dist/$name/"
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
