#!/bin/bash
# Every shell script of the repository, whatever its name.
. "$(dirname "$0")/lint.sh"

needs shellcheck shellcheck
mapfile -t files < <(scripts)
# -x: follows what a script sources; P: looks for that beside the script. Cases of the kernel tests
# are sourced and use the variables of their harness.
for file in "${files[@]}"; do
    options=(-x -P SCRIPTDIR -s bash)
    [[ $file != tests/kernel/cases/* ]] || options+=(-e 'SC2154,SC2034,SC2016')
    shellcheck "${options[@]}" "$file" || problems=$((problems + 1))
done
verdict "${#files[@]} scripts looked at"
