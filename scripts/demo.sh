#!/usr/bin/env bash
# The walk of RUNBOOK.md on a real API server, with nothing installed but Rust and Go. The control plane is its own, in a
# temporary folder, and is gone afterwards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=$(mktemp -d)
clean_up() {
    scripts/controlplane.sh --dir "$folder/controlplane" down >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

echo "==> build gitops-drift"
cargo build --locked

echo "==> start a control plane"
scripts/controlplane.sh --dir "$folder/controlplane" up --parent-pid $$
eval "$(scripts/controlplane.sh --dir "$folder/controlplane" env)"

GITOPS_DRIFT=${CARGO_TARGET_DIR:-target}/debug/gitops-drift REMEDIATE=true scripts/walk.sh
