# Server and client on one host: the kernel's own socket is told from a program's by its owner. Who
# calls with a program is himself, though all ports are everybody's.
guest <<'END'
echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start
mkdir -p /run/own /run/state
chmod 1777 /run/own
"$SCRATCH/bin/loopnfsd" --portmap=off --listen 127.0.0.1:2050 --state-dir /run/state /run/own > /run/log 2>&1 &
ready /run/log $!
cat /run/log
refused grep -q 'does not tell' /run/log
mount -t nfs -o vers=3,nolock,tcp,port=2050,mountport=2050 127.0.0.1:/run/own /mnt
touch /mnt/roots
as_user 1234 touch /mnt/own
equal "owners" "$(stat -c %u /run/own/roots /run/own/own)" "$(printf '0\n1234')"
refused as_user 1234 rm -f /mnt/roots
umount /mnt
kill %1
wait
END
