# Nothing is ever received, so the file stays empty while it is written: a kernel's client then has
# the pages it wrote in its cache, and sends them from their beginning again.
tool=${LOOPNFS_BUILD_DIR:?}/bin/loopnfs
export LOOPNFS_CONTROL=$SCRATCH/state/control
serve --portmap=off --export "/srv,fs=srvfs,$ALLOW"
"$tool" post --fd 3 sink 3> >(exec cat > "$SCRATCH/got")
guest <<'END'
mount -t nfs -o "$OPTIONS,noac" "$SERVER:/srv" /mnt
(for i in 1 2 3 4 5; do echo "line $i"; done) > /mnt/sink
(for i in 6 7 8; do echo "line $i"; stat -c %s /mnt/sink; done) > /mnt/sink
(for i in 9 10; do echo "line $i"; done) >> /mnt/sink
echo a > /mnt/sink
printf 'a\nb\n' > /mnt/sink
echo a > /mnt/sink
umount /mnt
mount -t nfs -o "$OPTIONS" "$SERVER:/srv" /mnt
(for i in 1 2 3; do echo "sync $i"; sync /mnt/sink; done) > /mnt/sink
echo b >> /mnt/sink
printf 'b\nc\n' > /mnt/sink
seq 1 100000 > /mnt/sink
END
{
    seq -f 'line %g' 1 5
    for i in 6 7 8; do
        printf 'line %s\n0\n' $i
    done
    printf 'line 9\nline 10\na\na\nb\na\nsync 1\nsync 2\nsync 3\nb\nb\nc\n'
    seq 1 100000
} > "$SCRATCH/wanted"
"$tool" list
"$tool" remove sink
eventually lines "$(wc -l < "$SCRATCH/wanted")" "$SCRATCH/got"
cmp "$SCRATCH/wanted" "$SCRATCH/got"
