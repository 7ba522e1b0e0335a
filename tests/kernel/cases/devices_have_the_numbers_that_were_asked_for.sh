# Devices, which the server never opens; their numbers and attributes are the host's.
needs_root "makes devices"
serve --portmap=off --export "$EXPORT,$ALLOW"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
cd /mnt
mknod device c 1 3
mknod -m 640 disk b 7 200
attributes /mnt > "$SHARED/attributes"
stat -c '%n %F %t:%T' device disk > "$SHARED/special"
END
equal "attributes on both sides" "$(attributes "$EXPORT")" "$(cat "$SHARED/attributes")"
equal "special files" "$(cd "$EXPORT" && stat -c '%n %F %t:%T' device disk)" "$(cat "$SHARED/special")"
equal "numbers" "$(cat "$SHARED/special")" \
    "$(printf 'device character special file 1:3\ndisk block special file 7:c8')"
