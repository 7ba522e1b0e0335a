# Each request runs as its caller: the host's kernel decides, by owner, group and mode.
serve --portmap=off --export "$EXPORT,$ALLOW"
mkdir -m 755 "$EXPORT/roots"
mkdir -m 1777 "$EXPORT/everyones"
mkdir -m 2770 "$EXPORT/groups"
chgrp 4321 "$EXPORT/groups"
echo secret > "$EXPORT/roots/secret"
chmod 600 "$EXPORT/roots/secret"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:$EXPORT" /mnt
refused as_user 1234 cat /mnt/roots/secret
refused as_user 1234 touch /mnt/roots/new
refused as_user 1234 rm -f /mnt/roots/secret
refused as_user 1234 ls /mnt/groups
as_user 1234 mkdir /mnt/everyones/mine
as_user 1234 cp /etc/hostname /mnt/everyones/mine/file
as_user 1234 chmod 444 /mnt/everyones/mine/file
refused as_user 1235 rm -f /mnt/everyones/mine/file
refused as_user 1234 chown 0 /mnt/everyones/mine/file
setpriv --reuid 1234 --regid 1234 --groups 4321 -- touch /mnt/groups/shared
equal "owner" "$(stat -c %u:%g /mnt/everyones/mine/file)" 1234:1234
cat /mnt/roots/secret
END
equal "owner" "$(stat -c %u:%g:%a "$EXPORT/everyones/mine/file")" 1234:1234:444
equal "owner in a directory of a group" "$(stat -c %u:%g "$EXPORT/groups/shared")" 1234:4321
