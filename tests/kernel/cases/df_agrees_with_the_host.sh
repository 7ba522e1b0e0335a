# A file system of a size of its own, so that nobody else changes it meanwhile.
mount -t tmpfs -o size=64m,nr_inodes=5000 tmpfs "$EXPORT"
head -c 20M /dev/zero > "$EXPORT/twenty"
touch "$EXPORT"/{1..100}
serve --portmap=off --export "$EXPORT,$ALLOW"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
df /mnt
df -i /mnt
df -B1M --output=size,used,avail /mnt > "$SHARED/blocks"
df --output=itotal,iused,iavail /mnt > "$SHARED/inodes"
END
df "$EXPORT"
df -i "$EXPORT"
equal "df" "$(cat "$SHARED/blocks")" "$(df -B1M --output=size,used,avail "$EXPORT")"
equal "df -i" "$(cat "$SHARED/inodes")" "$(df --output=itotal,iused,iavail "$EXPORT")"
