# ENOSPC reaches the program that writes, at the latest when it closes or syncs; what is freed can
# be used again.
mount -t tmpfs -o size=8m tmpfs "$EXPORT"
serve --portmap=off --export "$EXPORT,$ALLOW"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
refused dd if=/dev/zero of=/mnt/large bs=1M count=16 conv=fsync
rm /mnt/large
dd if=/dev/zero of=/mnt/small bs=1M count=4 conv=fsync
END
equal "size" "$(stat -c %s "$EXPORT/small")" $((4 * 1024 * 1024))
