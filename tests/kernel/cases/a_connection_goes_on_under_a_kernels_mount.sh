# Plan 9's /srv: somebody dials, logs in, posts the connection and ends; programs of the client go on
# with it by reading and writing a file. Owners and modes hold.
tool=${LOOPNFS_BUILD_DIR:?}/bin/loopnfs
export LOOPNFS_CONTROL=$SCRATCH/state/control
serve --portmap=off --export "/srv,fs=srvfs,$ALLOW"
# The service: a line asked is a line answered, and all it gets is kept.
cat > "$SCRATCH/service" <<'PERL'
use IO::Socket::INET;
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1:7007', Listen => 1, ReuseAddr => 1);
open my $ready, '>', "$ENV{SHARED}/signal.service";
my $conn = $listen->accept;
open my $got, '>', "$ENV{SCRATCH}/got";
$got->autoflush(1);
$conn->autoflush(1);
while (my $line = <$conn>) {
    print $got $line;
    print $conn "you said: $line";
}
PERL
perl "$SCRATCH/service" &
service=$!
await service
# Dials, logs in, posts, ends.
(
    exec 3<> /dev/tcp/127.0.0.1/7007
    echo "user root" >&3
    read -r line <&3
    equal "login" "$line" "you said: user root"
    "$tool" post --fd 3 conn
)
"$tool" list
"$tool" post file < "$SCRATCH/service"
guest <<'END'
mount -t nfs -o "$OPTIONS,noac" "$SERVER:/srv" /mnt
ls -l /mnt
# answers BYTES: once there are as many
answers() {
    eventually grown "$1"
    cat /mnt/conn
}
grown() {
    [ "$(stat -c %s /mnt/conn)" -ge "$1" ]
}
printf 'hello\n' > /mnt/conn
equal "the first answer" "$(answers 16 | head -n1)" "you said: hello"
# The same again is another message, and so is what begins like it.
printf 'hello\n' > /mnt/conn
printf 'hello\nagain\n' > /mnt/conn
printf 'appended\n' >> /mnt/conn
answers 83
equal "lines" "$(wc -l < /mnt/conn)" 5
# A program that keeps the file open, and writes little by little.
(for i in 1 2 3 4 5; do echo "line $i"; done) > /mnt/conn
(for i in 6 7 8; do echo "line $i"; sleep 0.1; done) >> /mnt/conn
answers 219
equal "the last answer" "$(tail -n1 /mnt/conn)" "you said: line 8"
# With the client's attribute cache, too: to open the file is to ask anew.
umount /mnt
mount -t nfs -o "$OPTIONS" "$SERVER:/srv" /mnt
printf 'cached\n' > /mnt/conn
until [ "$(tail -n1 /mnt/conn)" = "you said: cached" ]; do
    sleep 0.1
done
(for i in 1 2 3; do echo "more $i"; sync /mnt/conn; done) > /mnt/conn
until [ "$(tail -n1 /mnt/conn)" = "you said: more 3" ]; do
    sleep 0.1
done
# Much at once, which goes out as the other end takes it.
seq 1 20000 | sed 's/^/number /' > /mnt/conn
# The posted file: read only, as it was opened.
grep -q autoflush /mnt/file
refused sh -c 'echo no >> /mnt/file'
refused as_user 1000 cat /mnt/file
chmod 644 /mnt/file
equal "as another user" "$(as_user 1000 wc -l < /mnt/file)" 11
refused as_user 1000 rm -f /mnt/file
rm /mnt/file
ls -l /mnt
signal done
END
{
    printf 'user root\nhello\nhello\nhello\nagain\nappended\n'
    seq -f 'line %g' 1 8
    printf 'cached\nmore 1\nmore 2\nmore 3\n'
    seq -f 'number %g' 1 20000
} > "$SCRATCH/wanted"
eventually lines 20018 "$SCRATCH/got"
"$tool" list
cmp "$SCRATCH/wanted" "$SCRATCH/got"
"$tool" remove conn
# Who holds a handle of it could use it for a while yet: linger=.
kill "$service"
