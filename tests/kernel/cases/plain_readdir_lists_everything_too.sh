# nordirplus: READDIR instead of READDIRPLUS.
serve --portmap=off --export "$EXPORT,$ALLOW"
(cd "$EXPORT" && seq -f 'name%05g' 1 3000 | xargs touch)
guest <<'END'
mount -t nfs -o "$OPTIONS,nordirplus,rsize=8192" "$SERVER:$EXPORT" /mnt
equal "names" "$(ls -a /mnt | md5sum)" "$( (echo .; echo ..; seq -f 'name%05g' 1 3000) | md5sum)"
END
