#!/usr/bin/env bash
# Proves gitops-drift against a real API server, with random manifests and random
# changes to what is made from them; see tests/oracle/README.md.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/oracle.sh OBJECTS MUTATIONS SEED [OPTIONS]

OBJECTS manifests are made, and MUTATIONS changes to the objects. The same SEED
makes the same ones. Try 200 1000 1 for a first look, and 2000 20000 1 for a
thorough one.

  --repair            let the tool repair what was changed, and judge that
  --versus-kubectl N  only compare what the tool and kubectl diff say about N
                      changed objects
  --version VERSION   a minor version of Kubernetes, 1.33 to 1.37 (the default)
  --dir DIR           folder for manifests and failures (default: a new one)

GITOPS_DRIFT may name the tool; otherwise it is built from the sources.

Exit codes: 0 nothing wrong, 1 failures were found, 2 the oracle itself failed.
END
}

case ${1-} in
-h | --help | help)
    usage
    exit
    ;;
esac
if [[ $# -lt 3 ]]; then
    usage >&2
    exit 2
fi
objects=$1 mutations=$2 seed=$3
shift 3

options=()
dir=
version=
while [[ $# -gt 0 ]]; do
    case $1 in
    --repair) options+=(--repair) ;;
    --versus-kubectl)
        options+=(--versus-kubectl "${2-}")
        shift
        ;;
    --version)
        version=${2-}
        shift
        ;;
    --dir)
        dir=${2-}
        shift
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
    shift
done

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [[ -z $dir ]]; then
    dir=$(mktemp -d "${TMPDIR:-/tmp}/oracle-XXXXXX")
fi
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

controlplane=$("$root/tests/controlplane/build.sh" ${version:+"$version"}) || exit 2
tool=${GITOPS_DRIFT-}
if [[ -z $tool ]]; then
    (cd "$root" && cargo build --quiet --release) || exit 2
    tool=${CARGO_TARGET_DIR:-$root/target}/release/gitops-drift
fi
# Its types are those of the server.
modfile=$root/tests/controlplane/versions/$version.mod
[[ -e $modfile ]] || modfile=$root/tests/oracle/go.mod
(cd "$root/tests/oracle" && CGO_ENABLED=0 GOFLAGS="" GOWORK=off go build -trimpath -modfile="$modfile" -o "$dir/oracle" .) || exit 2

# The server ends with its standard input, so it cannot outlive this script.
coproc SERVER { exec "$controlplane" serve --dir "$dir/server" --stdin 2>"$dir/server.err"; }
if ! read -r -t 120 ready url <&"${SERVER[0]}" || [[ $ready != ready ]]; then
    cat "$dir/server.err" >&2
    exit 2
fi
echo "oracle: seed $seed, server $url, files in $dir" >&2

code=0
"$dir/oracle" -kubeconfig "$dir/server/admin.kubeconfig" -tool "$tool" -controlplane "$controlplane" \
    -objects "$objects" -mutations "$mutations" -seed "$seed" -dir "$dir" ${options[@]+"${options[@]}"} || code=$?

input=${SERVER[1]}
exec {input}>&-
wait "$SERVER_PID" 2>/dev/null || true
exit "$code"
