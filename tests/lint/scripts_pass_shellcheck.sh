#!/bin/bash
# Every shell script of the repository, whatever its name.
. "$(dirname "$0")/lint.sh"

needs shellcheck shellcheck
mapfile -t files < <(scripts | grep -v '^tests/kernel/cases/')
mapfile -t cases < <(scripts | grep '^tests/kernel/cases/')
# -x: follows what a script sources; P: looks for that beside the script. Cases of the kernel tests
# are sourced and use the variables of their harness.
check=(shellcheck -x -P SCRIPTDIR -s bash)
printf '%s\n' "${files[@]}" | xargs -d '\n' -n 24 -P 2 "${check[@]}" || problems=1
"${check[@]}" -e 'SC2154,SC2034,SC2016' "${cases[@]}" || problems=1
verdict "$((${#files[@]} + ${#cases[@]})) scripts looked at"
