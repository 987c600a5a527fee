#!/usr/bin/env bash
# Runs the commands in the `console` blocks of README.md and RUNBOOK.md, in their order, and compares what they print
# with what the block shows. RUNBOOK.md is run on a control plane of its own, and left out where there is no Go. What
# differs from run to run (revisions, times, ports, temporary folders) is replaced by fixed examples.
#
# Each message that the tables of RUNBOOK.md quote must be one of the program's, or one of the server's that a test waits
# for: what stands between its `…` is looked for in src and tests.
#
#   scripts/check-docs.sh           shows what differs, exit code 1 if anything does
#   scripts/check-docs.sh --write   puts what was printed into the documents
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

write=no
case ${1-} in
"") ;;
--write) write=yes ;;
*)
    echo "usage: scripts/check-docs.sh [--write]" >&2
    exit 2
    ;;
esac

folder=$(mktemp -d)
clean_up() {
    scripts/controlplane.sh --dir "$folder/controlplane" down >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# Replaces what differs from run to run by fixed examples.
settle() {
    sed -E \
        -e "s#$folder/controlplane#/home/you/.local/state/gitops-drift/controlplane#g" \
        -e "s#$folder#/tmp/walk#g" \
        -e 's#(Git revision : )[0-9a-f]{12}(-dirty)?$#\13b0406bf9c1a#' \
        -e 's#("revision": ?")[0-9a-f]{40}(-dirty)?"#\13b0406bf9c1a5d27e8f09b4c6d1e2f3a4b5c6d7e"#' \
        -e 's#https://127\.0\.0\.1:[0-9]+#https://127.0.0.1:6443#g' \
        -e 's#20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-9:]{8}Z#2026-11-22T10:04:11Z#g' \
        -e 's#[0-9]+ seconds? ago#3 days ago#g' \
        -e '/no history of [0-9]+ field/d' \
        -e 's# +$##'
}

# run FILE: prints the document with the output of its commands as it is now. They share one shell, as at a prompt.
run() {
    local line inside=no status=0 before
    while IFS= read -r line; do
        case $inside:$line in
        no:'```console') inside=yes ;;
        yes:'```') inside=no ;;
        yes:'$ '*)
            printf '%s\n' "$line"
            before=$status
            status=0
            # So that `echo $?` tells the last command's.
            eval "(exit $before); ${line#\$ }" >"$folder/output" 2>&1 </dev/null || status=$?
            settle <"$folder/output"
            continue
            ;;
        yes:*) continue ;;
        esac
        printf '%s\n' "$line"
    done <"$1"
}

differing=0
check() {
    local made=$folder/$1
    run "$1" >"$made"
    if cmp -s "$1" "$made"; then
        echo "$1: as it is"
    elif [[ $write == yes ]]; then
        cat "$made" >"$1"
        echo "$1: rewritten"
    else
        diff -u --label "$1" --label "$1, as it is now" "$1" "$made" || true
        differing=$((differing + 1))
    fi
}

# The sources as one text a line, with `…` where a message puts a value in.
sources() {
    find src tests/integration -name '*.rs' -exec cat {} + | awk '
        /^ *\/\// { next }
        {
            continues = sub(/\\$/, "")
            if (joined) sub(/^ +/, "")
            gsub(/\\"/, "\"")
            gsub(/\{[^{}"]*\}/, "…")
            printf "%s%s", $0, continues ? "" : "\n"
            joined = continues
        }'
}

# The messages in the first column of the tables below the heading "Messages", one a line.
quoted_messages() {
    # shellcheck disable=SC2016 # The backticks are Markdown's.
    awk '/^## /{ inside = /^## Messages/ } inside && /^\| `/' RUNBOOK.md | sed 's/\\|/\x01/g' | cut -d'|' -f2 |
        grep -o '`[^`]*`' | tr -d '`' | tr '\001' '|'
}

check_messages() {
    local message part known unknown=0 count=0
    sources >"$folder/sources"
    while IFS= read -r message; do
        known=yes
        while IFS= read -r part; do
            [[ $part =~ [a-z]{2} ]] || continue
            grep -qF -- "$part" "$folder/sources" || known=no
        done <<<"${message//…/$'\n'}"
        count=$((count + 1))
        if [[ $known == no ]]; then
            echo "RUNBOOK.md: no such message: $message"
            unknown=$((unknown + 1))
        fi
    done < <(quoted_messages)
    if ((count == 0)); then
        echo "RUNBOOK.md: no messages were found to check"
        unknown=1
    fi
    echo "RUNBOOK.md: $count messages, $unknown of them unknown"
    differing=$((differing + (unknown > 0)))
}

check_messages

cargo build --quiet --locked
PATH=$(cd "${CARGO_TARGET_DIR:-target}/debug" && pwd):$PATH
export PATH TMPDIR=$folder LC_ALL=C
unset KUBECONFIG CDPATH

# What Git's history says of the examples differs from clone to clone, so the program does not get to see it.
mkdir "$folder/bin"
cat >"$folder/bin/git" <<EOF
#!/bin/sh
case " \$* " in *" rev-parse --is-shallow-repository "*) exit 1 ;; esac
exec $(command -v git) "\$@"
EOF
chmod +x "$folder/bin/git"
PATH=$folder/bin:$PATH

check README.md

if command -v go >/dev/null; then
    scripts/controlplane.sh --dir "$folder/controlplane" up --parent-pid $$ >/dev/null
    eval "$(scripts/controlplane.sh --dir "$folder/controlplane" env)"
    check RUNBOOK.md
else
    echo "RUNBOOK.md: left out, for there is no Go to build a control plane"
fi

if ((differing > 0)); then
    echo "check-docs.sh: $differing document(s) do not show what the commands print; see --write" >&2
    exit 1
fi
