# Written as exports(5) has it; SIGHUP reads it anew, under a mounted client.
mkdir "$EXPORT/first" "$EXPORT/second"
printf '# a comment\n%s 10.99.0.0/24(rw,no_root_squash)\n' "$EXPORT/first" > "$SCRATCH/exports"
serve --portmap=off --exports "$SCRATCH/exports"
guest_start <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT/first" /mnt
refused mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT/second" /tmp
echo one > /mnt/one
signal mounted
await reread
echo two > /mnt/two
eventually mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT/second" /tmp
refused touch /tmp/read-only
umount /tmp
END
await mounted
printf '%s 10.99.0.0/24(rw,no_root_squash)\n%s 10.99.0.2(ro)\n' "$EXPORT/first" "$EXPORT/second" > "$SCRATCH/exports"
kill -HUP "$server"
signal reread
guest_done
equal "names" "$(ls "$EXPORT/first")" "$(printf 'one\ntwo')"
