#!/bin/bash
# inside.sh - the tests of the unit; run by run.sh's systemd as a service, one function a test.
set -euo pipefail

at_exit() {
    local status=$?
    if [ $status != 0 ]; then
        echo "--- the log of loopnfsd"
        cat /run/log
    fi
    echo $status > /run/out/status
}
trap at_exit EXIT

: > /run/log
mkdir -p /run/share /run/other
echo '/run/share 127.0.0.1(rw,no_root_squash)' > /etc/loopnfs/exports

say() {
    echo "$*"
}

# until_true SECONDS COMMAND...: the limit is for a test that hangs.
until_true() {
    local limit=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        if [ $SECONDS -ge $limit ]; then
            say "FAILED: never came true: $*"
            return 1
        fi
        sleep 0.05
    done
}

property() {
    systemctl show loopnfsd --property "$1" --value
}

answers() {
    (: < "/dev/tcp/$1/2049") 2> /dev/null
}

same() {
    [ "$1" = "$2" ] || { printf 'FAILED: got:    %s\nwanted: %s\n' "$1" "$2"; return 1; }
}

# refused COMMAND...: which must fail
refused() {
    if "$@"; then
        say "FAILED: it worked: $*"
        return 1
    fi
}

# Active, as another process than before.
runs_anew() {
    local now
    # Both at once: between two questions it may have ended.
    now=$(systemctl show loopnfsd --property ActiveState,MainPID | sort | tr '\n' ' ')
    [[ $now =~ ^ActiveState=active\ MainPID=([1-9][0-9]*)\ $ ]] && [ "${BASH_REMATCH[1]}" != "$1" ]
}

# drop_in LINE...: further settings of the service
drop_in() {
    printf '%s\n' '[Service]' "$@" > /run/units/loopnfsd.service.d/test.conf
    systemctl daemon-reload
}

test_the_unit_is_well_formed_and_serves() {
    # An older systemd does not know the two of its back-off.
    systemd-analyze verify --man=no /run/units/loopnfsd.service 2>&1 |
        grep -vE "Unknown key( name)? '(RestartSteps|RestartMaxDelaySec)'" | tee /run/verified || true
    same "$(grep -c loopnfsd /run/verified || true)" 0
    systemctl start loopnfsd
    same "$(property ActiveState)" active
    answers 127.0.0.1
    grep -q 'mount -t nfs' /run/log
    systemctl stop loopnfsd
    same "$(property Result)" success
}

test_an_address_that_comes_late_is_listened_on_when_it_comes() {
    echo 'OPTIONS=--listen 192.0.2.77' > /etc/loopnfs/options
    systemctl start loopnfsd
    same "$(property ActiveState)" active
    grep -q '192.0.2.77 is not an address of this host yet' /run/log
    refused answers 192.0.2.77
    ip address add 192.0.2.77/32 dev lo
    answers 192.0.2.77
}

test_it_is_started_again_after_any_number_of_crashes() {
    local pid
    drop_in RestartSec=100ms RestartSteps=0 RestartMaxDelaySec=infinity
    systemctl start loopnfsd
    for _ in $(seq 12); do
        pid=$(property MainPID)
        kill -KILL "$pid"
        until_true 60 runs_anew "$pid"
    done
    same "$(property NRestarts)" 12
    answers 127.0.0.1
}

test_a_missing_exports_file_is_told_and_not_tried_again() {
    rm /etc/loopnfs/exports
    refused systemctl start loopnfsd
    same "$(property ExecMainStatus)" 2
    same "$(property NRestarts)" 0
    same "$(property ActiveState)" failed
    grep -q '/etc/loopnfs/exports: No such file' /run/log
}

test_a_start_that_fails_otherwise_is_tried_again() {
    mv /run/share /run/away
    drop_in RestartSec=100ms
    echo 'OPTIONS=--state-dir /run/file/state' > /etc/loopnfs/options
    : > /run/file
    refused systemctl start loopnfsd
    rm /run/file
    mv /run/away /run/share
    until_true 60 runs_anew 0
    answers 127.0.0.1
}

