#!/usr/bin/env bash
# Checks the rules of the house that the compiler does not know: who may use kube and clap, in which direction modules
# and the files of a folder use each other, that the middle of the program stays pure, that no two types share a name, and
# that tests have names of their own. Prints each breach and the rule; exits with 1 if there is one.
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
mapfile -t modules < <(sed -nE 's/^(pub )?mod ([a-z_]*);.*/\2/p' src/lib.rs)
if [[ ${#files[@]} -eq 0 || ${#modules[@]} -eq 0 ]]; then
    echo "check-house.sh: no sources, or no modules in src/lib.rs" >&2
    exit 1
fi

mapfile -t others < <(printf '%s\n' "${files[@]}" | grep -v '^src/cluster/')
breach "only src/cluster uses kube" < <(uses '(^|[^a-z_])(kube|kube_[a-z]+|k8s_openapi)::' "${others[@]}")

mapfile -t others < <(printf '%s\n' "${files[@]}" | grep -vE '^src/(cli(/.*)?|main)\.rs$')
breach "only src/cli and src/main.rs use clap" < <(uses '(^|[^a-z_])clap(_[a-z]+)?::' "${others[@]}")

# The pure middle takes values and gives values.
mapfile -t pure < <(printf '%s\n' "${files[@]}" |
    grep -E '^src/((yaml|path|schema|normalize|managed_fields|diff|blame|history|unmanaged|report)(/|\.rs$)|remediate/plan|patch/(change|draft|manner|mod|plan|render|rewrite)\.rs)')
impure='(^|[^a-z_])(tokio::|std::(fs|net|env|process|time)|Timestamp::now|Zoned::now)'
breach "no file, clock, task or network in this module" < <(uses "$impure" "${pure[@]}")

# used_names PREFIXES FILE: what the file names directly behind one of the prefixes, as `crate::a` or `crate::{a, b::c}`,
# with its line. Tests are left out.
used_names() {
    awk -v prefixes="(^|[^A-Za-z0-9_:])($1)::" '
        /^mod tests \{/ { exit }
        { sub(/\/\/.*/, ""); text = text $0 "\n" }
        END {
            line = 1
            while (match(text, prefixes)) {
                before = substr(text, 1, RSTART + RLENGTH - 1)
                line += gsub(/\n/, "", before)
                text = substr(text, RSTART + RLENGTH)
                if (substr(text, 1, 1) != "{") {
                    match(text, /^[A-Za-z0-9_]*/)
                    print line, substr(text, 1, RLENGTH)
                    continue
                }
                depth = 0
                word = ""
                for (i = 1; i <= length(text); i++) {
                    c = substr(text, i, 1)
                    if (c == "{") { depth++; if (depth == 2) { print line, word; word = "-" } }
                    else if (c == "}" || (c == "," && depth == 1)) {
                        if (depth == 1 && word != "-" && word != "") print line, word
                        if (c == "}") depth--
                        if (depth == 0) break
                        if (c == ",") word = ""
                    }
                    else if (depth == 1 && c == ":" && word != "-") { print line, word; word = "-" }
                    else if (depth == 1 && c ~ /[A-Za-z0-9_]/ && word != "-") word = word c
                }
            }
        }' "$2"
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
    done < <(used_names "crate|super::super" "$file")
done

# The files of a folder: none uses one that uses it, directly or by others. What the folder's mod.rs takes from a file and
# passes on counts as that file's; what it declares itself is everybody's.
folder_uses() {
    local folder=$1 file own name origin
    local -A origins=()
    while read -r name origin; do
        origins[$name]=$origin
    done < <(tr '\n' ' ' <"$folder/mod.rs" | grep -oE 'use (self::)?[a-z_0-9]+::(\{[^}]*\}|[A-Za-z_0-9]+);' |
        sed -E 's/^use (self::)?//; s/;$//' |
        awk -F:: '{ names = $2; gsub(/[{},]/, " ", names); n = split(names, each, " "); for (i = 1; i <= n; i++) print each[i], $1 }')
    for file in "$folder"/*.rs; do
        own=$(basename "$file" .rs)
        [[ $own == mod || $own == tests ]] && continue
        while read -r _ name; do
            [[ -n $name ]] || continue
            [[ -f $folder/$name.rs ]] || name=${origins[$name]-}
            [[ -n $name && -f $folder/$name.rs && $name != "$own" ]] && echo "$own $name"
        done < <(used_names "super|crate::${folder#src/}" "$file")
    done
}

for folder in src/*/; do
    folder=${folder%/}
    [[ -f $folder/mod.rs ]] || continue
    circle=$(folder_uses "$folder" | sort -u | tsort 2>&1 >/dev/null | sed -n 's/^tsort: \([a-z_0-9]*\)$/\1.rs/p' | paste -sd ' ' || true)
    if [[ -n $circle ]]; then
        breach "these files of the folder use each other in a circle: $circle" <<<"$folder"
    fi
done

# One name for one thing: a type's name is declared once in src, tests aside.
breach "this name of a type is declared more than once" < <(
    mapfile -t declaring < <(printf '%s\n' "${files[@]}" | grep -vE '/tests(/|\.rs$)')
    awk '
        FNR == 1 { in_tests = 0 }
        /^mod tests \{/ { in_tests = 1 }
        !in_tests && /^ *(pub(\([a-z: ]+\))? )?(struct|enum|trait|union) [A-Z]/ || !in_tests && /^(pub(\([a-z: ]+\))? )?type [A-Z]/ {
            match($0, /(struct|enum|trait|union|type) [A-Za-z0-9_]+/)
            split(substr($0, RSTART, RLENGTH), words, " ")
            count[words[2]]++
            places[words[2]] = places[words[2]] (count[words[2]] > 1 ? ", " : "") FILENAME ":" FNR
        }
        END { for (name in count) if (count[name] > 1) print places[name] ": " name }' "${declaring[@]}" | LC_ALL=C sort
)

# A test's name is the sentence that it proves: no other test has it, and it is no word with a number.
mapfile -t tested < <(find src tests/integration -name '*.rs' | LC_ALL=C sort)
breach "this name of a test is used twice, or is a word with a number" < <(
    awk '
        FNR == 1 { in_test = 0 }
        /^ *#\[(tokio::)?test(\(.*)?\]/ { in_test = 1 }
        in_test && match($0, /fn [A-Za-z0-9_]+\(/) {
            name = substr($0, RSTART + 3, RLENGTH - 4)
            in_test = 0
            if (name ~ /^[a-z]+_?[0-9]+$/) print FILENAME ":" FNR ": " name
            else if (name in places) print FILENAME ":" FNR ": " name ", as " places[name]
            places[name] = FILENAME ":" FNR
        }' "${tested[@]}"
)

if ((breaches > 0)); then
    echo "check-house.sh: $breaches breach(es) of the rules in CONTRIBUTING.md" >&2
    exit 1
fi
