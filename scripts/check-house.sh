#!/usr/bin/env bash
# Checks the rules of the house that the compiler does not know: who may use kube and clap, in which direction modules
# use each other, and that the middle of the program stays pure. Prints each breach and the rule; exits with 1 if there
# is one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

breaches=0

# breach RULE: reads places from standard input, one per line.
breach() {
    local place
    while IFS= read -r place; do
        echo "check-house.sh: $place: $1" >&2
        breaches=$((breaches + 1))
    done
}

# uses PATTERN FILE...: the places outside of comments that match, as FILE:LINE.
uses() {
    local pattern=$1
    shift
    awk -v pattern="$pattern" '{ sub(/\/\/.*/, "") } $0 ~ pattern { print FILENAME ":" FNR }' "$@"
}

mapfile -t files < <(find src -name '*.rs' | LC_ALL=C sort)
mapfile -t modules < <(sed -n 's/^pub mod \([a-z_]*\);.*/\1/p' src/lib.rs)
if [[ ${#files[@]} -eq 0 || ${#modules[@]} -eq 0 ]]; then
    echo "check-house.sh: no sources, or no modules in src/lib.rs" >&2
    exit 1
fi

mapfile -t others < <(printf '%s\n' "${files[@]}" | grep -v '^src/cluster/')
breach "only src/cluster uses kube" < <(uses '(^|[^a-z_])(kube|kube_[a-z]+|k8s_openapi)::' "${others[@]}")

mapfile -t others < <(printf '%s\n' "${files[@]}" | grep -vE '^src/(cli|main)\.rs$')
breach "only src/cli.rs and src/main.rs use clap" < <(uses '(^|[^a-z_])clap(_[a-z]+)?::' "${others[@]}")

# The pure middle takes values and gives values.
mapfile -t pure < <(printf '%s\n' "${files[@]}" |
    grep -E '^src/((yaml|path|schema|normalize|managed_fields|diff|blame|report)(/|\.rs$)|remediate/plan)')
impure='(^|[^a-z_])(tokio::|std::(fs|net|env|process|time)|Timestamp::now|Zoned::now)'
breach "no file, clock, task or network in this module" < <(uses "$impure" "${pure[@]}")

# `crate::a` and `crate::{a, b::c}` in the order of the list in lib.rs; `super::super::a` is the same in a folder.
used_modules() {
    awk '
        { sub(/\/\/.*/, ""); text = text $0 "\n" }
        END {
            line = 1
            while (match(text, /(crate|super::super)::/)) {
                before = substr(text, 1, RSTART - 1)
                line += gsub(/\n/, "", before)
                text = substr(text, RSTART + RLENGTH)
                if (substr(text, 1, 1) != "{") {
                    match(text, /^[a-z_]*/)
                    print line, substr(text, 1, RLENGTH)
                    continue
                }
                depth = 0
                word = ""
                for (i = 1; i <= length(text); i++) {
                    c = substr(text, i, 1)
                    if (c == "{") { depth++; if (depth == 2) { print line, word; word = "-" } }
                    else if (c == "}" || (c == "," && depth == 1)) {
                        if (depth == 1 && word != "-") print line, word
                        if (c == "}") depth--
                        if (depth == 0) break
                        if (c == ",") word = ""
                    }
                    else if (depth == 1 && c == ":" && word != "-") { print line, word; word = "-" }
                    else if (depth == 1 && c ~ /[a-z_]/ && word != "-") word = word c
                }
            }
        }' "$1"
}

place_of() {
    local i
    for i in "${!modules[@]}"; do
        [[ ${modules[i]} == "$1" ]] && echo "$i" && return
    done
    return 1
}

for file in "${files[@]}"; do
    module=${file#src/}
    module=${module%%/*}
    module=${module%.rs}
    # These wire the others together.
    [[ $module == lib || $module == main || $module == cli || $module == reconcile ]] && continue
    own=$(place_of "$module") || {
        breach "this module is not in the list of src/lib.rs" <<<"$file"
        continue
    }
    while read -r line used; do
        place=$(place_of "$used") || continue
        if ((place > own)); then
            breach "$module uses $used, which stands below it in the list of src/lib.rs" <<<"$file:$line"
        fi
    done < <(used_modules "$file")
done

if ((breaches > 0)); then
    echo "check-house.sh: $breaches breach(es) of the rules in CONTRIBUTING.md" >&2
    exit 1
fi
