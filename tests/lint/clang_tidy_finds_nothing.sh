#!/bin/bash
# clang-tidy, with the checks of .clang-tidy, over every C file that the build compiles.
. "$(dirname "$0")/lint.sh"
. "$(dirname "$0")/compiled.sh"

needs clang-tidy clang-tidy

# deep PATH: how far the analyzer follows the ways through a function. Without a bound it takes 95 % of all the time.
deep() {
    case $1 in
    tests/* | bench/*) echo mode=shallow ;;
    *) echo max-nodes=75000 ;;
    esac
}

# look PATH COMMAND: its last lines on standard error count warnings in the system's headers.
look() {
    clang-tidy --quiet -p "$build" --warnings-as-errors='*' --extra-arg=-Xclang --extra-arg=-analyzer-config \
        --extra-arg=-Xclang "--extra-arg=$(deep "$1")" "$1" 2> /dev/null
}
export -f deep
read_by_clang tidy "$(clang-tidy --version; declare -f look deep; cat .clang-tidy)"
verdict "$count files looked at"
