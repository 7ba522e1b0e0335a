# Close-to-open, with the client's default caches: whoever opens a file sees what was written, and
# a listing after the client's cache time has the new names.
serve --portmap=off --export "$EXPORT,$ALLOW"
echo 0 > "$EXPORT/counter"
guest_start <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
for i in 1 2 3 4 5 6 7 8; do
    await "written.$i"
    equal "content at the next open" "$(cat /mnt/counter)" "$i"
    signal "read.$i"
done
echo guest > /mnt/counter
signal written.by.guest
await new.file
read -rt 3.5 -u 9 || true
equal "names, after the cache time of a directory just changed" "$(ls /mnt)" "$(printf 'counter\nlater')"
END
count() {
    local i
    for i in 1 2 3 4 5 6 7 8; do
        echo "$i" > "$EXPORT/counter"
        signal "written.$i"
        await "read.$i"
    done
}
count
await written.by.guest
equal "what the guest wrote" "$(cat "$EXPORT/counter")" guest
touch "$EXPORT/later"
signal new.file
guest_done
