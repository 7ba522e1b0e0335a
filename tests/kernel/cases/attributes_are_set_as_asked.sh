# Modes, owners, times to the nanosecond, sizes, and a pipe that the server never opens.
serve --portmap=off --export "$EXPORT,$ALLOW"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
cd /mnt
echo text > file
chmod 6751 file
touch -d '2001-02-03 04:05:06.123456789' file
equal "mode and time" "$(stat -c '%a %.9Y' file)" "6751 $(date -d '2001-02-03 04:05:06' +%s).123456789"
chown 12:34 file
truncate -s 5G sparse
equal "size" "$(stat -c %s sparse)" $((5 * 1024 * 1024 * 1024))
equal "end of a hole" "$(tail -c 3 sparse | od -An -tx1)" " 00 00 00"
printf 'x' | dd of=sparse bs=1 seek=4294967299 conv=notrunc status=none
truncate -s 3 file
mkfifo fifo
mkdir -m 3770 dir
touch -d @1.000000001 fifo dir
umask 027
touch masked
equal "mode under umask 027" "$(stat -c %a masked)" 640
echo appended >> file
attributes /mnt > "$SHARED/attributes"
END
equal "attributes on both sides" "$(attributes "$EXPORT")" "$(cat "$SHARED/attributes")"
