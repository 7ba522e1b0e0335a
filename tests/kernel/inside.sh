# inside.sh - the guest's side of a kernel test: runs the script given to `guest` (host.sh).
#
# The script's commands are shown; it mounts the export itself, on /mnt. At its end /mnt is
# unmounted, which must work: nothing may hold it.
# shellcheck shell=bash

SIDE=guest
# shellcheck source=common.sh
. "$HERE/common.sh"
cd /

# as_user UID COMMAND...
as_user() {
    local uid=$1
    shift
    setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@"
}

# Forgets what the client has cached of the mount, by mounting anew.
remount() {
    umount /mnt
    mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
}

show
# shellcheck disable=SC1090
. "$1"
hush
cd /
if mountpoint -q /mnt; then
    umount /mnt
fi
