#!/usr/bin/env bash
# Prints a kubeconfig for CI: one context, the cluster's certificate, and a token of the ServiceAccount gitops-drift, which
# may only get and list (examples/in-cluster/read-only.yaml; apply that first). Uses the kubectl and the kubeconfig of the
# environment, whose user must be allowed to create tokens.
#
#   scripts/make-readonly-kubeconfig.sh [--context NAME] [--duration DURATION] >drift.kubeconfig
#
# DURATION is how long the token is good for (default 720h); the server may have a shorter limit, and then says so.
set -euo pipefail
umask 077

namespace=gitops-drift
account=gitops-drift
duration=720h
context=()

usage() {
    echo "usage: scripts/make-readonly-kubeconfig.sh [--context NAME] [--duration DURATION]" >&2
    exit 2
}

while (($# > 0)); do
    [[ -n ${2-} ]] || usage
    case $1 in
    --context) context=(--context "$2") ;;
    --duration) duration=$2 ;;
    *) usage ;;
    esac
    shift 2
done

k() {
    kubectl ${context[@]+"${context[@]}"} "$@"
}

# The cluster of the context, with its certificate in the file itself.
cluster() {
    k config view --raw --minify --flatten --output "jsonpath={.clusters[0].cluster.$1}"
}

# The name that reports show.
label=$account@$(k config view --minify --output "jsonpath={.clusters[0].name}")
server=$(cluster server)
certificate=$(cluster certificate-authority-data)
name=$(cluster tls-server-name)
proxy=$(cluster proxy-url)
token=$(k create token "$account" --namespace "$namespace" --duration "$duration")

cat <<END
apiVersion: v1
kind: Config
current-context: "$label"
contexts:
- name: "$label"
  context: {cluster: drift, user: drift}
clusters:
- name: drift
  cluster:
    server: $server
END
# A server whose certificate everybody trusts needs none here.
[[ -z $certificate ]] || echo "    certificate-authority-data: $certificate"
[[ -z $name ]] || echo "    tls-server-name: $name"
[[ -z $proxy ]] || echo "    proxy-url: $proxy"
cat <<END
users:
- name: drift
  user:
    token: $token
END
