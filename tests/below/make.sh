# make.sh - makes each host file system of the table, puts it in place, and takes it away again.
#
# Sourced by inside.sh, in namespaces that go with the test: nothing made here outlives it. $W is a
# tmpfs of the test's own, $M where the file system is mounted, $OWNER the uid that uses it.
#
#   make_NAME   writes an image, or fills the directories that it is a view of; $1 is put into the
#               one file that tells two makes apart
#   put_NAME    mounts it at $M
#   take        unmounts what is at $M, and waits for its daemon to end
# shellcheck shell=bash

IMAGE=$W/disk/image STORE=$W/store

# blank SIZE: an image of this size that takes no memory until it is written to. $topic writeback:
# on a disk of its own, an ext4 of 80 MB, that can be filled, and can be pulled out.
blank() {
    mkdir -p "$W/disk"
    if [ "${topic:-}" = writeback ] && ! mountpoint -q "$W/disk"; then
        truncate -s 80M "$W/plug"
        mkfs.ext4 -q -F -m 0 "$W/plug"
        mount -o loop "$W/plug" "$W/disk"
    fi
    rm -f "$IMAGE"
    truncate -s "$1" "$IMAGE"
}

# loop MOUNT'S-OPTIONS...: the image, by a loop device that goes with the mount.
loop() {
    mount -o loop "$@" "$IMAGE" "$M"
}

# From now on what the image has no room for yet can't be written: the disk fails. And mended. To
# the last block, since a loop device says nothing of a write that was cut short.
break_disk() {
    cat /dev/zero > "$W/disk/fill" 2> /dev/null || true
    dd if=/dev/zero "of=$W/disk/fill" bs=4096 oflag=append conv=notrunc 2> /dev/null || true
}
mend_disk() {
    rm -f "$W/disk/fill"
}

# From now on nothing can be written to the image, nor read: its file system is shut down, as it
# does itself when its disk fails (EXT4_IOC_SHUTDOWN has the number of XFS's). And put in again,
# while nothing on it is mounted.
pull_disk() {
    xfs_io -x -c shutdown "$W/disk"
}
plug_disk() {
    umount "$W/disk"
    mount -o loop "$W/plug" "$W/disk"
}

# The kernel gives the file system at $M up, where that can be asked for.
stop_kernel() {
    case $(findmnt -no FSTYPE "$M") in
    ext4)
        mount -o remount,abort "$M"
        ;;
    xfs)
        xfs_io -x -c shutdown "$M"
        ;;
    *)
        pull_disk
        ;;
    esac
}

# What layers lie on: an ext4 of 64 MB.
store() {
    mkdir -p "$STORE"
    mountpoint -q "$STORE" && return
    truncate -s 64M "$W/store.image"
    mkfs.ext4 -q -F -b 4096 -N 32768 "$W/store.image"
    mount -o loop "$W/store.image" "$STORE"
}

# daemon COMMAND...: one that serves FUSE in the foreground; ready once something is mounted at $M.
daemon() {
    local tries=0
    "$@" &
    DAEMON=$!
    until mountpoint -q "$M"; do
        if ! kill -0 $DAEMON 2> /dev/null || [ $((tries += 1)) -gt 3000 ]; then
            echo "below: no mount by: $*" >&2
            return 1
        fi
        sleep 0.02
    done
}

# fresh DIR...: empty directories; the numbers of what they had are free to be used again.
fresh() {
    rm -rf "$@"
    mkdir -p "$@"
}

# old DIR: files that are there before anybody mounts; in the lower layer of an overlayfs.
old() {
    local name
    mkdir -p "$1/old/dir"
    for name in written changed renamed linked dir/deep; do
        echo "old $name" > "$1/old/$name"
    done
    chown -R "$OWNER:$OWNER" "$1/old"
}

