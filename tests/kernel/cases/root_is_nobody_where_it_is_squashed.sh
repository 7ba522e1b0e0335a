# The default of exports(5).
serve --portmap=off --export "$EXPORT,client=$GUEST,rw"
chmod 1777 "$EXPORT"
echo secret > "$EXPORT/secret"
chmod 600 "$EXPORT/secret"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
refused cat /mnt/secret
refused rm -f /mnt/secret
touch /mnt/new
refused chown 0 /mnt/new
END
equal "owner" "$(stat -c %u:%g "$EXPORT/new")" 65534:65534
