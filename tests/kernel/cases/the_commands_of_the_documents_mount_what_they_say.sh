# The commands of README, docs/ and the manual pages that serve and mount, as they stand there: client
# and server are the guest. tests/docs looks whether all are here.
awk '/^```c$/ {inside = 1; next} /^```/ {inside = 0} inside' "$LOOPNFS_SOURCE_DIR/docs/writing-a-file-system.md" \
    > "$SHARED/hello.c"
with_library "$SHARED/hello" "$SHARED/hello.c"
install -m 755 "$LOOPNFS_BUILD_DIR/bin/loopnfs" "$LOOPNFS_BUILD_DIR/tests/conformance/loopnfs-conformance" \
    "$SCRATCH/bin"
export PATH=$SCRATCH/bin:$PATH

guest <<'END'
printf '127.0.0.1 HOST\n127.0.0.1 mail.example.org\n' >> /etc/hosts
for address in 192.0.2.1 192.168.122.1; do
    ip address add $address/32 dev lo
done
sudo() { "$@"; }
# Of a server that is installed on this machine nothing is seen.
mkdir -p /var/lib/loopnfs
mount -t tmpfs -o mode=700 tmpfs /var/lib/loopnfs
mkdir -p /srv/share /srv/boot /srv/vm /srv/data /home/me/share /home/me/project /home/user/data
export HOME=/home/user
server=
# serving: starts the server of the line that is read, and waits for it; then `served` ends it
serving() {
    local line
    : > /run/log
    IFS= read -r line
    say "$line"
    eval "exec $line" > /run/log 2>&1 &
    server=$!
    ready /run/log "$server"
}
served() {
    kill -TERM "$server"
    wait "$server" || [ $? = 143 ]
}
# Who says something on port $1, and goes on listening to what it is told.
talker() {
    { echo "hello from port $1"; read -rt 100 -u 9 || true; } | busybox nc -l -p "$1" > /run/told 2>&1 &
    talking=$!
    until busybox netstat -ltn | grep -q ":$1 "; do
        read -rt 0.02 -u 9 || true
    done
}

serving <<'LINE'
loopnfsd --listen 0.0.0.0 --export /srv/share,client=*,rw,no_root_squash
LINE
sudo mount -t nfs -o vers=3,nolock,tcp localhost:/srv/share /mnt
sudo umount /mnt
sudo mount -t nfs -o vers=3,nolock,port=2049,mountport=2049,tcp 192.0.2.1:/srv/share /mnt
umount /mnt
sudo mount -t nfs -o vers=3,nolock,tcp HOST:/srv/share /mnt
umount /mnt
rpcinfo -p HOST
loopnfs status
showmount -e HOST
served

# The commands of servers for others: what they serve is told.
serving <<'LINE'
loopnfsd --listen 192.0.2.1 --export /srv/share,client=192.0.2.0/24,rw,insecure,all_squash,anonuid=1000,anongid=1000
LINE
grep '192.0.2.1:/srv/share' /run/log
served
serving <<'LINE'
loopnfsd --listen 192.0.2.1 --export /srv/boot,client=192.0.2.0/24,ro,udp
LINE
served
serving <<'LINE'
loopnfsd --portmap=off --export /home/me/share,rw,insecure,no_root_squash
LINE
mount -t nfs -o vers=3,nolock,port=2049,mountport=2049,tcp 127.0.0.1:/home/me/share /mnt
umount /mnt
served
serving <<'LINE'
loopnfsd --listen 192.168.122.1 --export /srv/share,client=192.168.122.0/24,rw,no_root_squash
LINE
mount -t nfs -o vers=3,nolock,tcp 192.168.122.1:/srv/share /mnt
umount /mnt
served

# loopnfsd(8)
serving <<'LINE'
loopnfsd /srv/data
LINE
mount -t nfs -o vers=3,nolock,tcp localhost:/srv/data /mnt
umount /mnt
served
serving <<'LINE'
loopnfsd --listen 127.0.0.1:3049 --portmap off "$HOME/data"
LINE
mount -t nfs -o vers=3,nolock,port=3049,mountport=3049,tcp localhost:/home/user/data /mnt
umount /mnt
served
serving <<'LINE'
loopnfsd --listen 192.168.122.1 --export /srv/vm,client=192.168.122.0/24,rw,no_root_squash
LINE
mount -t nfs -o vers=3,nolock,tcp 192.168.122.1:/srv/vm /mnt
umount /mnt
served

# loopnfs-exports(5)
serving <<'LINE'
loopnfsd /home/me/project
LINE
served
serving <<'LINE'
loopnfsd --listen 192.168.122.1 --export /home/me/project,rw,client=192.168.122.0/24,insecure,all_squash,anonuid=1000,anongid=1000
LINE
served
serving <<'LINE'
loopnfsd --export /project,source=/home/me/project,rw
LINE
served
serving <<'LINE'
loopnfsd --export /mem,fs=memfs,size=1G,inodes=100000,rw,no_root_squash
LINE
served
mkdir -p /etc/loopnfs
cp "$LOOPNFS_SOURCE_DIR/systemd/exports.example" /etc/loopnfs/exports
loopnfsd --check --exports /etc/loopnfs/exports

# writing-a-file-system.md
cd "$SHARED"
serving <<'LINE'
./hello
LINE
cd /
sudo mount -t nfs -o vers=3,nolock,port=2049,mountport=2049,tcp localhost:/hello /mnt
ls -l /mnt
cat /mnt/greeting
sudo umount /mnt
loopnfs-conformance --wire localhost:/hello --port 2049 --mount-port 2049
served

# srvfs.md
cd /run
printf '#!/bin/sh\necho "the program has: $*"\n' > program
chmod +x program
talker 7007
loopnfsd --export /srv,fs=srvfs,rw,no_root_squash &
server=$!
until loopnfs list > /run/list 2>&1; do
    read -rt 0.02 -u 9 || true
done
mount -t nfs -o vers=3,nolock,noac,tcp localhost:/srv /mnt
exec 3<> /dev/tcp/127.0.0.1/7007
echo "user root" >&3
loopnfs post --fd 3 conn
exec 3>&-
until grep -q 'hello from port' /mnt/conn; do
    read -rt 0.02 -u 9 || true
done
cat /mnt/conn
echo "a question" > /mnt/conn.in
until grep -q 'a question' /run/told; do
    read -rt 0.02 -u 9 || true
done
loopnfs take conn ./program
loopnfs list
rm /mnt/conn
exec 3< program
echo "$$ 3" > /mnt/conn
exec 3<&-
rm /mnt/conn
kill "$talking" || true # it may have seen the end already

# loopnfs(1)
echo 'friend:x:12345:12345::/:/bin/sh' >> /etc/passwd
talker 143
exec 3<> /dev/tcp/mail.example.org/143
printf 'a LOGIN me secret\r\n' >&3
loopnfs post --fd 3 mail
exec 3>&-
cat /mnt/mail
printf 'b SELECT inbox\r\n' > /mnt/mail
chown friend /mnt/mail
kill "$talking" || true # it may have seen the end already
printf '#!/bin/sh\nexit 0\n' > /run/httpd
chmod +x /run/httpd
PATH=$PATH:/run
exec 3< program
loopnfs post --fd 3 www
loopnfs take --fd 3 www httpd --listen-fd=3
umount /mnt
served
serving <<'LINE'
loopnfsd --export /keys,fs=etfs,rw,no_root_squash
LINE
truncate -s 700M disk.img
loopnfs etfs add /disks/root disk.img type=blk offset=1048576 size=536870912 as=reg
END
