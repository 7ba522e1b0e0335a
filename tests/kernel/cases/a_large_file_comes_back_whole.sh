# 200 MB, more than half of the client's memory: written back under pressure, read by a fresh mount.
serve --portmap=off --export "$EXPORT,$ALLOW"
head -c 200000000 /dev/urandom > "$SHARED/large"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
dd if="$SHARED/large" of=/mnt/large bs=1M conv=fsync
remount
sha256sum < /mnt/large > "$SHARED/sum"
END
equal "checksum read by the guest" "$(cat "$SHARED/sum")" "$(sha256sum < "$SHARED/large")"
cmp "$SHARED/large" "$EXPORT/large"
