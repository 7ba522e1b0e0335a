#!/bin/bash
# Which room may include which: the list `rooms` is the contract, and docs/ARCHITECTURE.md explains it.
# Everything in quotes is ours, <loopnfs/...> the public contract.
. "$(dirname "$0")/lint.sh"

# What every row leaves out: a room's own files; and the folders that are no rooms.
rules() {
    while IFS='|' read -r room _ allowed; do
        room=${room// /}
        echo "$room $room/* $allowed"
    done < <(rooms)
    echo 'examples <loopnfs/*>'
    echo "tests tests/* <loopnfs/*> $(rooms 1 | sed 's:$:/*:' | tr '\n' ' ')"
}

count=0
while read -r room allowed; do
    read -ra patterns <<< "$allowed"
    while IFS=: read -r file line include; do
        count=$((count + 1))
        case $include in
        *'<'*) path=$(sed -E 's/.*(<[^>]*>).*/\1/' <<< "$include") ;;
        *) path=$(sed -E 's/.*"([^"]*)".*/\1/' <<< "$include") ;;
        esac
        good=no
        # A name alone is a file of the same folder.
        [[ $path == */* ]] || good=yes
        for pattern in "${patterns[@]}"; do
            # shellcheck disable=SC2053
            [[ $path != $pattern ]] || good=yes
        done
        # A file system's folder is its own.
        if [[ $path == fs/* && $file == fs/* && $(cut -d/ -f2 <<< "$path") != $(cut -d/ -f2 <<< "$file") ]]; then
            good=no
        fi
        if [ $good = no ]; then
            echo "$file:$line: $room may not include $path"
            problems=$((problems + 1))
        fi
    done < <(sources "$room/*.c" "$room/*.h" | xargs -r grep -nHE '^#include ("|<loopnfs/)' || true)
done < <(rules)
verdict "$count includes looked at"
