#!/usr/bin/env bash
# Measures gitops-drift against the test control plane, in turns with the kubectl of the same version and with the least
# that any client needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    cat <<'END'
usage: scripts/bench.sh [OPTIONS] [N] [CASE...]

N is how many objects there are, 1000 by default. The cases:

  sync     all objects, one of them drifted; kubectl diff and the floor beside it
  drift    all objects; one, each hundredth and all of them drifted, the last as text too
  one      a single Deployment, beside kubectl get
  foreign  100 objects among 20,000 others in the same namespaces
  growth   from 100 to 30,000 objects
  loop     cycle after cycle over 100 objects: does it keep memory or files?
  hold     nothing is measured: the command to profile is printed, and its server runs until standard input ends

Without a case: sync, drift and one. Each case fills a control plane of its own. The floor is the time that it takes to
fetch the same objects over one connection, reading and dropping what comes. A run that did not compare everything,
did not find what was changed, or left no request in the audit log makes no figure: it ends the benchmark. kubectl is the
control plane's own; the first line says of which version it is.

  --pairs N           rounds of the program and the floor (9)
  --kubectl-rounds N  rounds of kubectl diff, up to 1,000 objects (5; 0 leaves it out)
  --cycles N          cycles of the loop, a second each (120)
  --against BINARY    another build of the program, run in turns with this one, and the ratios of the two
END
}

options=()
while [[ ${1-} == -* ]]; do
    case $1 in
    --pairs | --kubectl-rounds | --cycles | --against) options+=("$1=${2?"$1 needs a number"}") && shift 2 ;;
    -h | --help) usage && exit ;;
    *) usage >&2 && exit 2 ;;
    esac
done
if [[ ${1-} =~ ^[0-9]+$ ]]; then
    options+=("--objects=$1")
    shift
fi
(($#)) || set -- sync drift one

cargo build --release --locked --quiet
target=$(cargo metadata --format-version=1 --no-deps --offline | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
control_plane=$(tests/controlplane/build.sh)
bench=$target/bench
(cd tests/bench && CGO_ENABLED=0 GOFLAGS="" GOWORK=off go build -o "$bench" .)
exec "$bench" --tool="$target/release/gitops-drift" --controlplane="$control_plane" "${options[@]}" "$@"
