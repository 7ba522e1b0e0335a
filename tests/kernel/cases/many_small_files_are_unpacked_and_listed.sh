# 4,000 files in one directory: a listing of many replies, whole while some are removed.
serve --portmap=off --export "$EXPORT,$ALLOW"
mkdir "$SHARED/many"
(cd "$SHARED/many" && seq -f 'file with a fairly long name %05g' 1 4000 | tr '\n' '\0' | xargs -0 touch)
tar -C "$SHARED" -cf "$SHARED/many.tar" many
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
tar -C /mnt -xf "$SHARED/many.tar"
remount
equal "names" "$(ls /mnt/many | wc -l)" 4000
equal "names, listed with attributes" "$(ls -l /mnt/many | grep -c ' file with ')" 4000
remount
mount -o remount,nordirplus /mnt 2> /dev/null || true
equal "distinct names found" "$(find /mnt/many -type f | sort -u | wc -l)" 4000
find /mnt/many -name '*[02468]' -delete
equal "names left" "$(ls /mnt/many | wc -l)" 2000
rm -r /mnt/many
END
equal "what is left" "$(ls "$EXPORT")" ""
