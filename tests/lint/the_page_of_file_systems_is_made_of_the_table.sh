#!/bin/bash
# docs/file-systems.md is what tests/below/document.sh makes of tests/below/table.
. "$(dirname "$0")/lint.sh"

if ! diff <(tests/below/document.sh) docs/file-systems.md; then
    echo "docs/file-systems.md: tests/below/document.sh > docs/file-systems.md makes it anew"
    problems=1
fi
verdict "$(grep -c '^## ' docs/file-systems.md) file systems looked at"
