# Where an rpcbind runs already, it is told, and clients find us by it.
rpcbind -f &
rpcbind=$!
await_rpcbind() {
    until rpcinfo -p > /dev/null 2>&1; do
        sleep 0.05
    done
}
await_rpcbind
serve --portmap=auto --export "$EXPORT,$ALLOW"
rpcinfo -p
rpcinfo -p | grep -E '100003 +3 +tcp +2049'
rpcinfo -p | grep -E '100005 +3 +udp +2049'
guest -s <<'END'
mount -t nfs "$SERVER:$EXPORT" /mnt
echo found > /mnt/it
END
equal "content" "$(cat "$EXPORT/it")" found
stop
rpcinfo -p
refused rpcinfo -T tcp 127.0.0.1 nfs 3
equal "programs left" "$(rpcinfo -p | grep -E '100003|100005' || true)" ""
kill "$rpcbind"