# Subvolumes and a snapshot, whose objects have the same numbers.
parts() {
    btrfs -q subvolume create "$1/part"
    echo part > "$1/part/file"
    btrfs -q subvolume snapshot "$1/part" "$1/snapshot"
    chown -R "$OWNER:$OWNER" "$1/part" "$1/snapshot"
}

take() {
    umount -l "$M"
    [ -n "${DAEMON:-}" ] || return 0
    # It ends when the last user of the mount has gone; a server that holds on to it loses it.
    local tries=0
    while kill -0 "$DAEMON" 2> /dev/null && [ $((tries += 1)) -lt 15 ]; do
        sleep 0.02
    done
    kill "$DAEMON" 2> /dev/null || true
    wait "$DAEMON" 2> /dev/null || true
    DAEMON=
}

# tree DIR MARK: what read-only images hold: each kind of node, names and sizes of several kinds.
tree() {
    local i
    mkdir -p "$1/dir/below/deeper" "$1/empty" "$1/many"
    echo "made as $2" > "$1/mark"
    echo text > "$1/dir/text"
    : > "$1/dir/nothing"
    head -c 300000 /dev/zero | tr '\0' x > "$1/dir/below/large"
    truncate -s 1M "$1/dir/below/hole"
    ln -s dir/text "$1/link"
    ln "$1/dir/text" "$1/dir/below/deeper/another-name"
    mkfifo "$1/dir/fifo"
    printf 'odd\n' > "$1/dir/a name with blanks"
    for i in {1..300}; do
        echo "$i" > "$1/many/file-$i"
    done
    chmod 640 "$1/dir/text"
    chown -R "$OWNER:$OWNER" "$1"
}

make_ext4() {
    blank 64M
    mkfs.ext4 -q -F -b 4096 -N 32768 "$IMAGE"
}
put_ext4() {
    loop
}

make_ext4_128() {
    blank 64M
    mkfs.ext4 -q -F -b 4096 -N 32768 -I 128 "$IMAGE" 2> /dev/null
}
put_ext4_128() {
    loop
}

make_casefold() {
    blank 64M
    mkfs.ext4 -q -F -b 4096 -N 32768 -O casefold "$IMAGE"
}
put_casefold() {
    loop
    [ ! -e "$M/lost+found" ] || rmdir "$M/lost+found"
    chattr +F "$M"
}

# mkfs.xfs makes none below 300 MB, except for the tests of xfs itself, whose environment it looks
# for. Without that (an older or newer one) the image has 300 MB of which most is never written.
make_xfs() {
    blank 64M
    TEST_DIR=1 TEST_DEV=1 QA_CHECK_FS=1 mkfs.xfs -q "$IMAGE" 2> /dev/null && return
    blank 300M
    mkfs.xfs -q "$IMAGE"
}
put_xfs() {
    loop
}

make_btrfs() {
    blank 64M
    mkfs.btrfs -q --mixed "$IMAGE" > /dev/null 2>&1
}
put_btrfs() {
    loop
    [ -e "$M/part" ] || parts "$M"
}

make_tmpfs() {
    :
}
put_tmpfs() {
    mount -t tmpfs -o size=64m,mode=755 tmpfs "$M"
}

make_overlayfs() {
    store
    fresh "$STORE/lower" "$STORE/upper" "$STORE/work"
    old "$STORE/lower"
}
put_overlayfs() {
    mount -t overlay -o "lowerdir=$STORE/lower,upperdir=$STORE/upper,workdir=$STORE/work${1:-}" \
        overlay "$M"
}
make_overlayfs_index() {
    make_overlayfs "$@"
}
put_overlayfs_index() {
    put_overlayfs ,index=on
}
make_overlayfs_nfs() {
    make_overlayfs "$@"
}
put_overlayfs_nfs() {
    put_overlayfs ,index=on,nfs_export=on
}

make_bind() {
    store
    fresh "$STORE/lower"
}
put_bind() {
    mount --bind "$STORE/lower" "$M"
}

make_bindfs() {
    make_bind
}
put_bindfs() {
    daemon bindfs -f "$STORE/lower" "$M"
}

