#!/usr/bin/env bash
# Prints the picture in README: the report of a real run with its colours, as SVG.
#
#   scripts/picture.sh >examples/report.svg
#
# The manifests have two commits and a change that is not committed. Times are replaced by fixed ones, as in
# scripts/check-docs.sh, which compares the picture with what the program prints now. It needs the program in PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
case=$PWD/tests/cases/reports/history

# The case is set in a year to come, the picture is not.
mkdir "$folder/deploy"
sed 's/2040-/2026-/' "$case/live.yaml" >"$folder/live.yaml"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=Ana GIT_AUTHOR_EMAIL=ana@example.com GIT_COMMITTER_NAME=Ana GIT_COMMITTER_EMAIL=ana@example.com

# commit DAY SUBJECT: commits standard input as the manifest.
commit() {
    cat >"$folder/deploy/web.yaml"
    export GIT_AUTHOR_DATE="2026-11-${1}T09:00:00Z" GIT_COMMITTER_DATE="2026-11-${1}T09:00:00Z"
    git -C "$folder" add deploy
    git -C "$folder" commit -q -m "$2"
}
git -C "$folder" init -q -b main
sed -e 's/replicas: 4/replicas: 3/' -e 's/web:1.25/web:1.19/' -e 's/name: cache/name: other-cache/' "$case/desired.yaml" |
    commit 02 "Begin"
sed 's/replicas: 4/replicas: 3/' "$case/desired.yaml" | commit 12 "Bump the web server to 1.25"
cp "$case/desired.yaml" "$folder/deploy/web.yaml"

# to_svg: a terminal's text with colours as SVG, a line of text for each.
to_svg() {
    awk '
        function xml(text) {
            gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text)
            return text
        }
        function spans(line,    out, class, code) {
            while (match(line, /\033\[[0-9]*m/)) {
                code = substr(line, RSTART + 2, RLENGTH - 3)
                if (RSTART > 1) out = out span(class, substr(line, 1, RSTART - 1))
                class = code
                line = substr(line, RSTART + RLENGTH)
            }
            return out span(class, line)
        }
        function span(class, text) {
            if (text == "") return ""
            if (class == "" || class == "0") return xml(text)
            return "<tspan class=\"c" class "\">" xml(text) "</tspan>"
        }
        { lines[NR] = $0; plain = $0; gsub(/\033\[[0-9]*m/, "", plain); if (length(plain) > widest) widest = length(plain) }
        END {
            width = int(widest * 8.4) + 40
            height = NR * 20 + 36
            printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n", width, height, width, height
            print "<style>"
            print "text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #d8dee9; white-space: pre }"
            print ".c1 { font-weight: bold; fill: #fff } .c2 { fill: #8a94a6 }"
            print ".c31 { fill: #ff7b72 } .c32 { fill: #7ee787 } .c33 { fill: #f2cc60 }"
            print "</style>"
            print "<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#161b22\"/>"
            for (i = 1; i <= NR; i++)
                if (lines[i] != "") printf "<text x=\"20\" y=\"%d\" xml:space=\"preserve\">%s</text>\n", i * 20 + 12, spans(lines[i])
            print "</svg>"
        }'
}

{
    echo '$ gitops-drift -f deploy --live live.yaml'
    cd "$folder"
    COLUMNS=100 gitops-drift -f deploy --live live.yaml --color always --log-level ERROR
} | sed -E \
    -e 's#(Git revision : )[0-9a-f]{12}(-dirty)?#\13b0406bf9c1a\2#' \
    -e 's#\([0-9]+ [a-z]+ ago\)#(3 days ago)#g' |
    to_svg
