# A connection that says something first, and a client whose pages hold that: by NAME.in only what
# programs write goes out, whether they open it for each line or keep it open, map it, or sync it.
tool=${LOOPNFS_BUILD_DIR:?}/bin/loopnfs
export LOOPNFS_CONTROL=$SCRATCH/state/control
serve --portmap=off --export "/srv,fs=srvfs,$ALLOW"
cat > "$SCRATCH/peer" <<END
#!/bin/sh
echo "a welcome that is longer than what is answered to it"
exec cat > "$SCRATCH/got"
END
chmod +x "$SCRATCH/peer"
busybox nc -l -p 7007 -e "$SCRATCH/peer" &
until exec 3<> /dev/tcp/127.0.0.1/7007; do
    sleep 0.05
done 2> /dev/null
"$tool" post --fd 3 conn
exec 3>&-
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:/srv" /mnt
until [ -s /mnt/conn ]; do :; done
cat /mnt/conn
ls /mnt
equal "the twin's size" "$(stat -c '%s %a' /mnt/conn.in)" "0 200"
equal "the twin's content" "$(cat /mnt/conn.in)" ""
echo "user" > /mnt/conn.in
cat /mnt/conn > /dev/null
echo "pass" >> /mnt/conn.in
(for i in 1 2 3; do echo "line $i"; cat /mnt/conn > /dev/null; done) > /mnt/conn.in
(for i in 1 2 3; do echo "sync $i"; sync /mnt/conn.in; done) > /mnt/conn.in
seq 1 20000 > /mnt/conn.in
refused rm /mnt/conn.in
END
{
    printf 'user\npass\nline 1\nline 2\nline 3\nsync 1\nsync 2\nsync 3\n'
    seq 1 20000
} > "$SCRATCH/wanted"
"$tool" remove conn
eventually lines "$(wc -l < "$SCRATCH/wanted")" "$SCRATCH/got"
cmp "$SCRATCH/wanted" "$SCRATCH/got"
