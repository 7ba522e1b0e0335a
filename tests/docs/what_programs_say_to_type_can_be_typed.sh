#!/bin/bash
# What --help, errors and the log tell the reader to type: every option in a message exists, with the value
# that is named beside it; every command and every manual page, too; and every option of --help is in the
# manual page's synopsis and among its options.
. "$(dirname "$0")/../lint/lint.sh"
: "${LOOPNFS_BUILD_DIR:?}"
work=$(mktemp -d /tmp/loopnfs-said.XXXXXX)
trap 'rm -rf "$work"' EXIT
loopnfsd=$LOOPNFS_BUILD_DIR/bin/loopnfsd

problem() {
    echo "$*"
    problems=$((problems + 1))
}

# options_of: the long options in what is read
options_of() {
    { grep -oE -e '(^|[^A-Za-z0-9-])--[a-z][a-z-]*' || true; } | sed -E 's/^[^-]*//' | sort -u
}

# The string constants of the programs, a line each; neighbours are one.
said() {
    sources 'base/*.c' 'net/*.c' 'rpc/*.c' 'vfs/*.c' 'fs/*.c' 'exports/*.c' 'mountd/*.c' 'access/*.c' 'portmap/*.c' 'ctl/*.c' 'nfsd/*.c' 'server/*.[ch]' 'lib/*.c' 'cmd/*.[ch]' |
        xargs cat | tr '\n' ' ' | sed -E "s#/\*([^*]|\*+[^*/])*\*+/##g; s/'\\\\?\"'//g; s/\" +\"//g" | grep -oE '"([^"\\]|\\.)*"'
    sed -nE 's/^ *(say|die) //p' run.sh
}
said > "$work/said"

"$loopnfsd" --help > "$work/help"
"$LOOPNFS_BUILD_DIR/bin/loopnfs" --help > "$work/help.tool"
grep -oE '^ +"[^"]*--[a-z-]+' lib/serve.c > "$work/help.lib"
known=$(cat "$work"/help* | options_of)
mapfile -t options < <(options_of < "$work/said")
for option in "${options[@]}"; do
    grep -qxF -e "$option" <<< "$known" || problem "a message names $option, which no program has"
done

# OPTION=VALUE, "OPTION VALUE or VALUE": values in small letters.
count=0
while read -r option value; do
    count=$((count + 1))
    "$loopnfsd" --check --state-dir="$work/state" "--$option=$value" "$work" > "$work/out" 2>&1 ||
        problem "a message names --$option=$value, but: $(< "$work/out")"
done < <(grep -oE -e '--(portmap|handles|local-peers|log-level)=[a-z]+( or [a-z]+)?' "$work/said" |
    sed -E 's/^--([a-z-]+)=([a-z]+)( or ([a-z]+))?/\1 \2\n\1 \4/' | sed -E '/ $/d' | sort -u)
[ $count -ge 3 ] || problem "only $count values were found"

# Commands: those of systemd are run by its tests, those of the tool by tests/wire/cli_tool.c.
while IFS= read -r command; do
    grep -qF -e "$command" tests/systemd/inside.sh || problem "no test types: $command"
done < <(grep -ohE 'systemctl [a-z]+ [a-z]+' "$work/said" | sort -u)
while IFS= read -r page; do
    name=${page%(*} section=${page#*(}
    [ -e "docs/man/$name.${section%)}" ] || problem "there is no manual page $page"
done < <(grep -ohE 'loopnfs[a-z_-]*\([0-9]\)' "$work"/said "$work"/help* | sort -u)

# The manual pages.
in_manual() { # PAGE HELP
    local option escaped
    while IFS= read -r option; do
        escaped=$(sed -E 's/^--//; s/-/\\\\-/g' <<< "$option")
        case $option in
        --help | --version) continue ;;
        *) awk '/^\.Sh DESCRIPTION/ {exit} 1' "docs/man/$1" | grep -qE "Fl \\\\-$escaped( |\$)" ||
            [ "$1" != loopnfsd.8 ] || problem "$1: the synopsis has no $option" ;;
        esac
        grep -qE "^\.It (Fl [a-zA-Z] , )?(Fl )?\\\\-$escaped( |\$)|^\.It Fl .*\\\\-$escaped( |\$)" "docs/man/$1" ||
            problem "$1: its options have no $option"
    done < <(grep -E '^ +(-[a-zA-Z], )?--' "$2" | sed -E 's/[ =].*//; s/^ +//' | cat - <(grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' "$2" | grep -oE -e '--[a-z-]+') | grep -E '^--' | sort -u)
}
in_manual loopnfsd.8 "$work/help"
in_manual loopnfs.1 "$work/help.tool"
verdict "${#options[@]} options, $count values in messages"
