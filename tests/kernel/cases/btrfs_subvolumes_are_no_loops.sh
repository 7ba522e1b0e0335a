# The roots of all subvolumes have one inode number on the host.
needs_root "mounts an image"
truncate -s 120M "$SCRATCH/image"
mkfs.btrfs -q "$SCRATCH/image"
mount -o loop "$SCRATCH/image" "$EXPORT"
btrfs subvolume create "$EXPORT/one"
btrfs subvolume create "$EXPORT/one/nested"
mkdir "$EXPORT/one/dir" "$EXPORT/plain"
echo file > "$EXPORT/one/dir/file"
echo deep > "$EXPORT/one/nested/file"
btrfs subvolume snapshot "$EXPORT/one" "$EXPORT/plain/snapshot"
serve --portmap=off --export "$EXPORT,$ALLOW"
guest <<'END'
for options in "$OPTIONS" "$OPTIONS,nordirplus"; do
    mount -t nfs -o "$options" "$SERVER:$EXPORT" /mnt
    find /mnt -printf '%p %i %D\n'
    equal "objects" "$(find /mnt | wc -l)" 11
    equal "numbers" "$(find /mnt -printf '%i\n' | sort -u | wc -l)" 11
    equal "numbers in listings" "$(cd /mnt && ls -i1U one | awk '{ print $1 }' | sort)" \
        "$(stat -c %i /mnt/one/* | sort)"
    du -a /mnt > /tmp/du
    equal "objects of du" "$(wc -l < /tmp/du)" 11
    umount /mnt
done
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
chmod -R g+w /mnt/one /mnt/plain/snapshot/dir
cp -a /mnt/one /tmp/copy
diff -r /mnt/one /tmp/copy
umount /mnt
END
equal "mode" "$(stat -c %A "$EXPORT/one/nested/file")" -rw-rw-r--
equal "mode" "$(stat -c %A "$EXPORT/plain/snapshot/dir/file")" -rw-rw-r--
stop
umount "$EXPORT"
