#!/bin/bash
# Every C file is as clang-format 14 leaves it; other versions have other opinions.
. "$(dirname "$0")/lint.sh"

format=clang-format-14
command -v $format > /dev/null || format=clang-format
needs $format clang-format-14
if ! $format --version | grep -q 'version 14\.'; then
    echo "skipped: clang-format 14 is not to be had here"
    [ -z "${CI:-}" ] || exit 1
    exit 77
fi
mapfile -t files < <(sources '*.c' '*.h')
$format --dry-run -Werror "${files[@]}" || problems=$?
verdict "${#files[@]} files looked at; mend with: $format -i FILE"
