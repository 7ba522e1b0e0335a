# Older clients ask for the root's handle over UDP, and for the portmapper too.
serve --portmap=builtin --export "$EXPORT,$ALLOW"
guest -s <<'END'
mount -t nfs -o vers=3,nolock,port=2049,mountport=2049,mountproto=udp "$SERVER:$EXPORT" /mnt
grep -o 'mountproto=[a-z]*' /proc/mounts
echo one > /mnt/one
umount /mnt
mount -t nfs -o vers=3,nolock,mountproto=udp "$SERVER:$EXPORT" /mnt
echo two > /mnt/two
! rpcinfo -T udp "$SERVER" nfs 3
rpcinfo -T udp "$SERVER" mountd 1
END
equal "files" "$(ls "$EXPORT")" "$(printf 'one\ntwo')"
