# day.sh - a day's work of two colleagues on a host file system, by a stock kernel's client: git,
# tar, rsync, sqlite, npm, find, each editing the other's files, cp over them, rm -rf.
#
# A case of tests/kernel/run.sh, with the file system of the table named by BELOW_NAME.
# shellcheck shell=bash disable=SC2154,SC2034,SC1091,SC2153

here=$HERE/../below name=$BELOW_NAME OWNER=0
W=$SCRATCH/disk M=$EXPORT
mkdir "$W"
mount -t tmpfs -o mode=755 tmpfs "$W"
hush
. "$here/table.sh"
. "$here/make.sh"
"make_${name//-/_}" first
"put_${name//-/_}"
show
# The two are 1001 and 1002; 5000 is their group.
chmod 755 "$EXPORT"
install -d -o 1001 -g 5000 -m 2775 "$EXPORT/project"
serve --export "$EXPORT,$ALLOW"

guest << 'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
export HOME=/tmp GIT_CONFIG_NOSYSTEM=1
ann() { setpriv --reuid 1001 --regid 1001 --groups 5000 -- "$@"; }
bob() { setpriv --reuid 1002 --regid 1002 --groups 5000 -- "$@"; }
umask 002
cd /mnt/project

ann mkdir work
cd work
ann git init -q .
ann git config user.name ann
ann git config user.email ann@example.com
for i in 1 2 3 4 5 6 7 8; do ann sh -c "seq $((i * 100)) > file-$i"; done
ann git add .
ann git commit -qm first
ann git checkout -qb branch
ann sh -c 'echo more >> file-1'
ann git commit -qam second
ann git checkout -q -
ann git merge -q branch
ann git gc -q
ann git fsck --strict
[ "$(git -c safe.directory='*' log --oneline | wc -l)" = 2 ]

ann sh -c 'echo by ann > letter'
ann chmod 664 letter
bob sh -c 'echo by bob >> letter'
[ "$(cat letter)" = "by ann${newline}by bob" ]
bob sh -c 'echo short > letter'
[ "$(cat letter)" = short ]
bob cp /etc/passwd letter
ann cmp /etc/passwd letter
bob truncate -s 5 letter
[ "$(stat -c '%s %u %g' letter)" = "5 1001 5000" ]
bob touch letter
refused bob chmod 600 letter
bob sh -c 'echo new > letter.new && mv letter.new letter'
[ "$(stat -c '%u' letter)" = 1002 ]

ann tar -cf ../work.tar --exclude=.git .
ann mkdir ../copy
ann tar -xf ../work.tar -C ../copy
diff -r --exclude=.git . ../copy
ann rsync -a --exclude=.git ./ ../mirror/
ann sh -c 'echo changed >> file-2'
ann rsync -a --exclude=.git --delete ./ ../mirror/
diff -r --exclude=.git . ../mirror

ann sqlite3 base.db 'create table t (a); begin; insert into t values (1), (2), (3); commit;'
[ "$(ann sqlite3 base.db 'select sum(a) from t; pragma integrity_check;')" = "6${newline}ok" ]

ann mkdir module
ann sh -c 'echo "{\"name\":\"module\",\"version\":\"1.0.0\"}" > module/package.json'
ann sh -c 'echo "module.exports = 42" > module/index.js'
ann sh -c 'echo "{\"name\":\"work\",\"version\":\"1.0.0\"}" > package.json'
ann tar -czf module.tgz --transform 's,^module,package,' module
ann env npm_config_cache=/tmp/npm npm install --offline --no-audit --no-fund --no-update-notifier ./module.tgz
[ "$(ann node -p 'require("/mnt/project/work/node_modules/module")')" = 42 ]

[ "$(find . -name 'file-*' -type f | sort | wc -l)" = 8 ]
[ -z "$(find . -newer package.json -name 'file-1')" ]
cd ..
bob busybox rm -rf copy mirror 2> /dev/null || ann busybox rm -rf copy mirror
ann busybox rm -rf work work.tar
[ -z "$(ls -A)" ]
cd /
END
stop
[ -z "$(ls -A "$EXPORT/project")" ]
take
