#!/bin/bash
# run.sh says what is wrong in one line, with exit status 2, before it installs or builds anything: a
# copy of it in a folder of its own, where each of its tools would leave a trace.
set -euo pipefail
work=$(mktemp -d /tmp/loopnfs-run.XXXXXX)
trap 'rm -rf "$work"' EXIT

mkdir "$work/bin"
for tool in apt-get cmake dpkg-query ninja sudo; do
    printf '#!/bin/sh\necho %s >> "%s/traces"\nexit 1\n' "$tool" "$work" > "$work/bin/$tool"
done
chmod 755 "$work"/bin/*
cp "$LOOPNFS_SOURCE_DIR/run.sh" "$work/"

# refused ARGUMENT...
refused() {
    local status=0
    PATH=$work/bin:$PATH "$work/run.sh" "$@" > "$work/out" 2> "$work/err" || status=$?
    if [ $status != 2 ] || [ -s "$work/out" ] || [ "$(wc -l < "$work/err")" != 1 ] || [ -e "$work/traces" ]; then
        echo "run.sh ${*@Q}: exit status $status, and it said:"
        cat "$work/out" "$work/err"
        [ ! -e "$work/traces" ] || { echo "and it ran:"; cat "$work/traces"; }
        exit 1
    fi
}

refused
refused ""
refused "" ""
refused /tmp ""
refused "" --port 0
refused --export ""
refused -- ""

# The traces are no mere absence: with a directory it does go on to them.
! PATH=$work/bin:$PATH "$work/run.sh" /tmp > "$work/out" 2>&1 || { echo "it built nothing"; exit 1; }
[ -s "$work/traces" ] || { echo "its tools were not called"; exit 1; }
