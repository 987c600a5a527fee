#!/usr/bin/env bash
# Records what a version of Kubernetes makes of the manifests here: created,
# applied, and applied server-side. What it refuses is not in the record.
#
# usage: tests/cases/servers/record.sh VERSION [SERVE OPTIONS]
#        NAME=v1.33-beta-off tests/cases/servers/record.sh 1.33 --extra-args=…
#
# record.sh manifests makes the manifests again, with the newest version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=../../..

version=${1-}
if [[ -z $version ]]; then
    sed -n 's/^# \(usage: .*\)/\1/p' "${BASH_SOURCE[0]}" >&2
    exit 2
fi
shift
name=${NAME-v$version}
folder=$(mktemp -d)
trap '"$root/scripts/controlplane.sh" --dir "$folder/plane" down; rm -rf "$folder"' EXIT

if [[ $version == manifests ]]; then
    "$root/scripts/controlplane.sh" --dir "$folder/plane" up
    (cd "$root/tests/oracle" && CGO_ENABLED=0 GOFLAGS="" GOWORK=off go build -o "$folder/oracle" .)
    "$folder/oracle" -kubeconfig "$folder/plane/admin.kubeconfig" -seed 6 -cover 190 -dir "$folder" |
        # kubectl makes another line break of a rare one.
        sed 's,a\\[NLP]b,a_b,g' |
        gzip -9n >manifests.yaml.gz
    exit
fi

"$root/scripts/controlplane.sh" --dir "$folder/plane" --version "$version" up "$@" >&2
kubectl() { "$folder/plane/bin/kubectl" --kubeconfig "$folder/plane/admin.kubeconfig" "$@"; }
{ gunzip -c manifests.yaml.gz && echo --- && cat by-hand.yaml; } >"$folder/manifests.yaml"

# Where each way has objects of its own. Namespaces have no namespace, and go first.
way() {
    local way=$1 show=()
    shift
    # The record of what was applied server-side.
    if [[ $way == server-side ]]; then show=(--show-managed-fields); fi
    kubectl create namespace "$way" >&2
    # Refusals are many, and expected.
    kubectl "$@" --validate=false -n "$way" -f "$folder/manifests.yaml" >/dev/null 2>"$folder/refused.$way" || true
    kubectl get deployments,services,configmaps -n "$way" ${show[@]+"${show[@]}"} -o json >"$folder/$way.json"
    kubectl get namespaces -o json >"$folder/$way.namespaces.json"
    # Its node ports and addresses belong to one Service of the cluster.
    kubectl delete services --all --wait=false -n "$way" >/dev/null
}
way created create
way applied apply
way server-side apply --server-side --force-conflicts

mkdir -p "$name"
{
    kubectl version -o json | sed -n '/"serverVersion"/,$p' | sed -n 's/.*"gitVersion": "\(.*\)".*/{"version": "\1"/p'
    for way in created applied server-side; do
        printf ', "%s": ' "$way"
        cat "$folder/$way.json"
    done
    printf ', "namespaces": '
    cat "$folder/created.namespaces.json"
    echo "}"
} | gzip -9n >"$name/answers.json.gz"
wc -l "$folder"/refused.* >&2
ls -l "$name" >&2
