# The client sees another file system, with its own numbers.
mkdir "$EXPORT/below"
mount -t tmpfs -o size=16m,mode=755 tmpfs "$EXPORT/below"
echo inside > "$EXPORT/below/file"
serve --portmap=off --export "$EXPORT,$ALLOW,crossmnt"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
ls -l /mnt /mnt/below
equal "content" "$(cat /mnt/below/file)" inside
echo more > /mnt/below/new
df /mnt /mnt/below
equal "size in MiB" "$(df -B1M --output=size /mnt/below | tail -n 1 | xargs)" 16
refused ln /mnt/below/new /mnt/hard
umount -R /mnt
END
equal "content" "$(cat "$EXPORT/below/new")" more
