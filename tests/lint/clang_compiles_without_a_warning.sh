#!/bin/bash
# The build the tests run is gcc's with -Werror; clang, too, reads all of its files without a warning.
. "$(dirname "$0")/lint.sh"
. "$(dirname "$0")/compiled.sh"

needs clang clang

# look PATH COMMAND: clang warns while it reads; making objects of what it read adds nothing but time.
look() {
    local words output status=0
    # The command is written for a shell: quotes and all.
    eval "words=($2)"
    while [[ ${words[0]} != -* ]]; do words=("${words[@]:1}"); done
    output=$(cd "$build" && clang "${words[@]}" -fsyntax-only -fno-color-diagnostics 2>&1) || status=1
    [ -z "$output" ] || { printf '%s\n' "$output"; status=1; }
    # Other versions, with other libraries, warn of other things: they are told, and no more.
    [ -n "${CI:-}" ] || [[ $version = *'version 14.'* ]] || return 0
    return $status
}
version=$(clang --version | sed -n 1p)
export version
read_by_clang clang "$version; $(declare -f look); ${CI:-}"
verdict "$count files, read by $version"
