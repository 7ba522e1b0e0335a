#!/bin/bash
# mandoc has nothing to say about the manual pages.
. "$(dirname "$0")/lint.sh"

needs mandoc mandoc
mapfile -t files < <(sources 'docs/*.[1-9]' 'docs/man/*.[1-9]')
for file in "${files[@]}"; do
    mandoc -T lint -W warning "$file" || problems=$((problems + 1))
done
verdict "${#files[@]} pages looked at"
