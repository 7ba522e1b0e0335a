# The acceptance test of an earlier system's memory file system, under this kernel: a real tree is
# copied with pax and compared, df tells what it takes, links behave, all is removed, and nothing
# is left. The server's host can't look into a memfs, so what the guest says is checked.
#
# Copies are compared with a snapshot, since the host's own directories may change meanwhile. Of
# /usr/bin it has everything but the few programs over 5 MB, which are most of its bytes: with them
# a busy machine would take too long.
mkdir "$SHARED/tree" "$SHARED/tree/bin"
cp -a /usr/share/doc "$SHARED/tree/doc"
find /usr/bin -mindepth 1 -maxdepth 1 \( -type l -o -size -5000k \) -print0 |
    xargs -0 cp -a -t "$SHARED/tree/bin"
du -sh "$SHARED/tree"
serve --portmap=off --export "/mem,fs=memfs,size=1G,inodes=100000,$ALLOW"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:/mem" /mnt
numbers() {
    df --output="$1" /mnt | tail -n +2 | tr -d ' '
}
df /mnt
df -i /mnt
cd /mnt
equal "bytes of the empty file system" "$(numbers size) $(numbers used)" "1048576 0"
equal "inodes of the empty file system" "$(numbers itotal) $(numbers iused)" "100000 1"
cd "$SHARED/tree"
pax -rw -p e doc bin /mnt
cd /mnt
diff -r --no-dereference "$SHARED/tree/doc" doc
diff -r --no-dereference "$SHARED/tree/bin" bin
df .
df -i .
equal "inodes" "$(numbers iused)" "$(find . -printf '%i\n' | sort -u | wc -l)"
# Content takes its size rounded up a little, and nothing for a hole.
bytes=$(find . \( -type f -o -type l \) -printf '%i %s\n' | sort -u | awk '{ s += $2 } END { print s }')
used=$(($(numbers used) * 1024))
say "$bytes bytes take $used"
[ "$used" -ge "$bytes" ] && [ "$used" -le $((bytes + bytes / 5 + 1048576)) ]
touch pink
ln pink floyd
echo "wish you were here" > pink
rm pink
equal "floyd" "$(cat floyd)" "wish you were here"
ln -s floyd gilmour
equal "floyd by a link" "$(cat gilmour)" "wish you were here"
rm floyd
refused cat gilmour
equal "where it leads" "$(readlink gilmour)" floyd
rm -rf ./*
equal "what rm left" "$(ls -A)" ""
df .
df -i .
equal "bytes" "$(numbers used)" 0
equal "inodes" "$(numbers iused)" 1
cd /
umount /mnt
END
