# lint.sh - what the checks share; sourced by each.
# shellcheck shell=bash

set -euo pipefail
cd "${LOOPNFS_SOURCE_DIR:-$(dirname "${BASH_SOURCE[0]}")/../..}"
problems=0

# sources PATTERN...: the files of the repository, and those about to be added to it. One a line.
sources() {
    git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do
        [ ! -f "$file" ] || printf '%s\n' "$file"
    done
}

# scripts: the shell scripts among them, which a suffix or the first line tells. One a line.
scripts() {
    {
        sources '*.sh'
        sources '*' | xargs -d '\n' grep -aHnm 1 -E '^#!.*[/ ](ba)?sh( |$)' | sed -nE 's/^([^:]*):1:.*/\1/p' || true
    } | sort -u
}

# rooms [COLUMN]: the list of rooms, or one column of it (1: folder, 2: what it is, 3: what it may include)
rooms() {
    grep -v '^#' tests/lint/rooms | if [ $# = 0 ]; then cat; else cut -d'|' -f"$1" | sed 's/^ *//; s/ *$//'; fi
}

# found: what is wrong, a line for each thing, on standard input
found() {
    local line
    while IFS= read -r line; do
        printf '%s\n' "$line"
        problems=$((problems + 1))
    done
}

# verdict WHAT: the last line of a check; WHAT it looked at.
verdict() {
    echo "$1"
    [ "$problems" = 0 ] || { echo "$problems problems"; exit 1; }
}

# needs TOOL PACKAGE
needs() {
    command -v "$1" > /dev/null && return
    echo "skipped: no $1 (apt-get install $2)"
    [ -z "${CI:-}" ] || exit 1
    exit 77
}
