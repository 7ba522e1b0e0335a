#!/bin/bash
# run.sh - one kernel test: a laboratory (lab.sh), loopnfsd in it, and a guest that mounts.
#
#   LOOPNFSD=.../loopnfsd tests/kernel/run.sh tests/kernel/cases/SENTENCE.sh
#
# A case is a bash script that is sourced, once all of host.sh is there, with errors ending it.
# Every command it runs is shown, as is every command of the scripts it gives to the guest. A case
# gets an empty directory to export ($EXPORT) and one it shares with the guest ($SHARED).
# 77: skipped, since this machine has no user-mode-linux, or gives its users no namespaces; never
# where CI is set.
#
# Called by ctest (CMakeLists.txt), and by hand.
set -eu
PATH=$PATH:/usr/sbin:/sbin
HERE=$(cd "$(dirname "$0")" && pwd)
export HERE

if [ "${1:-}" = --inside ]; then
    # shellcheck source=host.sh
    . "$HERE/host.sh"
    # shellcheck disable=SC1090
    . "$2"
    hush
    finish
    exit 0
fi

for tool in linux.uml busybox ip mount.nfs rpcbind; do
    command -v $tool > /dev/null && continue
    echo "skipped: no $tool (apt-get install user-mode-linux busybox-static iproute2 nfs-common rpcbind)"
    [ -z "${CI:-}" ] || exit 1
    exit 77
done
if [ "$(id -u)" != 0 ] && ! "$HERE/lab.sh" true; then
    echo "skipped: an ordinary user gets no network and users of his own here (user namespaces, uidmap, /etc/subuid, /dev/net/tun)"
    [ -z "${CI:-}" ] || exit 1
    exit 77
fi
if [ -z "${GUEST_PRELOAD:-}" ]; then
    GUEST_PRELOAD=${LOOPNFS_BUILD_DIR:?}/tests/kernel/libxstate.so
fi

SCRATCH=$(mktemp -d "${LOOPNFS_SCRATCH:-/var/tmp}/loopnfs-kernel.XXXXXX")
# What is left may be of users that an ordinary user is only in a user namespace.
trap 'rm -rf "$SCRATCH" 2> /dev/null || "$HERE/lab.sh" rm -rf "$SCRATCH"' EXIT
chmod 755 "$SCRATCH"
mkdir "$SCRATCH/export" "$SCRATCH/shared" "$SCRATCH/bin"
# A copy, as installed: an ordinary user may not be able to reach the build tree.
install -m 755 "${LOOPNFSD:?}" "$SCRATCH/bin/loopnfsd"
export SCRATCH GUEST_PRELOAD
# The limit here is below ctest's, which would leave the scratch directory behind.
timeout --foreground --kill-after=5 "${LOOPNFS_KERNEL_LIMIT:-540}" \
    "$HERE/lab.sh" "$HERE/run.sh" --inside "$1"
