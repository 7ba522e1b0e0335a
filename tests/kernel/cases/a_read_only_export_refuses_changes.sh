# Whoever asks, and however.
serve --portmap=off --export "$EXPORT,client=$GUEST,ro,no_root_squash"
echo content > "$EXPORT/file"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
equal "content" "$(cat /mnt/file)" content
refused touch /mnt/new
refused rm -f /mnt/file
refused chmod 600 /mnt/file
refused mkdir /mnt/dir
refused sh -c 'echo more >> /mnt/file'
END
equal "content" "$(cat "$EXPORT/file")" content
