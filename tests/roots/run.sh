#!/bin/bash
# run.sh - ./test.sh as a stranger has it: in a fresh Debian, made by mmdebstrap.
#
#   tests/roots/run.sh [-u] [-t] [-b] [-k DIR] SUITE [ARGUMENT...]
#
#   SUITE       bookworm, trixie: Debian 12 and 13; sid, forky: with the next gcc and cmocka
#   ARGUMENT    test.sh's: groups, -R REGEX
#   -u          as an ordinary user with sudo, whose home is closed to others (mode 0700)
#   -t          with /tmp on a tmpfs, as Debian 13 has it
#   -b          beside four loops that do nothing but run
#   -k DIR      keep the roots there, for the next time (default: nothing is kept)
#
# By hand, as root, with mmdebstrap installed (it needs 3 GB and the network; all of test.sh takes a
# quarter of an hour). What is tested is the last commit. The root is entered in mount and PID
# namespaces, so that nothing runs on after it, and by pivot_root: who is in a chroot gets no user
# namespaces. The exit status is test.sh's.
set -eu
user=root tmp="" busy=0 keep=""

while getopts utbk: option; do
    case $option in
    u) user=stranger ;;
    t) tmp=yes ;;
    b) busy=4 ;;
    k) keep=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { sed -n '2,17p' "$0" >&2; exit 2; }
suite=$1
shift
[ "$(id -u)" = 0 ] || { echo "run.sh: as root, please" >&2; exit 2; }
command -v mmdebstrap > /dev/null || { echo "run.sh: apt-get install mmdebstrap" >&2; exit 2; }
source=$(cd "$(dirname "$0")/../.." && git rev-parse --show-toplevel)

if [ "${ROOTS_INSIDE:-}" != 1 ]; then
    work=$(mktemp -d /var/tmp/loopnfs-root.XXXXXX)
    trap 'rm -rf --one-file-system "$work"' EXIT
    kept=${keep:-$work}/$suite.tar
    if [ ! -e "$kept" ]; then
        mkdir -p "${keep:-$work}"
        # A mirror of a suite that still changes may be older than its lists say they are good for.
        mmdebstrap --aptopt='Acquire::Check-Valid-Until "false"' --variant=minbase \
            --include=git,ca-certificates,sudo "$suite" "${kept%.tar}.new.tar"
        mv "${kept%.tar}.new.tar" "$kept"
    fi
    mkdir "$work/root"
    tar -C "$work/root" -xf "$kept" --exclude './dev/*'
    arguments=()
    [ $user = root ] || arguments+=(-u)
    [ -z "$tmp" ] || arguments+=(-t)
    [ $busy = 0 ] || arguments+=(-b)
    ROOTS_INSIDE=1 ROOTS_WORK=$work unshare --mount --propagation private --pid --fork --kill-child -- \
        "$0" "${arguments[@]}" "$suite" "$@"
    exit
fi

# In the namespaces.
root=$ROOTS_WORK/root
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount --rbind /dev "$root/dev"
# udev lets everybody have these two; where this machine has no udev, nobody does.
for node in "net/tun 10 200" "fuse 10 229"; do
    read -r name major minor <<< "$node"
    [ -e "$root/dev/$name" ] || continue
    mknod -m 666 "$root/${name##*/}" c "$major" "$minor"
    mount --bind "$root/${name##*/}" "$root/dev/$name"
done
mount -t tmpfs -o mode=755 tmpfs "$root/run"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# As Debian's installer writes it.
printf '127.0.0.1\tlocalhost\n127.0.1.1\t%s\n::1\tlocalhost ip6-localhost ip6-loopback\n' "$(hostname)" \
    > "$root/etc/hosts"
# The root is thrown away: what is installed there need not be on the disk.
echo force-unsafe-io > "$root/etc/dpkg/dpkg.cfg.d/roots"
[ -z "$tmp" ] || mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
git clone -q "$source" "$root/loopnfs"
mkdir "$root/old"
cd "$root"
pivot_root . old
umount -l /old
rmdir /old
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

home=/root
if [ $user != root ]; then
    useradd --create-home $user
    echo "$user ALL=(ALL) NOPASSWD: ALL" > /etc/sudoers.d/$user
    home=/home/$user
fi
chmod 700 $home
mv /loopnfs $home
chown -R $user: $home/loopnfs
for ((i = 0; i < busy; i++)); do
    (while :; do :; done) &
done
su - $user -c "cd loopnfs && exec ./test.sh ${*@Q}"
