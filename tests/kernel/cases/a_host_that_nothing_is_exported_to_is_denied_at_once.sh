# Whichever way it asks first, it is told, by an answer that mount.nfs does not try again after.
serve --portmap=builtin --export "$EXPORT,client=192.0.2.1"
guest <<'END'
for options in vers=3,nolock vers=3,nolock,tcp,port=2049,mountport=2049 vers=3,nolock,mountproto=udp; do
    refused mount -t nfs -o "$options" "$SERVER:$EXPORT" /mnt > /run/said
    cat /run/said
    grep -q 'access denied by server' /run/said
done
END
# shellcheck disable=SC2154
grep -q 'nothing is exported to it' "$log"
