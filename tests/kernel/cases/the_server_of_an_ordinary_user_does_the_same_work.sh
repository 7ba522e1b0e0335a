# Not root: handles from the table, everything happens as the user who runs it.
chown 65534:65534 "$EXPORT"
mkdir "$SCRATCH/state"
chown 65534:65534 "$SCRATCH/state"
serve_as=65534
serve --portmap=off --export "$EXPORT,$ALLOW"
tar -C /usr/include -cf "$SHARED/tree.tar" linux
guest_start <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
tar -C /mnt --no-same-owner -xf "$SHARED/tree.tar"
remount
attributes /mnt > "$SHARED/attributes"
mkdir -p /mnt/a/b /mnt/c
echo text > /mnt/a/b/file
ln /mnt/a/b/file /mnt/c/hard
ln -s ../a/b/file /mnt/c/soft
mv /mnt/a/b /mnt/c/moved
equal "content after the directory moved" "$(cat /mnt/c/moved/file)" text
exec 3< /mnt/c/hard
signal holding
await restarted
read -r line <&3
equal "an open file after a restart" "$line" text
equal "a link's inode" "$(stat -c %i /mnt/c/hard)" "$(stat -c %i /mnt/c/moved/file)"
echo more >> /mnt/c/moved/file
exec 3<&-
END
await holding
equal "attributes on both sides" "$(cd "$EXPORT" && attributes . | grep ^linux)" "$(grep ^linux "$SHARED/attributes")"
stop
serve --portmap=off --export "$EXPORT,$ALLOW"
signal restarted
guest_done
diff -r /usr/include/linux "$EXPORT/linux"
equal "content" "$(cat "$EXPORT/c/hard")" "$(printf 'text\nmore')"
equal "owner" "$(stat -c %u "$EXPORT/c/hard")" 65534
