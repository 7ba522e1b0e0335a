#!/bin/bash
# inside.sh - one test of tests/below, within its namespaces: makes the file system and runs the
# bodies on it. Called by run.sh.
#
#   inside.sh NAME TOPIC WHO    WHO: root, user, root-wire, user-wire
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
name=$1 topic=$2 who=$3

# Nothing of the host is written to. The programs are copied, since the build may lie below /tmp,
# and an ordinary user may not be able to reach it.
W=/run/below M=$W/m
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p $M $W/bin
install -m 755 "$LOOPNFSD" "$BELOW_SUITE" "$BELOW_PROGRAMS/loopnfs-below" $W/bin
mkfifo -m 666 $W/ask $W/answer
mount -t tmpfs -o mode=1777 tmpfs /tmp
ip link set lo up

# shellcheck source=table.sh
. "$here/table.sh"

# The file system anew, for the user of the run.
begin() {
    OWNER=$1
    # shellcheck source=make.sh
    . "$here/make.sh"
    "make_${name//-/_}" first
    put
}

# Mounts it for its user. Not every file system has owners, and not every one can be written to.
put() {
    "put_${name//-/_}"
    chown "$OWNER:$OWNER" $M 2> /dev/null || true
}

# What a body asks for that needs root's hands on the host. No error ends it: what came of it is
# looked at.
request() {
    case $1 in
    again)
        take
        [ "$topic" != writeback ] || plug_disk
        put && mountpoint -q $M
        ;;
    other)
        take
        [ "$topic" != writeback ] || plug_disk
        "make_${name//-/_}" second
        put && mountpoint -q $M
        ;;
    settle)
        sync -f $M
        ;;
    break)
        # XFS writes so much at once that a full disk cuts it short.
        if [ "$name" = xfs ]; then
            pull_disk
        else
            break_disk
        fi
        ;;
    pull)
        pull_disk
        ;;
    stop)
        stop_kernel
        ;;
    mend)
        mend_disk
        ;;
    flush)
        sync -f $M || true
        ;;
    forget)
        sync
        echo 2 > /proc/sys/vm/drop_caches
        ;;
    *)
        return 1
        ;;
    esac
}

# Answers requests, one a line, for as long as the bodies run.
hands() {
    local line
    exec 3<> "$W/ask"
    while read -r line <&3; do
        if request "$line" > /dev/null; then
            echo ok > "$W/answer"
        else
            echo "failed: $line" > "$W/answer"
        fi
    done
}

run() {
    local user=root uid=0 program=loopnfs-conformance options=()
    [[ $who != user* ]] || user=65533 uid=65533
    begin $uid
    options=(--fs hostfs --source "$M" --as "$user")
    if [[ $who = *-wire ]]; then
        options+=(--server "$W/bin/loopnfsd")
        # A server that bodies share keeps the first mount busy, beside those that a body asks for.
        [ "$topic" != suite ] || options+=(--one-server)
    fi
    options+=(--granularity "$(table_text "$name" times 1)")
    local without limits
    without=$(table_bodies "$name" without "without-${who%-wire}")
    limits=$(table_bodies "$name" limit "limit-${who%-wire}")
    [ -z "$without" ] || options+=(--without "$without")
    [ -z "$limits" ] || options+=(--limits "$limits")
    [ "$topic" != writeback ] || options+=(--sync)
    [ "$topic" = suite ] || program=loopnfs-below options+=(--topic "$topic")
    echo "# $name, as $who: $program ${options[*]}"
    hands &
    local hands=$! status=0
    "$W/bin/$program" "${options[@]}" || status=$?
    kill $hands
    take
    return $status
}

run
