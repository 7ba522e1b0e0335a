#!/bin/bash
# run.sh - a test of tests/below: one topic on hostfs over one host file system of the table.
#
#   LOOPNFSD=.../loopnfsd BELOW_PROGRAMS=DIR tests/below/run.sh NAME TOPIC [WHO...]
#
# In mount, network and process namespaces of its own, which take everything with them when it ends
# or is killed: images, mounts, loop devices, daemons. WHO is root, user, root-wire, user-wire, or
# all of them where none is named. As root, or by sudo (as_root.sh): 77 where there is neither.
#
# Called by ctest (CMakeLists.txt), and by hand.
set -eu
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd)

[ $# -gt 1 ] || { sed -n '2,11p' "$0" >&2; exit 2; }
[ "$(id -u)" = 0 ] || exec "$here/as_root.sh" "$0" "$@"
[ $# -gt 2 ] || set -- "$@" root user root-wire user-wire
name=$1 topic=$2 failed=0
shift 2
# The limit here is below ctest's.
for who; do
    timeout --foreground --kill-after=5 "${LOOPNFS_BELOW_LIMIT:-560}" \
        unshare --mount --propagation private --net --pid --fork --kill-child --mount-proc -- \
        "$here/inside.sh" "$name" "$topic" "$who" || failed=1
done
exit $failed
