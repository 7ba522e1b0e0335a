# A program maps a file shared, writes into the mapping and calls msync: the host reads it.
serve --portmap=off --export "$EXPORT,$ALLOW"
gcc -O1 -Wall -o "$SHARED/mapping" "$HERE/mapping.c"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
"$SHARED/mapping" write /mnt/file 4000000
"$SHARED/mapping" check /mnt/file 4000000
remount
"$SHARED/mapping" check /mnt/file 4000000
END
"$SHARED/mapping" check "$EXPORT/file" 4000000
