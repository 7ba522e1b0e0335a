# As tar_copies_a_tree, but copied by the client from its own disk, with pax; and
# with async, where only COMMIT reaches the disk.
serve --portmap=off --export "$EXPORT,$ALLOW,async"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
cd /usr/share/doc
pax -rw -p e . /mnt
cd /
END
same_tree /usr/share/doc "$EXPORT"
