#!/usr/bin/env bash
# Runs the commands of README.md and RUNBOOK.md in their order, each document on a control plane of its own. Where there is
# no Go to build one, only the `console` blocks of README.md are run.
#
# Commands run in a copy of this repository with a single commit, the folder deploy/ and the branch production.
#
# - `console` blocks: what the commands print is compared with what the block shows. What differs from run to run (revisions,
#   times, ports, temporary folders) is replaced by fixed examples.
# - `sh` blocks: each must succeed. Left out are those that begin with `# needs …`, and those that `run_elsewhere` knows.
#
# Links within the documents must lead somewhere, and README.md has at most 300 lines.
#
# scripts/picture.sh draws README's picture again, and the result is compared with examples/report.svg.
#
# Each message that the tables of RUNBOOK.md quote must be one of the program's, or one of the server's that a test waits
# for: the text between `…` is searched for in src and tests.
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
        -e 's#until [0-2][0-9]:[0-5][0-9]Z#until 11:04Z#g' \
        -e '/no history of [0-9]+ field/d' \
        -e 's# +$##'
}

# The tests that run a block of commands in place of this script, which would take too long or have no end.
run_elsewhere() {
    case $1 in
    'scripts/test.sh'*) ;;           # .ci/run
    'scripts/controlplane.sh up'*) ;; # this script, in a folder of its own
    *' --interval '*) ;;              # tests/integration/loops.rs
    *) return 1 ;;
    esac
}

# run_block DOCUMENT COMMANDS: as at a prompt in the copy of the repository. Cargo has built the program already.
run_block() {
    [[ $2 == '# needs '* ]] && return
    run_elsewhere "$2" && return
    # shellcheck disable=SC2016 # The commands expand it.
    local cargo='cargo() { case $1 in run) shift 2; gitops-drift "$@" ;; install) ;; *) return 1 ;; esac; }'
    blocks=$((blocks + 1))
    if ! (cd "$folder/copy" && bash -euo pipefail -c "$cargo
$2") >"$folder/output" 2>&1 </dev/null; then
        printf '%s fails:\n%s\n' "$1" "$2"
        sed 's/^/    /' "$folder/output"
        failing=$((failing + 1))
    fi >&2
}

# run FILE: prints the document with the output of its commands as it is now. Those of console blocks share one shell.
run() {
    local line inside=no status=0 before commands="" document=$1
    # shellcheck disable=SC2094 # run_block only prints the document's name.
    while IFS= read -r line; do
        case $inside:$line in
        no:'```console') inside=yes ;;
        no:'```sh') inside=sh commands="" ;;
        sh:'```')
            inside=no
            if [[ $has_cluster == yes ]]; then run_block "$document" "$commands"; fi
            ;;
        sh:*) commands+=${commands:+$'\n'}$line ;;
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
    done <"$document"
}

differing=0
check() {
    local here=$PWD made=$folder/$1 blocks=0 failing=0
    cd "$folder/copy"
    run "$here/$1" >"$made"
    cd "$here"
    echo "$1: $blocks blocks of commands, $failing of them failing"
    differing=$((differing + (failing > 0)))
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

# The picture that README shows.
check_picture() {
    local made=$folder/report.svg
    scripts/picture.sh >"$made"
    if cmp -s examples/report.svg "$made"; then
        echo "examples/report.svg: as it is"
    elif [[ $write == yes ]]; then
        cp "$made" examples/report.svg
        echo "examples/report.svg: rewritten"
    else
        diff -u examples/report.svg "$made" || true
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

# The messages, one a line, in the first column of each table of messages: those below "## Messages", and those about lines of the report, whose
# commits and numbers are examples.
quoted_messages() {
    # shellcheck disable=SC2016 # The backticks are Markdown's.
    awk '/^## /{ inside = /^## Messages/ }
        !/^\|/ { of_lines = 0 }
        /^\| (the `[a-z]+` )?line / { of_lines = 1 }
        of_lines { gsub(/[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]/, "…"); gsub(/\([^)]*\)/, "…"); gsub(/ [0-9]+ /, "…") }
        (inside || of_lines) && /^\| .*`/' RUNBOOK.md | sed 's/\\|/\x01/g' | cut -d'|' -f2 |
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

# The places in a document that a link can lead to, as GitHub names them.
places() {
    # shellcheck disable=SC2016 # The backticks are Markdown's.
    sed -n '/^```/,/^```$/d; s/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' |
        sed -e 's/[^a-z0-9 _-]//g' -e 's/ /-/g'
}

check_links() {
    local document link file place dead=0
    for document in *.md; do
        while IFS= read -r link; do
            file=${link%%#*}
            place=${link#"$file"}
            if [[ -n $file && ! -e $file ]]; then
                echo "$document: no such file: $link"
                dead=$((dead + 1))
            elif [[ -n $place ]] && ! places "${file:-$document}" | grep -qxF -- "${place#\#}"; then
                echo "$document: no such place: $link"
                dead=$((dead + 1))
            fi
        done < <(grep -oE '\]\([^)]+\)' "$document" | sed -e 's/^](//' -e 's/)$//' | grep -v '^https*:')
    done
    echo "links: $dead dead"
    differing=$((differing + (dead > 0)))
}

check_length() {
    local lines
    lines=$(wc -l <README.md)
    if ((lines > 300)); then
        echo "README.md: $lines lines, and at most 300 are wanted: move what few look for to RUNBOOK.md"
        differing=$((differing + 1))
    fi
}

check_links
check_length

program=${GITOPS_DRIFT-}
if [[ -z $program ]]; then
    cargo build --quiet --locked
    program=${CARGO_TARGET_DIR:-target}/debug/gitops-drift
fi
PATH=$(cd "$(dirname "$program")" && pwd):$PATH
export PATH TMPDIR=$folder LC_ALL=C
unset KUBECONFIG CDPATH

check_picture

# What the commands act on: a copy of this repository, and the manifests of the examples in deploy/, which is deployed.
mkdir -p "$folder/copy/deploy"
git ls-files -z --cached --others --exclude-standard | tar --null --files-from - --create | tar -x -C "$folder/copy"
cp examples/desired/* "$folder/copy/deploy"
(
    cd "$folder/copy"
    git init --quiet --initial-branch production
    git config user.name "You"
    git config user.email you@example.com
    git add --all
    git commit --quiet --message "Deploy"
)

start_control_plane() {
    scripts/controlplane.sh --dir "$folder/controlplane" up --parent-pid $$ >/dev/null
    eval "$(scripts/controlplane.sh --dir "$folder/controlplane" env)"
}

has_cluster=no
if command -v go >/dev/null; then
    has_cluster=yes
    start_control_plane
    kubectl apply -f "$folder/copy/deploy" >/dev/null
    check README.md
    scripts/controlplane.sh --dir "$folder/controlplane" down >/dev/null
    start_control_plane
    check RUNBOOK.md
else
    check README.md
    echo "RUNBOOK.md: left out, for there is no Go to build a control plane"
fi

if ((differing > 0)); then
    echo "check-docs.sh: $differing document(s) do not show what the commands print; see --write" >&2
    exit 1
fi
