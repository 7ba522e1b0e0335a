# git creates objects with mode 0444 and then writes them, renames, locks by exclusive creation,
# and maps its packs.
serve --portmap=off --export "$EXPORT,$ALLOW"
mkdir "$SHARED/tree"
cp -r /etc/alternatives /usr/include/linux "$SHARED/tree"
guest <<'END'
export HOME=/tmp GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
cp -r "$SHARED/tree" /mnt/work
cd /mnt/work
git init -q .
git add .
git commit -q -m first
rm -r alternatives
echo changed >> linux/nfs.h
git commit -q -a -m second
git fsck --full --strict
git gc -q
git fsck --full
git checkout -q HEAD~1
git status --porcelain
git log --oneline --stat | tail -n 3
git clone -q . ../clone
git -C ../clone rev-list --objects HEAD | wc -l
END
git -c safe.directory='*' -C "$EXPORT/work" fsck --full
git -c safe.directory='*' -C "$EXPORT/clone" fsck --full
equal "commits" "$(git -c safe.directory='*' -C "$EXPORT/clone" rev-list --count HEAD)" 1
diff -r --no-dereference "$SHARED/tree/linux" "$EXPORT/work/linux"
