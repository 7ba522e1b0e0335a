#!/bin/bash
# clang-tidy, with the checks of .clang-tidy, over every C file that the build compiles. A file that
# passed isn't looked at again until it, a header or the checks change.
. "$(dirname "$0")/lint.sh"

needs clang-tidy clang-tidy
build=${LOOPNFS_BUILD_DIR:?}
passed=$build/lint-tidy
mkdir -p "$passed"
common=$( (clang-tidy --version; sources '*.h' '*.x' '.clang-tidy' | xargs cat) | sha256sum)

# look FILE
look() {
    local stamp
    stamp=$passed/$( (echo "$common"; cat "$1") | sha256sum | cut -c1-32)
    [ ! -e "$stamp" ] || return 0
    # Its last lines count warnings in the system's headers.
    if clang-tidy --quiet -p "$build" --warnings-as-errors='*' "$1" 2> /dev/null; then
        : > "$stamp"
    else
        echo "$1: see above"
        return 1
    fi
}
export -f look
export build passed common

mapfile -t files < <(sources '*.c' | while read -r file; do
    ! grep -qF "\"file\": \"$PWD/$file\"" "$build/compile_commands.json" || echo "$file"
done)
# shellcheck disable=SC2016
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" bash -c 'look "$1"' look || problems=1
verdict "${#files[@]} files looked at"
