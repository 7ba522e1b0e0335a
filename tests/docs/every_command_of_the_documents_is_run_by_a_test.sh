#!/bin/bash
# What README, docs/ and the manual pages tell the reader to type is typed by a test, as it stands there;
# or tests/docs/elsewhere says why not.
. "$(dirname "$0")/../lint/lint.sh"

mapfile -t documents < <(sources 'README.md' 'CONTRIBUTING.md' 'docs/*.md' 'docs/man/*')
shown=$(awk -f tests/docs/commands.awk "${documents[@]}" | sort -u)
typed=$(sed -E 's/^[ \t]+//' tests/kernel/cases/the_commands_of_*.sh tests/systemd/inside.sh)
elsewhere=$(grep -v '^#' tests/docs/elsewhere | cut -f1)

while IFS= read -r command; do
    if ! grep -qxF -e "$command" <<< "$typed" && ! grep -qxF -e "$command" <<< "$elsewhere"; then
        { echo "no test types: $command"; problems=$((problems + 1)); }
    fi
done <<< "$shown"
while IFS= read -r command; do
    grep -qxF -e "$command" <<< "$shown" || { echo "tests/docs/elsewhere: no document shows: $command"; problems=$((problems + 1)); }
done <<< "$elsewhere"
verdict "$(wc -l <<< "$shown") commands"
