#!/bin/bash
# clang-tidy, with the checks of .clang-tidy, over every C file that the build compiles.
. "$(dirname "$0")/lint.sh"
. "$(dirname "$0")/compiled.sh"

needs clang-tidy clang-tidy

# How many steps the analyzer goes through a function at most. Without a bound it takes 95 % of all the time; with a
# small one, or in its shallow mode, it finds what is not there.
steps=max-nodes=75000

# look PATH COMMAND: its last lines on standard error count warnings in the system's headers.
look() {
    clang-tidy --quiet -p "$build" --warnings-as-errors='*' --extra-arg=-Xclang --extra-arg=-analyzer-config \
        --extra-arg=-Xclang "--extra-arg=$steps" "$1" 2> /dev/null
}
export steps
read_by_clang tidy "$(clang-tidy --version; echo "$steps"; declare -f look; cat .clang-tidy)"
verdict "$count files looked at"
