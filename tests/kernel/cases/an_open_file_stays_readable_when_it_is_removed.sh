# The client renames it meanwhile, and removes it when it is closed.
serve --portmap=off --export "$EXPORT,$ALLOW"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
echo still here > /mnt/file
exec 3< /mnt/file
rm /mnt/file
refused cat /mnt/file
ls -A /mnt
equal "content" "$(cat <&3)" "still here"
exec 3<&-
equal "names" "$(ls -A /mnt)" ""
END
equal "names" "$(ls -A "$EXPORT")" ""
