#!/bin/bash
# Which room may include which: the list `rooms` is the contract, and docs/ARCHITECTURE.md explains it.
# Everything in quotes is ours, <loopnfs/...> the public contract.
. "$(dirname "$0")/lint.sh"

# rules: a line for every folder: its name, and patterns of what it may include. The list leaves out a room's own
# files, and the folders that are no rooms.
rules() {
    rooms | awk -F'|' '{ room = $1; gsub(/ /, "", room); print room, room "/*", $3 }'
    echo 'examples <loopnfs/*>'
    echo "tests tests/* <loopnfs/*> $(rooms 1 | sed 's:$:/*:' | tr '\n' ' ')"
}

mapfile -t files < <(sources '*.[ch]')
includes=$(grep -nHE '^#include ("|<loopnfs/)' "${files[@]}")
# shellcheck disable=SC2016
found < <(awk '
    # A rule: its patterns become one expression.
    NR == FNR {
        room = $1
        $1 = ""
        gsub(/[.]/, "[.]")
        gsub(/[*]/, ".*")
        gsub(/^ +| +$/, "")
        gsub(/ +/, "|")
        allowed[room] = "^(" $0 ")$"
        next
    }
    {
        split($0, place, ":")
        file = place[1]
        path = $0
        if (path ~ /#include </)
            gsub(/^[^<]*|[^>]*$/, "", path)
        else
            gsub(/^[^"]*"|"[^"]*$/, "", path)
        folders = split(file, folder, "/")
        split(path, of, "/")
        room = file ~ /^include\/loopnfs\// ? "include/loopnfs" : folder[1]
        # A name alone is a file of the same folder. A file system'"'"'s folder is its own.
        if (path !~ /\// || !(room in allowed))
            next
        if (path !~ allowed[room] || (room == "fs" && of[1] == "fs" && of[2] != folder[2]))
            print file ":" place[2] ": " room " may not include " path
    }' <(rules) - <<< "$includes")
verdict "$(wc -l <<< "$includes") includes looked at"
