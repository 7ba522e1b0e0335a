# File systems outside of the server, with the library: the list of files written in a program,
# read; and the passthrough, worked in.
build() {
    with_library "$SCRATCH/bin/author" "$@"
    mv "$SCRATCH/bin/author" "$SCRATCH/bin/loopnfsd"
}

build examples/hcfs.c fs/hcfs/hcfs.c
serve --client "$GUEST" --path /hcfs
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:/hcfs" /mnt
equal "hello" "$(cat /mnt/hello)" "Hello, world!"
equal "the names" "$(ls /mnt | sort | tr '\n' ' ')" "README empty hello "
equal "its size" "$(stat -c %s /mnt/empty)" 0
refused touch /mnt/new
umount /mnt
END
stop

build examples/passfs.c
serve --client "$GUEST" --path /pass "$EXPORT"
mkdir "$EXPORT/tree"
echo from the host > "$EXPORT/tree/file"
guest <<'END'
mount -t nfs -o "$OPTIONS" "$SERVER:/pass" /mnt
equal "content" "$(cat /mnt/tree/file)" "from the host"
mkdir /mnt/made
cp /mnt/tree/file /mnt/made/copy
echo more >> /mnt/made/copy
mv /mnt/made/copy /mnt/made/moved
chmod 640 /mnt/made/moved
equal "the mode" "$(stat -c %a /mnt/made/moved)" 640
for i in $(seq 200); do echo "$i" > /mnt/made/$i; done
equal "files" "$(ls /mnt/made | wc -l)" 201
rm /mnt/made/1*
rm -r /mnt/tree
umount /mnt
END
equal "the copy" "$(cat "$EXPORT/made/moved")" "from the host
more"
equal "what is left" "$(ls "$EXPORT")" made
equal "files on the host" "$(find "$EXPORT/made" -type f | wc -l)" 90
