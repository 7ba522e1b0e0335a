#!/bin/bash
# run.sh - installs what is missing, builds loopnfsd, and runs it: ./run.sh DIR [options]
#
# For a fresh Debian machine with only git. All arguments are loopnfsd's (see docs/man/loopnfsd.8); DIR is
# relative to the folder you call it from. What it prints itself goes to standard error. As loopnfsd's, the
# exit status is 2 where the arguments are wrong, and 1 where something is missing.
set -eu

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# test.sh reads this list, too.
packages=(build-essential cmake ninja-build pkg-config rpcsvc-proto
    libtirpc-dev libsodium-dev libjson-c-dev libsqlite3-dev libsystemd-dev)

say() {
    echo "run.sh: $*" >&2
}

die() {
    say "$*"
    exit 1
}

# usage_check ARGUMENT...: what can only be a mistake, such as a variable that is not set, is said before
# anything is installed or built.
usage_check() {
    local argument
    for argument in "$@"; do
        [ -n "$argument" ] || { say "an argument is empty; name a directory, as ./run.sh /srv/share"; exit 2; }
    done
    [ $# -gt 0 ] || { say "usage: $0 DIR [options]    ($0 --help lists the options)"; exit 2; }
}

# The packages among ours that are not installed.
missing() {
    local package
    for package in "${packages[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null)" = installed ] ||
            echo "$package"
    done
}

install_missing() {
    local wanted as=()

    if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
        die "this is no Debian: install cmake, ninja, a C compiler, pkg-config, rpcgen, libtirpc," \
            "libsodium and SQLite with their headers, then: cmake -S . -B build && cmake --build build"
    fi
    mapfile -t wanted < <(missing)
    [ ${#wanted[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        command -v sudo > /dev/null || die "as root, please: apt-get install ${wanted[*]}"
        as=(sudo)
    fi
    say "installing ${wanted[*]}"
    "${as[@]}" apt-get update -qq >&2 || say "apt-get update failed; trying with what it has"
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${wanted[@]}" > /dev/null ||
        die "apt-get can't install ${wanted[*]}"
}

build() {
    local log

    log=$(mktemp)
    if ! { cmake -S "$here" -B "$here/build" -DCMAKE_BUILD_TYPE=Release -G Ninja &&
        cmake --build "$here/build" --target loopnfsd loopnfs; } > "$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        die "the build failed"
    fi
    rm -f "$log"
}

usage_check "$@"
install_missing
build
exec "$here/build/bin/loopnfsd" "$@"
