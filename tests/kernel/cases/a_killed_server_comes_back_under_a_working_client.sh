# A hard mount waits; handles, the open file and data not yet on disk survive.
serve --portmap=off --export "$EXPORT,$ALLOW"
guest_start <<'END'
mount -t nfs -o "$OPTIONS,hard" "$SERVER:$EXPORT" /mnt
mkdir /mnt/dir
exec 3> /mnt/dir/open
echo before >&3
work() {
    local i
    for ((i = 1; i <= 600; i++)); do
        echo "file $i" > "/mnt/dir/$i"
        [ $i != 200 ] || signal working
    done
}
work
echo after >&3
exec 3>&-
mv /mnt/dir /mnt/moved
equal "files" "$(ls /mnt/moved | wc -l)" 601
END
await working
kill -KILL "$server"
wait "$server" || true
sleep 1
serve --portmap=off --export "$EXPORT,$ALLOW"
guest_done
equal "the open file" "$(cat "$EXPORT/moved/open")" "$(printf 'before\nafter')"
equal "the others" "$(cd "$EXPORT/moved" && seq 1 600 | xargs cat | md5sum)" "$(seq -f 'file %g' 1 600 | md5sum)"
