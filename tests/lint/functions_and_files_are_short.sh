#!/bin/bash
# A function has at most 80 lines (about 60 is the aim), a file at most 500.
. "$(dirname "$0")/lint.sh"

mapfile -t files < <(sources '*.c' '*.h')
for file in "${files[@]}"; do
    lines=$(wc -l < "$file")
    if [ "$lines" -gt 500 ]; then
        echo "$file: $lines lines"
        problems=$((problems + 1))
    fi
done
# In the house's style a function's braces, and no others, stand alone in the first column.
long=$(awk '
    FNR == 1 { start = 0 }
    /^\{$/ { start = FNR }
    /^\}$/ {
        if (start && FNR - start - 1 > 80)
            printf "%s:%d: a function of %d lines\n", FILENAME, start, FNR - start - 1
        start = 0
    }' "${files[@]}")
if [ -n "$long" ]; then
    printf '%s\n' "$long"
    problems=$((problems + $(wc -l <<< "$long")))
fi
verdict "${#files[@]} files looked at"
