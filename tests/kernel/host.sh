# host.sh - the server's side of a kernel test; sourced by run.sh, inside the laboratory.
# shellcheck shell=bash

SIDE=host
SERVER=10.99.0.1
GUEST=10.99.0.2
EXPORT=$SCRATCH/export
SHARED=$SCRATCH/shared
# What a client needs to mount without any portmapper.
OPTIONS=vers=3,nolock,proto=tcp,port=2049,mountproto=tcp,mountport=2049
# What most exports say.
ALLOW=client=$GUEST,rw,no_root_squash
export SERVER EXPORT SHARED OPTIONS ALLOW
# shellcheck source=common.sh
. "$HERE/common.sh"

server=
guest=
log=$SCRATCH/server.log
: > "$log"

# Says what happened to a failed test. The scratch directory goes with run.sh.
at_exit() {
    local status=$?
    hush
    if [ $status != 0 ] && [ $status != 77 ]; then
        say "the server's log:"
        tail -n 60 "$log" >&8
    fi
}
trap at_exit EXIT

# needs_root WHY: skips a case that root of a user namespace can't do.
needs_root() {
    local outside
    read -r _ outside _ < /proc/self/uid_map
    [ "$outside" != 0 ] || return 0
    echo "skipped: needs root: $1" >&8
    [ -z "${CI:-}" ] || exit 1
    exit 77
}

listening() {
    (: < /dev/tcp/127.0.0.1/2049) 2> /dev/null
}

# serve ARG...: starts loopnfsd with these arguments and waits until it answers.
serve() {
    local as=()
    # serve_as=UID: not as root
    [ -z "${serve_as:-}" ] || as=(setpriv --reuid "$serve_as" --regid "$serve_as" --clear-groups --)
    "${as[@]}" "$SCRATCH/bin/loopnfsd" --listen 0.0.0.0 --state-dir "$SCRATCH/state" "$@" \
        >> "$log" 2>&1 &
    server=$!
    eventually listening_or_ended
    if ! listening; then
        say "FAILED: the server ended"
        return 1
    fi
}

listening_or_ended() {
    listening || ! kill -0 "$server" 2> /dev/null
}

# Ends the server as its operator would. It has to end well.
stop() {
    local status=0
    kill -TERM "$server"
    wait "$server" || status=$?
    server=
    if [ $status != 0 ]; then
        say "FAILED: the server's exit status is $status"
        return 1
    fi
}

# guest [guest.sh's OPTIONS] < SCRIPT: runs a script in a guest.
guest() {
    cat > "$SCRATCH/script"
    "$HERE/guest.sh" -w "$SHARED" "$@" "$HERE/inside.sh" "$SCRATCH/script"
}

# The same, without waiting; then guest_done.
guest_start() {
    cat > "$SCRATCH/script"
    "$HERE/guest.sh" -w "$SHARED" "$@" "$HERE/inside.sh" "$SCRATCH/script" &
    guest=$!
}

guest_done() {
    wait "$guest"
}

# with_library PROGRAM SOURCE...: compiles a program, and links it with the static library and what
# that needs.
with_library() {
    local flags packages=(libtirpc libsodium)
    ! grep -q '^SYSTEMD_FOUND:INTERNAL=1' "$LOOPNFS_BUILD_DIR/CMakeCache.txt" || packages+=(libsystemd)
    read -ra flags <<< "$(pkg-config --libs "${packages[@]}") -pthread"
    ! grep -qE '^LOOPNFS_SANITIZE:[A-Z]+=(ON|address)$' "$LOOPNFS_BUILD_DIR/CMakeCache.txt" ||
        flags+=("-fsanitize=address,undefined")
    (cd "$LOOPNFS_SOURCE_DIR" && cc -D_GNU_SOURCE -Iinclude "${@:2}" -o "$1" \
        "$LOOPNFS_BUILD_DIR/lib/libloopnfs.a" "${flags[@]}")
}

# same_tree A B
same_tree() {
    diff -r --no-dereference "$1" "$2"
    equal "attributes of $1 and $2" "$(portable "$1")" "$(portable "$2")"
}

# What a copy must have in common with its original: no inode numbers, whole seconds.
portable() {
    attributes "$1" | cut -d'|' -f1-6,8- | sed -E 's/\.[0-9]{10}\|/|/'
}

finish() {
    [ -z "$server" ] || stop
    say "passed"
}

show
