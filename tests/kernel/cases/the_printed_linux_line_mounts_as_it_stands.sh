# The very lines that a server prints for Linux are run: by a client on the server's own host (the
# server runs in the guest, too) and by another host's; for a server of root, of an ordinary user, and
# for a program with the library; without any portmapper, and with an rpcbind that does not know us.
with_library "$SCRATCH/bin/passfs" examples/passfs.c

guest <<'END'
busybox insmod /usr/lib/uml/modules/*/kernel/lib/crc-ccitt.ko
busybox insmod /usr/lib/uml/modules/*/kernel/net/ipv6/ipv6.ko
ip link set lo up
grep -q '^::1' /etc/hosts || echo '::1 localhost' >> /etc/hosts
sudo() { "$@"; }
mkdir /run/share /run/rpcbind
chown 65534:65534 /run/share
run=0
# mounts UID PROGRAM ARGUMENT...: starts it, runs the line it prints, and works in the mount
mounts() {
    local uid=$1 line server
    shift
    run=$((run + 1))
    mkdir -m 700 /run/state.$run
    chown "$uid:$uid" /run/state.$run
    setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@" --state-dir /run/state.$run > /run/log.$run 2>&1 &
    server=$!
    ready /run/log.$run "$server"
    line=$(sed -n 's/^  Linux  *//p' /run/log.$run)
    say "uid $uid: $line"
    equal "lines for other systems on a host of its own" "$(grep -E '^  (macOS|FreeBSD) ' /run/log.$run || true)" ""
    eval "$line"
    echo "run $run" > /mnt/file
    equal "content" "$(cat /run/share/file)" "run $run"
    rm /mnt/file
    umount /mnt
    kill -TERM "$server"
    wait "$server"
}
each() {
    mounts 0 "$SCRATCH/bin/loopnfsd" --portmap off /run/share
    mounts 65534 "$SCRATCH/bin/loopnfsd" --portmap auto /run/share
    mounts 65534 "$SCRATCH/bin/loopnfsd" --portmap off --listen 127.0.0.1:3049 /run/share
    mounts 65534 "$SCRATCH/bin/loopnfsd" --portmap off --listen '[::1]:3049' /run/share
    mounts 0 "$SCRATCH/bin/passfs" /run/share
    mounts 65534 "$SCRATCH/bin/passfs" --port 4049 /run/share
}
refused rpcinfo -p
each
mounts 0 "$SCRATCH/bin/loopnfsd" /run/share
equal "the host, where both of its loopback addresses do" "$(grep -c 'Linux .* localhost:/run/share' /run/log.$run)" 1
equal "a port in the line of a server that is found" "$(grep -c 'Linux.*port=' /run/log.$run || true)" 0
mkdir -p /run/lock
rpcbind
rpcinfo -p
each
END

# From another host.
chown 65534:65534 "$EXPORT"
mkdir -p "$SCRATCH/state"
line() {
    sed -n 's/^  Linux  *//p' "$log" | tail -n 1
}
for who in 0 65534; do
    for portmap in off auto; do
        chown -R "$who:$who" "$SCRATCH/state"
        serve_as=$who serve --portmap=$portmap --export "$EXPORT,$ALLOW"
        line > "$SHARED/line.$who.$portmap"
        guest <<END
sudo() { "\$@"; }
cat "$SHARED/line.$who.$portmap"
eval "\$(cat "$SHARED/line.$who.$portmap")"
echo "$who $portmap" > /mnt/file
END
        equal "content" "$(cat "$EXPORT/file")" "$who $portmap"
        rm "$EXPORT/file"
        stop
    done
done
