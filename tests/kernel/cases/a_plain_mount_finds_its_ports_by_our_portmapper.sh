# The command users know, without any option: the client tries version 4, asks port 111 for the
# ports, and starts its own lock daemon.
serve --portmap=builtin --export "$EXPORT,$ALLOW"
echo 'from the host' > "$EXPORT/greeting"
rpcinfo -p 127.0.0.1
guest -s <<'END'
rpcinfo -p "$SERVER"
mount -t nfs "$SERVER:$EXPORT" /mnt
grep /mnt /proc/mounts
equal "content" "$(cat /mnt/greeting)" "from the host"
showmount -e "$SERVER"
showmount -a "$SERVER"
echo 'from the guest' > /mnt/answer
umount /mnt
showmount -a "$SERVER"
END
equal "content" "$(cat "$EXPORT/answer")" "from the guest"
