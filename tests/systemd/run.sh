#!/bin/bash
# run.sh - one test of the unit: systemd as PID 1 in namespaces of its own, which runs inside.sh.
#
#   LOOPNFS_BUILD_DIR=... tests/systemd/run.sh SENTENCE
#
# Its root is an overlay of this machine's with a tmpfs on top, its /tmp, /run, /dev and network are its
# own, and it knows only the units made here: so nothing it does reaches this machine (of the system's
# own units one would empty /tmp). Called by ctest (CMakeLists.txt), and by hand, as root.
# 77: skipped, since this can't be had here; never where CI is set.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
LIMIT=800 # seconds, where it hangs

skip() {
    echo "skipped: $*"
    [ -z "${CI:-}" ] || exit 1
    exit 77
}

# In the namespaces, as their first process: makes the root, and becomes systemd.
if [ "${1:-}" = --inside ]; then
    sentence=$2 work=$3
    mount --make-rprivate /
    mount -t tmpfs -o mode=755 tmpfs "$work/box"
    mkdir "$work/box/upper" "$work/box/work" "$work/box/root"
    root=$work/box/root
    mount -t overlay -o "lowerdir=/,upperdir=$work/box/upper,workdir=$work/box/work" overlay "$root"
    for dir in run tmp dev; do
        mount -t tmpfs -o mode=755 tmpfs "$root/$dir"
    done
    for node in "null 3" "zero 5" "full 7" "random 8" "urandom 9"; do
        # shellcheck disable=SC2086
        set -- $node
        mknod -m 666 "$root/dev/$1" c 1 "$2"
    done
    ln -s /proc/self/fd "$root/dev/fd"
    mkdir -p "$root/dev/shm" "$root/run/units" "$root/run/out" "$root/etc/loopnfs"
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount --bind "$work/out" "$root/run/out"
    cp "$work/prefix/lib/systemd/system/loopnfsd.service" "$root/run/units/"
    for target in sysinit basic shutdown network-online remote-fs-pre multi-user; do
        printf '[Unit]\nDefaultDependencies=no\n' > "$root/run/units/$target.target"
    done
    mkdir "$root/run/units/loopnfsd.service.d"
    printf '[Service]\nStandardOutput=append:/run/log\nStandardError=append:/run/log\n' \
        > "$root/run/units/loopnfsd.service.d/log.conf"
    printf '[Unit]\nRequires=sentence.service\n' > "$root/run/units/test.target"
    cat > "$root/run/units/sentence.service" << UNIT
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
StandardOutput=append:/run/out/output
StandardError=append:/run/out/output
Environment=SOURCE=${LOOPNFS_SOURCE_DIR:-$HERE/../..} HOME=/root
TimeoutStartSec=infinity
ExecStart=/bin/bash $HERE/inside.sh $sentence
ExecStopPost=/bin/sh -c 'test -e /run/out/status || echo 1 > /run/out/status'
UNIT
    ip link set lo up
    umount -l /proc
    exec env -i container=loopnfs PATH="$PATH" SYSTEMD_UNIT_PATH=/run/units:/etc/systemd/system:/usr/local/lib/systemd/system \
        chroot "$root" /lib/systemd/systemd --system --unit=test.target --log-target=console --show-status=0
fi

sentence=$1
[ "$(id -u)" = 0 ] || skip "only root can have a systemd of its own"
[ -x /lib/systemd/systemd ] || skip "no systemd (apt-get install systemd)"
groups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ -n "$groups" ] || skip "no cgroups of version 2 are mounted"
group=$groups/loopnfs-test.$$
mkdir "$group" 2> /dev/null || skip "$groups can't be written to"

work=$(mktemp -d "${LOOPNFS_SCRATCH:-/var/tmp}/loopnfs-systemd.XXXXXX")
chmod 755 "$work"
mkdir "$work/box" "$work/out"
init=

# PID 1 of the namespaces goes, and all in them with it.
# shellcheck disable=SC2317
clean_up() {
    local dir i
    [ -z "$init" ] || kill -KILL "$init" 2> /dev/null || true
    wait 2> /dev/null || true
    for ((i = 0; i < 100; i++)); do
        find "$group" -depth -type d -exec rmdir {} + 2> /dev/null || true
        [ -d "$group" ] || break
        sleep 0.05
    done
    rm -rf "$work"
}
trap clean_up EXIT

cmake --install "${LOOPNFS_BUILD_DIR:?}" --prefix "$work/prefix" > "$work/install.log"
(
    echo "$BASHPID" > "$group/cgroup.procs"
    exec unshare --pid --fork --kill-child --mount --uts --ipc --net --cgroup --mount-proc -- \
        "$HERE/run.sh" --inside "$sentence" "$work" > "$work/console" 2>&1 < /dev/null
) &
init=$!
for ((i = 0; i < LIMIT * 20; i++)); do
    [ ! -e "$work/out/status" ] || break
    kill -0 "$init" 2> /dev/null || break
    sleep 0.05
done
[ ! -e "$work/out/output" ] || cat "$work/out/output"
if [ ! -e "$work/out/status" ]; then
    echo "run.sh: systemd did not come to an end; its console:"
    tail -n 40 "$work/console"
    exit 1
fi
exit "$(cat "$work/out/status")"
