#!/bin/bash
# A C file opens with a comment that begins with its name; a script with a comment below "#!".
. "$(dirname "$0")/lint.sh"

count=0
while read -r file; do
    count=$((count + 1))
    if [ "$(sed -n 1p "$file")" != '/*' ] || ! sed -n 2p "$file" | grep -qF " * ${file##*/} - "; then
        echo "$file: does not open with a comment '${file##*/} - what it is for'"
        problems=$((problems + 1))
    fi
done < <(sources '*.c' '*.h')
while read -r file; do
    # A list of a room's files explains itself.
    [[ $file != */CMakeLists.txt || $(wc -l < "$file") -gt 6 ]] || continue
    count=$((count + 1))
    if ! grep -vE '^#(!|$| shellcheck)' "$file" | sed -n 1p | grep -q '^# .'; then
        echo "$file: does not open with a comment"
        problems=$((problems + 1))
    fi
done < <(scripts; sources 'CMakeLists.txt' '*/CMakeLists.txt' '.clang-format' '.clang-tidy')
verdict "$count files looked at"
