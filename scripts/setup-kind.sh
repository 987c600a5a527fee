#!/usr/bin/env bash
# Makes a kind cluster to try things out in, named by $CLUSTER (default gitops-drift), unless there is one by that name,
# and waits until it can be used. Needs kind, kubectl and a container engine.
set -euo pipefail

cluster=${CLUSTER:-gitops-drift}
for tool in kind kubectl; do
    command -v "$tool" >/dev/null || {
        echo "setup-kind.sh: $tool is not on PATH" >&2
        exit 1
    }
done

if kind get clusters 2>/dev/null | grep -qxF -- "$cluster"; then
    echo "there is a cluster $cluster already"
else
    kind create cluster --name "$cluster" --wait 120s
fi
kubectl --context "kind-$cluster" get nodes
