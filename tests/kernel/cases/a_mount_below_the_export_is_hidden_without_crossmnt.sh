# Neither read nor written: it was not exported.
mkdir "$EXPORT/below"
mount -t tmpfs -o size=16m,mode=755 tmpfs "$EXPORT/below"
echo inside > "$EXPORT/below/file"
echo beside > "$EXPORT/beside"
serve --portmap=off --export "$EXPORT,$ALLOW"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
ls -l /mnt || true
refused cat /mnt/below/file
refused sh -c 'echo no > /mnt/below/new'
equal "content" "$(cat /mnt/beside)" beside
END
equal "names" "$(ls "$EXPORT/below")" file
