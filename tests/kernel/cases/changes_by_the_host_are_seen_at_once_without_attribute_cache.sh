# noac: every look at a file asks the server, which asks the host.
serve --portmap=off --export "$EXPORT,$ALLOW"
printf 'one\n' > "$EXPORT/file"
guest_start <<'END'
mount -t nfs -o "$OPTIONS,noac,lookupcache=none" "$SERVER:$EXPORT" /mnt
exec 3< /mnt/file
read -r line <&3
equal "first line" "$line" one
signal read
await appended
read -r line <&3
equal "line appended while the file was open" "$line" two
exec 3<&-
equal "size" "$(stat -c %s /mnt/file)" 8
ls /mnt
signal seen
await replaced
equal "content of the replacement" "$(cat /mnt/file)" other
equal "names" "$(ls /mnt)" "$(printf 'file\nnew')"
signal seen.too
await removed
refused cat /mnt/file
equal "names" "$(ls /mnt)" new
END
await read
printf 'two\n' >> "$EXPORT/file"
signal appended
await seen
echo other > "$EXPORT/new"
cp "$EXPORT/new" "$EXPORT/.temporary"
mv "$EXPORT/.temporary" "$EXPORT/file"
signal replaced
await seen.too
rm "$EXPORT/file"
signal removed
guest_done
