# kernel-guest.sh - the guest's side of bench/kernel: the steps, on one server after the other
# ($ORDER), each timed here and announced to the host, which reads the servers' CPU time.
# shellcheck shell=bash
hush

export HOME=/dev/shm GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
declare -A port=([loopnfsd]=2049 [ganesha]=2051) mount_port=([loopnfsd]=2049 [ganesha]=2052)

# Mounts anew, since that is what empties the client's caches.
mount_server() { # NAME
    ! mountpoint -q /mnt || umount /mnt
    mount -t nfs -o "vers=3,proto=tcp,port=${port[$1]},mountproto=tcp,mountport=${mount_port[$1]}" \
        -o nolock,hard,rsize=1048576,wsize=1048576 "$SERVER:$EXPORT/$1" /mnt
}

# The client's statistics of /mnt: each call's name, how many, ms waited for the answers.
statistics() {
    awk '/^device / { ours = $5 == "/mnt" }
        ours && /^[ \t]+[A-Z0-9_]+:/ && NF >= 9 { sub(/:/, "", $1); print $1, $2, $8 }' /proc/self/mountstats
}

# step NAME COMMAND...: what the command prints is left in $output
step() {
    local at=$ROUND.$name.$1 begin end before after
    local label=$1
    shift
    before=$(statistics)
    signal "$at.begin"
    await "$at.go"
    begin=$EPOCHREALTIME
    "$@" > /dev/shm/output
    end=$EPOCHREALTIME
    signal "$at.end"
    after=$(statistics)
    {
        printf 'time\t%s\t%s\t%s\t%s\t%s\n' "$ROUND" "$name" "$label" "$begin" "$end"
        awk -v first="$before" -v start="$ROUND"$'\t'"$name"$'\t'"$label" 'BEGIN {
                n = split(first, line, "\n")
                for (i = 1; i <= n; i++) { split(line[i], f, " "); calls[f[1]] = f[2]; ms[f[1]] = f[3] }
            }
            $2 > calls[$1] { printf "op\t%s\t%s\t%d\t%d\n", start, $1, $2 - calls[$1], $3 - ms[$1] }' <<< "$after"
    } >> "$RESULTS"
    output=$(< /dev/shm/output)
    await "$at.checked"
}

# The preparation of `git status`.
git_add() {
    git init -q .
    git config gc.auto 0
    git add .
    git commit -q -m all
}

cat_large() {
    cat /mnt/large > /dev/null
}

# Errors end the script, as in any that inside.sh runs.
# shellcheck disable=SC2164
work() {
    mount_server "$name"
    mkdir /mnt/tree
    step untar tar -C /mnt/tree -xf /dev/shm/files.tar
    cd /mnt/tree
    step 'git add' git_add
    cd /
    mount_server "$name"
    cd /mnt/tree
    step 'git status' git status --porcelain
    cd /
    equal "git status" "$output" ""
    mount_server "$name"
    step find find /mnt/tree -name .git -prune -o -type f -printf '%s\n'
    equal "what find counts" "$(awk '{ n += $1 } END { print NR, n }' <<< "$output")" "$FILES $BYTES"
    mount_server "$name"
    step cat cat_large
    equal "the large file" "$(sha256sum < /mnt/large)" "$LARGE_SUM"
    step 'rm -rf' rm -rf /mnt/tree
    umount /mnt
}

# The programs themselves come from the host's disk: once, before anything is timed.
cp "$SHARED/files.tar" /dev/shm/files.tar
mkdir /dev/shm/warm
(cd /dev/shm/warm && echo 1 > file && tar -cf file.tar file && tar -xf file.tar && git_add && git status > file2 &&
    find . -printf '%s\n' | awk '{ n += $1 }' && cat file && sha256sum < file > /dev/null)
rm -rf /dev/shm/warm
# Likewise the guest's memory: the host finds each page of it when it is first touched.
mount -t tmpfs -o size=420m fill /mnt
head -c 400M /dev/zero > /mnt/fill
umount /mnt
for name in $ORDER; do
    work
done > /dev/null