test_a_stopped_server_is_started_anew() {
    local pid
    drop_in WatchdogSec=3s TimeoutAbortSec=1s
    systemctl start loopnfsd
    pid=$(property MainPID)
    # It lives on for as long as it is heard: more often than its time has passed.
    until_true 60 heard_after "$(property WatchdogTimestampMonotonic)" 4000000
    same "$(property MainPID)" "$pid"
    kill -STOP "$pid"
    until_true 60 runs_anew "$pid"
    answers 127.0.0.1
}

# heard_after SINCE USEC: the server was heard so long after SINCE
heard_after() {
    [ $(($(property WatchdogTimestampMonotonic) - $1)) -ge "$2" ]
}

test_a_reload_reads_the_exports_and_says_what_it_can_not_change() {
    local pid
    systemctl start loopnfsd
    pid=$(property MainPID)
    echo '/run/other 127.0.0.1(rw)' >> /etc/loopnfs/exports
    systemctl reload loopnfsd
    until_true 60 grep -q 'exports reloaded: 2' /run/log
    echo '/run/other 127.0.0.1(tpyo)' > /etc/loopnfs/exports
    refused systemctl reload loopnfsd
    until_true 60 grep -q "exports:1: .*tpyo" /run/log
    echo '/run/other 127.0.0.1(rw)' > /etc/loopnfs/exports
    echo 'OPTIONS=--listen 127.0.0.2' > /etc/loopnfs/options
    refused systemctl reload loopnfsd
    grep -q 'runs with other options (--listen).*systemctl restart loopnfsd' /run/log
    same "$(property MainPID)" "$pid"
    answers 127.0.0.1
    systemctl restart loopnfsd
    answers 127.0.0.2
    systemctl reload loopnfsd
}

# serving PATTERN: starts what the line that is read says, until it has said PATTERN; then it is ended.
serving() {
    local line
    IFS= read -r line
    say "$line"
    : > /run/served
    eval "exec $line" > /run/served 2>&1 &
    until_true 500 grep -q "$1" /run/served || { cat /run/served; return 1; }
    kill %+
    wait %+ || [ $? = 143 ]
}

# Those of README.md and docs/writing-a-file-system.md that build, install and serve, as they stand there.
test_the_commands_of_the_documents_build_install_and_serve() {
    cd "$SOURCE"
    sudo() { "$@"; }
    ip address add 192.0.2.1/32 dev lo
    mkdir -p /srv/share
    export PAGER=cat
    man -l docs/man/loopnfsd.8
    man -l docs/man/loopnfs-exports.5
    ./run.sh --help > /dev/null
    serving 'ready on' <<'LINE'
    ./run.sh /srv/share
LINE
    serving 'FreeBSD' <<'LINE'
    ./run.sh --listen 192.0.2.1 --export /srv/share,client=192.0.2.0/24,rw
LINE
    serving 'ready on' <<'LINE'
    ./run.sh --export /scratch,fs=memfs,size=1G,rw
LINE
    cmake --build build
    sudo cmake --install build
    sudo mkdir -p /etc/loopnfs
    rm /etc/loopnfs/exports
    sudo cp /usr/local/share/doc/loopnfs/exports.example /etc/loopnfs/exports
    rm /run/units/loopnfsd.service
    sudo systemctl daemon-reload
    sudo systemctl enable --now loopnfsd
    answers 127.0.0.1
    systemctl reload loopnfsd
    systemctl stop loopnfsd
    grep -q 'mount -t nfs' /run/log

    sudo cmake --install build && sudo ldconfig
    mkdir /run/author
    cd /run/author
    awk '/^```/ {if (file) close(file); file = ""; inside = !inside; first = 1; next}
        inside && first {first = 0; if ($0 ~ /hello\.c/) file = "hello.c"; if ($0 ~ /Makefile/) file = "Makefile"}
        inside && file {print > file}' "$SOURCE/docs/writing-a-file-system.md"
    make
    serving 'ready on' <<'LINE'
    ./hello
LINE
    echo 'VFS_TYPE(hello);' >> hello.c
    # shellcheck disable=SC2046
    cc -shared -fPIC hello.c -o hello.so $(pkg-config --cflags --libs loopnfs)
    loopnfs-conformance --load ./hello.so --fs hello
}

"test_$1"
say "$1: as it should be"
