#!/bin/bash
# lab.sh - runs a command in a network of its own, which vanishes with it.
#
#   lab.sh COMMAND [ARG...]
#
# New network, mount, PID and UTS namespaces: loopback is up, tap0 is 10.99.0.1/24 and the guest
# behind it (guest.sh) 10.99.0.2; nothing else is reachable. /run and /dev/shm are private (rpcbind's
# socket is a path, and guests keep their memory in /dev/shm); names are resolved from a hosts file
# alone. COMMAND is, in effect, init: when it ends, all it started is killed by the kernel.
#
# As root, or as an ordinary user where user namespaces are allowed, who has ids of /etc/subuid in it
# for the other users (newuidmap of uidmap). Called by run.sh.
set -eu

if [ "${LAB_INSIDE:-}" != 1 ]; then
    [ $# -gt 0 ] || { sed -n '2,12p' "$0" >&2; exit 2; }
    user=()
    [ "$(id -u)" = 0 ] || user=(--user --map-root-user --map-auto)
    LAB_INSIDE=1 exec unshare "${user[@]}" --net --mount --uts --pid --fork --kill-child \
        --mount-proc -- "$0" "$@"
fi
unset LAB_INSIDE

mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/rpcbind /run/lock
mount -t tmpfs -o mode=1777,size=75% tmpfs /dev/shm
hostname lab
echo '127.0.0.1 localhost lab' > /run/hosts
: > /run/resolv.conf
for file in hosts resolv.conf; do
    [ ! -e /etc/$file ] || mount --bind /run/$file /etc/$file
done
ip link set lo up
ip tuntap add dev tap0 mode tap
ip addr add 10.99.0.1/24 dev tap0
ip link set tap0 up
# Not exec: a shell stays, as init, to reap what COMMAND leaves behind.
"$@" && status=0 || status=$?
exit "$status"