make_mergerfs() {
    store
    fresh "$STORE/one" "$STORE/two"
}
put_mergerfs() {
    daemon mergerfs -f -o allow_other,use_ino,minfreespace=1M "$STORE/one:$STORE/two" "$M"
}

make_ntfs_3g() {
    blank 48M
    mkfs.ntfs -q -F "$IMAGE" > /dev/null 2>&1
}
put_ntfs_3g() {
    daemon ntfs-3g -o "no_detach,allow_other,uid=$OWNER,gid=$OWNER" "$IMAGE" "$M"
}

make_exfat_fuse() {
    blank 48M
    mkfs.exfat "$IMAGE" > /dev/null
}
put_exfat_fuse() {
    local device
    device=$(losetup -f --show "$IMAGE")
    daemon mount.exfat-fuse -d -o "allow_other,uid=$OWNER,gid=$OWNER" "$device" "$M" \
        > /dev/null 2>&1
    # In use, it is detached when that ends.
    losetup -d "$device"
}

# An sshd of this network namespace; the user of the name loopnfs is the one who uses the files.
make_sshfs() {
    local ssh=$W/ssh
    make_bind
    chown "$OWNER:$OWNER" "$STORE/lower"
    [ ! -e "$ssh" ] || return 0
    mkdir -p "$ssh" /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$ssh/host"
    ssh-keygen -q -t ed25519 -N '' -f "$ssh/key"
    chmod 644 "$ssh/key.pub"
    cp /etc/passwd "$ssh/passwd"
    echo "loopnfs:x:$OWNER:$OWNER::/:/bin/sh" >> "$ssh/passwd"
    mount --bind "$ssh/passwd" /etc/passwd
    printf '%s\n' 'ListenAddress 127.0.0.1:2222' "HostKey $ssh/host" 'StrictModes no' \
        "AuthorizedKeysFile $ssh/key.pub" 'PermitRootLogin yes' 'UsePAM no' 'PidFile none' \
        'Subsystem sftp internal-sftp -u 0' > "$ssh/conf"
    /usr/sbin/sshd -f "$ssh/conf"
    # It listens only after its parent has ended.
    local tries=0
    until (: < /dev/tcp/127.0.0.1/2222) 2> /dev/null || [ $((tries += 1)) -gt 3000 ]; do
        sleep 0.02
    done
}
put_sshfs() {
    daemon sshfs -f -p 2222 -o "allow_other,default_permissions,IdentityFile=$W/ssh/key" \
        -o StrictHostKeyChecking=no,UserKnownHostsFile=/dev/null,LogLevel=ERROR \
        "loopnfs@127.0.0.1:$STORE/lower" "$M"
}

# image COMMAND...: an image of the tree, by a program that takes a directory last.
image() {
    local mark=$1
    shift
    rm -rf "$W/tree" "$IMAGE"
    mkdir -p "$W/tree" "${IMAGE%/*}"
    tree "$W/tree" "$mark"
    "$@" > /dev/null 2>&1
}

make_squashfs() {
    image "$1" mksquashfs "$W/tree" "$IMAGE" -noappend -no-progress -comp gzip
}
put_squashfs() {
    loop -o ro
}

make_squashfuse() {
    make_squashfs "$1"
}
put_squashfuse() {
    daemon squashfuse -f -o ro,allow_other "$IMAGE" "$M"
}

make_erofs() {
    image "$1" mkfs.erofs "$IMAGE" "$W/tree"
}
put_erofs() {
    loop -o ro
}

make_iso9660() {
    image "$1" xorriso -as mkisofs -R -o "$IMAGE" "$W/tree"
}
put_iso9660() {
    loop -o ro
}

make_vfat() {
    blank 48M
    mkfs.vfat "$IMAGE" > /dev/null
}
put_vfat() {
    loop -o "uid=$OWNER,gid=$OWNER,umask=022"
}
