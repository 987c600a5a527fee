#!/usr/bin/env bash
# A Kubernetes control plane on this machine, to try things out on: a real
# kube-apiserver with etcd, without Docker and without nodes. Nothing runs the
# pods of a Deployment, and everything in it is gone after "down".
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/controlplane.sh [--dir DIR] [--version VERSION] COMMAND

  up [SERVE OPTIONS]  start it (builds it first, which takes some minutes once)
  env                 print shell code that makes `kubectl` talk to it:
                      eval "$(scripts/controlplane.sh env)"
  status              say whether it runs, and where
  down                stop it and remove all it had

DIR is its folder, by default ${XDG_STATE_HOME:-~/.local/state}/gitops-drift/controlplane.
VERSION is a minor version of Kubernetes, from 1.33 to 1.37 (the default).
The folder holds a kubeconfig for each user: admin, reader (get and list), writer (get,
list, create and update) and nobody (no rights).
END
}

fail() {
    echo "controlplane.sh: $*" >&2
    exit 1
}

# The process id is only believed if it still is the one that `up` started.
pid() {
    local pid
    pid=$(cat "$dir/pid" 2>/dev/null) || return 1
    [[ $(ps -o args= -p "$pid") == *"serve --dir $dir"* ]] || return 1
    echo "$pid"
}

up() {
    if pid >/dev/null; then
        echo "controlplane.sh: it already runs" >&2
        echo "$dir/admin.kubeconfig"
        return
    fi
    # "down" removes the folder, so it must not be one with anything else in it.
    if [[ -e $dir && ! -e $dir/pid && -n $(ls -A "$dir") ]]; then
        fail "$dir has other things in it; name another folder with --dir"
    fi

    local binary
    binary=$("$(dirname "${BASH_SOURCE[0]}")/../tests/controlplane/build.sh" ${version:+"$version"})
    rm -rf "$dir"
    mkdir -p "$dir/bin"
    printf '#!/usr/bin/env bash\nexec %q kubectl "$@"\n' "$binary" >"$dir/bin/kubectl"
    chmod +x "$dir/bin/kubectl"

    nohup "$binary" serve --dir "$dir" "$@" </dev/null >"$dir/output" 2>&1 &
    echo $! >"$dir/pid"
    until [[ -e $dir/ready ]]; do
        if ! kill -0 $! 2>/dev/null; then
            cat "$dir/output" >&2
            fail "it did not start; see $dir/server.log"
        fi
        sleep 0.1
    done
    echo "$dir/admin.kubeconfig"
}

env_() {
    pid >/dev/null || fail "it does not run; start it with \"up\""
    printf 'export KUBECONFIG=%q\n' "$dir/admin.kubeconfig"
    printf 'export KUBECTL=%q\n' "$dir/bin/kubectl"
    printf "export PATH=%q:\"\$PATH\"\n" "$dir/bin"
}

status() {
    local pid
    pid=$(pid) || fail "it does not run"
    [[ -e $dir/ready ]] || fail "it is starting, as process $pid"
    echo "it runs as process $pid at $(cat "$dir/ready")"
    ls "$dir"/*.kubeconfig
}

down() {
    local pid
    if pid=$(pid); then
        kill "$pid"
        while pid >/dev/null; do sleep 0.1; done
    elif [[ ! -e $dir/pid ]]; then
        echo "controlplane.sh: it does not run" >&2
        return
    fi
    rm -rf "$dir"
}

dir=${XDG_STATE_HOME:-$HOME/.local/state}/gitops-drift/controlplane
version=
while [[ ${1-} == --* && ${1-} != --help ]]; do
    case $1 in
    --dir)
        [[ -n ${2-} ]] || fail "--dir needs a folder"
        dir=$2
        ;;
    --version)
        [[ -n ${2-} ]] || fail "--version needs a version"
        version=$2
        ;;
    *) fail "there is no option $1" ;;
    esac
    shift 2
done
# Absolute, because what "env" prints is used from anywhere.
[[ $dir == /* ]] || dir=$PWD/$dir

command=${1-}
shift || true
case $command in
up) up "$@" ;;
env) env_ ;;
status) status ;;
down) down ;;
-h | --help | help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
