# A real tree, thousands of files: written through the mount, compared by the host, read again
# through a fresh mount, removed through the mount.
serve --portmap=off --export "$EXPORT,$ALLOW"
tar -C /usr/share -cf "$SHARED/doc.tar" --format=posix doc
guest_start <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
tar -C /mnt -xf "$SHARED/doc.tar"
remount
attributes /mnt > "$SHARED/attributes"
tar -C /mnt -df "$SHARED/doc.tar"
signal copied
await compared
rm -rf /mnt/doc
ls -A /mnt
END
await copied
same_tree /usr/share/doc "$EXPORT/doc"
equal "attributes on both sides" "$(attributes "$EXPORT")" "$(cat "$SHARED/attributes")"
signal compared
guest_done
equal "what rm left" "$(ls -A "$EXPORT")" ""
