# With locks kept by the client: the server has no lock manager.
serve --portmap=off --export "$EXPORT,$ALLOW"
guest <<'END'
mount -t nfs -o "$OPTIONS,local_lock=all" "$SERVER:$EXPORT" /mnt
cd /mnt
sqlite3 db 'create table t (n integer primary key, s text)'
sqlite3 db "with recursive c(n) as (select 1 union all select n + 1 from c where n < 2000) insert into t select n, hex(randomblob(50)) from c"
seq -f "insert into t values (%g, 'alone');" 2001 2020 > /tmp/inserts
sqlite3 db < /tmp/inserts
sqlite3 db "delete from t where n % 7 = 0; vacuum"
equal "integrity" "$(sqlite3 db 'pragma integrity_check')" ok
sqlite3 db "pragma journal_mode = truncate; update t set s = 'x' where n < 100"
equal "rows" "$(sqlite3 db 'select count(*) from t')" 1732
END
equal "integrity, on the host" "$(sqlite3 "$EXPORT/db" 'pragma integrity_check')" ok
equal "rows, on the host" "$(sqlite3 "$EXPORT/db" 'select count(*) from t')" 1732
