# Docker and podman put an overlayfs over the directories of an image: its lower layer may be a mount
# of ours. A reader who does not own a file makes overlayfs ask for the file's ACL.
mkdir "$EXPORT/image" "$EXPORT/image/dir"
printf 'from the image\n' > "$EXPORT/image/file"
printf 'secret\n' > "$EXPORT/image/secret"
printf '#!/bin/sh\necho run\n' > "$EXPORT/image/dir/program"
chmod 755 "$EXPORT/image/dir/program"
chmod 640 "$EXPORT/image/secret"
chown 1001:1002 "$EXPORT/image/file" "$EXPORT/image/secret" "$EXPORT/image/dir/program"
serve --portmap=off --export "$EXPORT,$ALLOW"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
box=$(mktemp -d)
mount -t tmpfs tmpfs "$box"
mkdir "$box/upper" "$box/work" "$box/merged"
chmod 755 "$box"
mount -t overlay overlay -o "lowerdir=/mnt/image,upperdir=$box/upper,workdir=$box/work" "$box/merged"
as() {
    setpriv --reuid "$1" --regid "$2" --clear-groups -- "${@:3}"
}
equal "a file read by a stranger" "$(as 1000 1000 cat "$box/merged/file")" "from the image"
equal "a program run by a stranger" "$(as 1000 1000 "$box/merged/dir/program")" run
refused as 1000 1000 cat "$box/merged/secret"
equal "a secret read by a member of its group" "$(as 1000 1002 cat "$box/merged/secret")" secret
equal "a file read by root" "$(cat "$box/merged/secret")" secret
echo more >> "$box/merged/file"
chmod 600 "$box/merged/dir/program"
equal "what was written to the upper layer" "$(cat "$box/merged/file")" "$(printf 'from the image\nmore')"
equal "the lower layer" "$(cat /mnt/image/file)" "from the image"
ls -l "$box/merged" "$box/merged/dir"
rm -r "$box/merged/dir"
umount "$box/merged"
END
equal "the image" "$(cat "$EXPORT/image/file")" "from the image"
