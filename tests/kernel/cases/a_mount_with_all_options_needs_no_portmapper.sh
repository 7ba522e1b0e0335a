# Port 2049 carries everything.
serve --portmap=off --export "$EXPORT,$ALLOW"
mkdir -p "$EXPORT/sub/directory"
echo below > "$EXPORT/sub/directory/file"
guest <<'END'
mount -t nfs -o vers=3,nolock,proto=tcp,port=2049,mountproto=tcp,mountport=2049 "$SERVER:$EXPORT" /mnt
grep /mnt /proc/mounts
equal "rsize and wsize" "$(grep -o '[rw]size=[0-9]*' /proc/mounts | xargs)" "rsize=1048576 wsize=1048576"
ls -lR /mnt
umount /mnt
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT/sub/directory" /mnt
equal "content of a subdirectory, mounted alone" "$(cat /mnt/file)" below
umount /mnt
refused mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT/nothing" /mnt
refused mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT/.." /mnt
refused mount -t nfs -o "$OPTIONS" "$SERVER:/" /mnt
END
