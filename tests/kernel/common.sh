# common.sh - what both sides of a kernel test use; sourced by host.sh and inside.sh.
# shellcheck shell=bash

set -eEuo pipefail
# Messages go where stdout was, whatever a command's own stdout is.
exec 8>&1
# Something to wait on without starting a program: nobody ever writes to it.
fifo=$(mktemp -u)
mkfifo "$fifo"
exec 9<> "$fifo"
rm "$fifo"

say() {
    printf '%s: %s\n' "$SIDE" "$*" >&8
}

# From now on each command of a script that is sourced is shown before it runs (of a here-document
# its first line); not those within functions, the helpers here, and subshells.
show() {
    set -T
    trap 'if [ -z "${FUNCNAME[*]:-}" ] && [ "$BASH_SUBSHELL" = 0 ] && [ ${#BASH_SOURCE[@]} -gt 1 ]; then
        say "\$ ${BASH_COMMAND%%"$newline"*}"
    fi' DEBUG
}
newline=$'\n'

hush() {
    trap - DEBUG
}

# Says which command ended the test, and by which helpers it got there.
failed() {
    local i
    say "FAILED: status $1 of: ${2%%"$newline"*}"
    for ((i = 1; i < ${#BASH_SOURCE[@]}; i++)); do
        say "    ${BASH_SOURCE[i]##*/} line ${BASH_LINENO[i - 1]}"
    done
}
trap 'failed $? "$BASH_COMMAND"' ERR

# equal WHAT A B
equal() {
    if [ "$2" != "$3" ]; then
        say "FAILED: $1 differ"
        diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") | head -40 >&8 || true
        return 1
    fi
    say "$1: equal"
}

# refused COMMAND...: which must fail; the reason is shown.
refused() {
    if "$@" 2>&1; then
        say "FAILED: was not refused: $*"
        return 1
    fi
}

# A listing of all attributes both sides must agree on.
attributes() {
    (cd "$1" && find . -printf '%P|%y|%m|%U|%G|%n|%i|%T@|%l|' \
        \( -type d -printf 'dir\n' -o -printf '%s\n' \) | LC_ALL=C sort)
}

# eventually COMMAND...: waits until it succeeds; the limit is for a test that hangs.
eventually() {
    local end=$((SECONDS + 480))
    until "$@"; do
        if [ $SECONDS -gt $end ]; then
            say "FAILED: never came true: $*"
            return 1
        fi
        read -rt 0.02 -u 9 || true
    done
}

# ready LOG PID: waits until the server says so in its log. It fails, and shows the log, where the
# server ends before.
ready() {
    eventually ready_or_ended "$1" "$2"
    grep -qs 'ready on' "$1" || { cat "$1"; return 1; }
}

ready_or_ended() {
    grep -qs 'ready on' "$1" || ! kill -0 "$2" 2> /dev/null
}

# lines NUMBER FILE: it has as many, or more.
lines() {
    [ "$(wc -l < "$2")" -ge "$1" ]
}

# The two sides tell each other where they are: signal NAME here, await NAME there.
signal() {
    : > "$SHARED/signal.$1"
}

await() {
    local end=$((SECONDS + 480))
    until [ -e "$SHARED/signal.$1" ]; do
        if [ -n "${guest:-}" ] && ! kill -0 "$guest" 2> /dev/null; then
            say "FAILED: the guest ended before it said '$1'"
            return 1
        fi
        if [ $SECONDS -gt $end ]; then
            say "FAILED: nobody said '$1'"
            return 1
        fi
        read -rt 0.02 -u 9 || true
    done
}
