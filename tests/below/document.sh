#!/bin/bash
# document.sh - prints docs/file-systems.md, which is made of the table of host file systems:
#
#   tests/below/document.sh > docs/file-systems.md
#
# tests/lint looks whether the two agree.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=table.sh
. "$here/table.sh"

# The text behind the colon.
reasons() {
    table_lines "$1" "$2" | sed 's/^[^:]*: */- /'
}

# How finely times are kept, in words.
times() {
    case $(table_text "$1" times 1) in
    1) echo "to the nanosecond" ;;
    100) echo "to 100 nanoseconds" ;;
    1000000000) echo "to the second" ;;
    2000000000) echo "to two seconds" ;;
    esac
}

cat << 'END'
# Host file systems below hostfs

hostfs serves what a file system of the host can do, and no more. Each file system here is tried by `tests/below`: the
conformance suite, listings while names come and go, find and du, who a file is, rights compared with the host's own,
ends of files, verifiers, and disks that fail where there is one; for the server of root and of an ordinary user, within a process and over the wire.

What holds on all of them, where nothing else is said: a handle never reaches another file than the one it was made for;
no listing ends with an error or loses a name that stays; the host's kernel decides who may do what.

This page is made by `tests/below/document.sh` from `tests/below/table`: change that.
END
table_names | while read -r name; do
    printf '\n## %s\n\n' "$(table_text "$name" title "$name")"
    printf 'Tried as: %s. Times are kept %s.\n' "$(table_text "$name" made '')" "$(times "$name")"
    limits=$(reasons "$name" without; reasons "$name" limit
        reasons "$name" limit-root; reasons "$name" limit-user)
    notes=$(table_lines "$name" note | sed 's/^/- /')
    [ -z "$limits$notes" ] || printf '\n%s\n' "$limits${limits:+${notes:+
}}$notes"
done
