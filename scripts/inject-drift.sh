#!/usr/bin/env bash
# Changes the live objects of examples/desired and examples/sidecar behind Git's back, as people and their tools do it:
# drift of the kinds that happen, and changes that are none. Uses the kubectl and kubeconfig of the environment.
set -euo pipefail

kubectl set image deployment/frontend frontend=nginx:1.19
kubectl set resources deployment/frontend --containers=frontend --limits=cpu=500m,memory=512Mi
kubectl set image deployment/redis redis=redis:7.0
kubectl patch configmap app-config --patch '{"data": {"LOG_LEVEL": "debug", "MAX_CONNECTIONS": "200"}}'
kubectl label service frontend app=frontend-drift --overwrite
kubectl label namespace demo env=staging --overwrite

# Nothing is said of this one: its manifest asks to skip it.
kubectl set image deployment/api api=registry.example.com/api:2.5.0

# No drift: a sidecar is injected, replicas are scaled, and the order of containers and variables changes.
kubectl scale deployment/gateway --replicas=3
kubectl patch deployment gateway --type=json --patch '[
  {"op": "add", "path": "/spec/template/spec/containers/0", "value": {"name": "proxy", "image": "proxy:1"}},
  {"op": "move", "from": "/spec/template/spec/containers/1/env/0", "path": "/spec/template/spec/containers/1/env/1"},
  {"op": "move", "from": "/spec/template/spec/containers/1", "path": "/spec/template/spec/containers/2"}
]'
