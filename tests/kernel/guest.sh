#!/bin/bash
# guest.sh - runs a bash script under a stock Linux kernel: Debian's user-mode-linux, which boots
# in under a second and has the kernel's own NFS client.
#
#   guest.sh [-s] [-t SECONDS] [-w DIR] SCRIPT [ARG...]
#
#   -s          start rpcbind and rpc.statd first, as an ordinary client machine has them
#   -t SECONDS  time limit for boot and script together (default 500: only what hangs takes so long)
#   -w DIR      directory of this machine that the guest may write to
#
# The guest sees this machine's root file system; what it writes there (other than below DIR) goes
# to memory and is forgotten. SCRIPT runs as root in the current directory with the current
# environment; it does its mounts itself. What it prints is printed; its status is passed on.
# 124: time limit. 125: the guest failed, its console is shown.
#
# Runs inside lab.sh, whose tap0 it uses. Needs user-mode-linux, busybox-static, nfs-common.
set -eu

services=no limit=500 writable=
while getopts st:w: option; do
    case $option in
    s) services=yes ;;
    t) limit=$OPTARG ;;
    w) writable=$(realpath "$OPTARG") ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { sed -n '2,18p' "$0" >&2; exit 2; }
modules=$(echo /usr/lib/uml/modules/*/kernel)
[ -d "$modules" ] || { echo "guest.sh: no kernel modules in /usr/lib/uml/modules" >&2; exit 125; }

# Everything of this guest: the two scripts, and the status it leaves.
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT

{
    export -p | grep -vE '^declare -x (PWD|OLDPWD|SHLVL|_|TMPDIR)(=|$)'
    printf 'cd %q\nexec bash' "$PWD"
    printf ' %q' "$@"
    echo
} > "$box/command"

# Init of the guest. Only busybox (static): starting a dynamically linked program costs 30 ms here.
cat > "$box/init" <<INIT
#!/bin/busybox sh
PATH=/bin:/sbin
b=/bin/busybox root=/run/root
off() { \$b sync; echo o > /proc/sysrq-trigger; \$b sleep 9; }
die() { echo "guest: \$*"; off; }
\$b mount -t proc proc /proc
\$b mount -t tmpfs -o mode=755 tmpfs /run
\$b mkdir /run/upper /run/work /run/root /run/box
\$b mount -t hostfs -o $box none /run/box
# nfsv4 too, so that a plain mount really tries version 4 first
for m in fs/overlayfs/overlay net/sunrpc/sunrpc fs/nfs_common/grace fs/lockd/lockd \
    fs/netfs/netfs fs/fscache/fscache fs/nfs/nfs fs/nfs_common/nfs_acl fs/nfs/nfsv3 \
    net/dns_resolver/dns_resolver fs/nfs/nfsv4; do
    [ ! -e $modules/\$m.ko ] || \$b insmod $modules/\$m.ko || die "insmod \$m"
done
# nosuid: where an ordinary user runs this, root's files belong to nobody here, whom a set-uid
# mount.nfs would run as.
\$b mount -t overlay -o nosuid,lowerdir=/,upperdir=/run/upper,workdir=/run/work overlay \$root || die overlay
\$b mount -t proc proc \$root/proc
\$b mount -t sysfs sys \$root/sys
\$b mount -t devtmpfs dev \$root/dev
\$b mkdir -p \$root/dev/shm
\$b ln -sf /proc/self/fd \$root/dev/fd
\$b mount -t tmpfs -o mode=1777 tmpfs \$root/dev/shm
\$b mount -t tmpfs -o mode=755 tmpfs \$root/run
[ -z "$writable" ] || { \$b mkdir -p "\$root$writable" &&
    \$b mount -t hostfs -o "$writable" none "\$root$writable"; } || die "hostfs $writable"
\$b ip link set lo up
\$b ip addr add 10.99.0.2/24 dev vec0 && \$b ip link set vec0 up || die network
\$b hostname guest
# Names without DNS: rpc.statd looks its peer up, and would wait for an answer.
\$b rm -f \$root/etc/resolv.conf
: > \$root/etc/resolv.conf
printf '127.0.0.1 localhost\n10.99.0.1 server\n10.99.0.2 guest\n' > \$root/etc/hosts
if [ $services = yes ]; then
    \$b mount -t tmpfs -o mode=755 tmpfs \$root/var/lib/nfs
    \$b mkdir -p \$root/var/lib/nfs/sm \$root/var/lib/nfs/sm.bak \$root/run/rpcbind
    : > \$root/var/lib/nfs/state
    \$b chroot \$root /sbin/rpcbind || die rpcbind
    \$b chroot \$root /sbin/rpc.statd --no-notify || die rpc.statd
fi
\$b stty -F /dev/ttyS1 raw -echo
# Through a pipe: a terminal would tempt programs to behave as on a terminal.
\$b mkfifo /run/out
\$b cat /run/out > /dev/ttyS1 &
cat=\$!
\$b chroot \$root /bin/bash -c '. /dev/fd/5' 5< /run/box/command < /dev/null > /run/out 2>&1
status=\$?
( \$b sleep 2; \$b kill \$cat ) > /dev/null 2>&1 &
wait \$cat
echo \$status > /run/box/status
off
INIT
chmod +x "$box/init"

# hostfs keeps a file of this machine open for as long as the guest has it in its cache: more than the
# 1024 that a program usually may.
ulimit -n "$(ulimit -Hn)"
# cat, because the guest makes the descriptor it is given non-blocking.
exec 6> >(exec cat)
cat=$!
# Pinned to one CPU: each system call in the guest is a hand-over between two processes, three to
# four times as slow across CPUs. TMPDIR: its memory, which has to be on a tmpfs. A PID namespace of
# its own, so that all its processes go when it fails. setsid: a panic signals the process group.
cpu=$(taskset -cp $$ | sed 's/.*[-, ]//')
TMPDIR=/dev/shm LD_PRELOAD="${GUEST_PRELOAD:-}" unshare --pid --fork --kill-child -- \
    timeout --foreground -s KILL "$limit" setsid -w taskset -c "$cpu" \
    linux.uml mem=512M root=/dev/root rootfstype=hostfs hostfs=/ ro init="$box/init" \
    con=null con0=null,fd:1 ssl=null ssl1=null,fd:6 quiet panic=-1 noreboot \
    initcall_blacklist=raid6_select_algo,calibrate_xor_blocks,init_btrfs_fs \
    vec0:transport=tap,ifname=tap0,depth=64,gro=1 uml_dir="$box/uml" \
    < /dev/null > "$box/console" 2>&1 &
guest=$!
trap 'kill -KILL $guest 2>/dev/null; rm -rf "$box"; exit 130' INT TERM
wait "$guest" && ended=0 || ended=$?
exec 6>&-
wait "$cat" || true

if [ -s "$box/status" ]; then
    exit "$(cat "$box/status")"
elif [ "$ended" = 124 ] || [ "$ended" = 137 ]; then
    echo "guest.sh: not done after $limit seconds" >&2
    exit 124
fi
echo "guest.sh: the guest failed (status $ended); its console:" >&2
cat "$box/console" >&2
exit 125
