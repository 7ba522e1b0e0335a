#!/bin/bash
# Whether bench/scale judges how the cost of a call grows: one function a test; the argument says
# which. What it measures is a matter of bench/, since a busy machine has its part in it.
set -euo pipefail
work=$(mktemp -d /tmp/loopnfs-scale.XXXXXX)
trap 'rm -rf "$work"' EXIT

# What a server would have that takes the same for everything.
results() {
    local fs kind
    for fs in hostfs memfs; do
        for kind in list.1000 list.10000 list.100000 scan.1000 scan.10000 scan.100000 find.small \
            find.100000; do
            printf '%s.%s\t1000\t1\n' $fs $kind
        done
    done
    printf '%s\t1000\t1\n' touch.fit touch.all idle.with idle.without
    printf '%s\t0\t0\n' touch.wrong touch.anonymous_kb start.after_end start.after_kill \
        start.wrong idle.lost
}

judge() {
    "$LOOPNFS_SOURCE_DIR/bench/scale" -q -i "$1" -o "$work/report" > "$work/judgement"
}

# Each of them is made four thousand times worse, and then left out.
test_growth_that_is_not_allowed_is_noticed() {
    results > "$work/good"
    judge "$work/good" || { cat "$work/judgement"; exit 1; }
    grep -q '"misses":0' "$work/report.json"
    while read -r key; do
        awk -v key="$key" 'BEGIN { OFS = "\t" } $1 == key { $2 = $2 > 0 ? 0.25 : 4e9; $3 = 4000 } 1' \
            "$work/good" > "$work/worse"
        if judge "$work/worse"; then echo "$key is worse, and was not noticed"; exit 1; fi
        grep -v "^$key" "$work/good" > "$work/less"
        if judge "$work/less"; then echo "$key is missing, and was not noticed"; exit 1; fi
    done < <(cut -f 1 "$work/good" | grep -v -e '\.1000$' -e small -e fit -e without)
}

"test_$1"
