# Hard links, symbolic links (dangling, absolute, long, of strange bytes): never followed by the
# server.
serve --portmap=off --export "$EXPORT,$ALLOW"
ln -s /etc/hostname "$EXPORT/absolute"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
cd /mnt
echo content > file
mkdir dir
ln file dir/hard
ln -s ../file dir/soft
ln -s nowhere dangling
ln -s "$(printf 'x%.0s' {1..1000})" long
ln -s $'strange\377\n bytes' strange
equal "content by the soft link" "$(cat dir/soft)" content
refused cat dangling
equal "an absolute link's target is the client's" "$(cat absolute)" "$(cat /etc/hostname)"
equal "links" "$(stat -c %h file)" 2
equal "inode" "$(stat -c %i file)" "$(stat -c %i dir/hard)"
refused ln file dir/hard
rm file
equal "content by the hard link" "$(cat dir/hard)" content
equal "links" "$(stat -c %h dir/hard)" 1
attributes /mnt > "$SHARED/attributes"
END
equal "attributes on both sides" "$(attributes "$EXPORT")" "$(cat "$SHARED/attributes")"
equal "target" "$(readlink "$EXPORT/strange")" $'strange\377\n bytes'
