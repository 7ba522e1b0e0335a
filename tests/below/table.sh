# table.sh - reads the table of host file systems; sourced by what uses it, with $here set.
# shellcheck shell=bash
# shellcheck disable=SC2154

# table_lines NAME WORD: the texts of these lines of a file system.
table_lines() {
    awk -v name="[$1]" -v word="$2" '
        /^\[/ { mine = $0 == name }
        mine && $1 == word { sub(/^[^ ]+ +/, ""); print }' "$here/table"
}

# table_text NAME WORD DEFAULT: of a word that has one line.
table_text() {
    local text
    text=$(table_lines "$1" "$2")
    echo "${text:-$3}"
}

# table_bodies NAME WORD...: what stands before the colons, joined by commas.
table_bodies() {
    local name=$1 word
    shift
    for word; do
        table_lines "$name" "$word"
    done | sed 's/:.*//' | paste -sd, | tr -d ' '
}

# table_names: all file systems.
table_names() {
    sed -n 's/^\[\(.*\)\]$/\1/p' "$here/table"
}
