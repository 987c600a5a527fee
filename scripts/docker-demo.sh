#!/usr/bin/env bash
# The walk of RUNBOOK.md with no tool installed but Docker: an image with gitops-drift, kind and kubectl makes a kind
# cluster with the Docker of this machine and walks on it. REMEDIATE=true repairs too. The cluster is left;
# `docker rm -f gitops-drift-control-plane` takes it away.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v docker >/dev/null || {
    echo "docker-demo.sh: docker is not on PATH" >&2
    exit 1
}
docker build --target demo --tag gitops-drift-demo .
# With the network of the host, on whose loopback the cluster listens.
docker run --rm --network host --volume /var/run/docker.sock:/var/run/docker.sock \
    --env REMEDIATE="${REMEDIATE-}" gitops-drift-demo
