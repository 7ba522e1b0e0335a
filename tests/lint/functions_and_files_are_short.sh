#!/bin/bash
# A function has at most 80 lines (about 60 is the aim), a file at most 500.
. "$(dirname "$0")/lint.sh"

mapfile -t files < <(sources '*.c' '*.h')
# In the house's style a function's braces, and no others, stand alone in the first column.
found < <(awk '
    FNR == 1 { start = 0 }
    FNR == 501 { print FILENAME ": more than 500 lines" }
    /^\{$/ { start = FNR }
    /^\}$/ {
        if (start && FNR - start - 1 > 80)
            printf "%s:%d: a function of %d lines\n", FILENAME, start, FNR - start - 1
        start = 0
    }' "${files[@]}")
verdict "${#files[@]} files looked at"
