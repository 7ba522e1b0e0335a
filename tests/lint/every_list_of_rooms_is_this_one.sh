#!/bin/bash
# tests/lint/rooms is the one list: every folder with sources of the house is in it; the build goes through it in
# its order; clang-tidy looks at the headers of all of it; ARCHITECTURE.md's table has its words; and the picture
# has its names. `--write` puts the table into ARCHITECTURE.md and the filter into .clang-tidy.
. "$(dirname "$0")/lint.sh"

problem() {
    echo "$*"
    problems=$((problems + 1))
}

page=docs/ARCHITECTURE.md
table=$(
    echo '| room | what it is | may include |'
    echo '|---|---|---|'
    while IFS='|' read -r room what allowed; do
        read -r room <<< "$room"
        # Rooms, not single files: the list itself has those.
        seen=$(tr ' ' '\n' <<< "$allowed" | sed -E '/^$/d; s:^<loopnfs/.*:the contract:; s:/[^/]*$::' | awk '!seen[$0]++' | paste -sd, | sed 's/,/, /g')
        echo "| \`$room/\` | $(sed 's/^ *//; s/ *$//' <<< "$what") | ${seen:-nothing} |"
    done < <(rooms)
)
filter="HeaderFilterRegex: '($(rooms 1 | paste -sd'|')|examples|bench|tests)/.*\\.h\$'"

if [ "${1:-}" = --write ]; then
    awk -v table="$table" '
        /^\| room \|/ { print table; inside = 1 }
        !/^\|/ { inside = 0 }
        !inside' $page > $page.new && mv $page.new $page
    { grep -v '^HeaderFilterRegex' .clang-tidy; echo "$filter"; } > .clang-tidy.new && mv .clang-tidy.new .clang-tidy
fi

[ "$(grep '^|' $page | awk '/^\| room \|/ { on = 1 } on' | head -n "$(wc -l <<< "$table")")" = "$table" ] ||
    problem "$page: its table of rooms is not made of the list (${0##*/} --write)"
[ "$(grep '^HeaderFilterRegex' .clang-tidy)" = "$filter" ] ||
    problem ".clang-tidy: its filter is not made of the list (${0##*/} --write)"

while read -r folder; do
    case $folder in
    examples | bench | tests | include) ;;
    *) rooms 1 | grep -qxF "$folder" || problem "$folder: sources in a folder that is no room" ;;
    esac
done < <(sources '*.[ch]' '*.x' | cut -d/ -f1 | sort -u)

[ "$(sed -nE 's/^add_subdirectory\(([a-z]*)\)$/\1/p' CMakeLists.txt)" = "$(rooms 1 | grep -vxF include/loopnfs)" ] ||
    problem "CMakeLists.txt: its folders are not the rooms in their order"

while read -r room; do
    grep -qE ">[^<]*\b${room#include/}/?[^<]*<" docs/house.svg || problem "docs/house.svg: has no $room"
done < <(rooms 1)
verdict "$(rooms | wc -l) rooms"
