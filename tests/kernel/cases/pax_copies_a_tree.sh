# As tar_copies_a_tree, but copied by the client from its own disk, with pax.
serve --portmap=off --export "$EXPORT,$ALLOW"
guest -t 100 <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
cd /usr/share/doc
pax -rw -p e . /mnt
cd /
END
same_tree /usr/share/doc "$EXPORT"
