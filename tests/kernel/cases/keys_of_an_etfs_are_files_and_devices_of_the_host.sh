# rump's etfs: host files, windows of them and a disk image under keys; a client's writes land in the
# window and nowhere else, and a removed key is gone at once for everybody but who has it open.
tool=${LOOPNFS_BUILD_DIR:?}/bin/loopnfs
export LOOPNFS_CONTROL=$SCRATCH/state/control
head -c 1048576 /dev/urandom > "$SCRATCH/disk"
cp "$SCRATCH/disk" "$SCRATCH/before"
printf '/from/table %s ro\n' "$SCRATCH/before" > "$SCRATCH/table"
serve --portmap=off --export "/keys,fs=etfs,source=$SCRATCH/table,$ALLOW"
"$tool" etfs add /disks/whole "$SCRATCH/disk" type=blk as=reg
"$tool" etfs add /disks/part "$SCRATCH/disk" type=blk as=reg offset=4096 size=8192
"$tool" etfs add /disks/node "$SCRATCH/disk" type=blk
refused "$tool" etfs add /disks/part "$SCRATCH/disk"
refused "$tool" etfs add /disks/odd "$SCRATCH/disk" type=blk offset=100
refused "$tool" etfs add /disks/beyond "$SCRATCH/disk" offset=1048000 size=1000
refused "$tool" etfs remove /disks/none
"$tool" etfs list
guest_start <<'END_GUEST'
mount -t nfs -o "$OPTIONS,noac" "$SERVER:/keys" /mnt
find /mnt | sort
equal "the size of the window" "$(stat -c %s /mnt/disks/part)" 8192
equal "the type of the node" "$(stat -c %F /mnt/disks/node)" "block special file"
cmp /mnt/from/table /mnt/disks/whole
refused touch /mnt/disks/new
refused rm /mnt/disks/part
refused sh -c 'echo x >> /mnt/from/table'
head -c 8192 /dev/zero | dd of=/mnt/disks/part bs=4096 conv=notrunc,fsync
refused sh -c 'head -c 1 /dev/zero | dd of=/mnt/disks/part bs=1 seek=8192 conv=notrunc,fsync'
exec 3< /mnt/disks/part
signal written
await removed
refused cat /mnt/disks/part
equal "zeros still read" "$(head -c 8192 <&3 | tr -d '\0' | wc -c)" 0
exec 3<&-
umount /mnt
END_GUEST
await written
head -c 8192 /dev/zero | dd of="$SCRATCH/before" bs=4096 seek=1 conv=notrunc
cmp "$SCRATCH/disk" "$SCRATCH/before"
"$tool" etfs remove /disks/part
signal removed
guest_done
stop
