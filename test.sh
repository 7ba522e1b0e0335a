#!/bin/bash
# test.sh - installs what the tests need (apt), builds, and runs the tests.
#
#   ./test.sh              everything
#   ./test.sh GROUP...     only these groups: the folders of tests/ that have tests
#   ./test.sh -R REGEX     only the tests whose names match (further words go to ctest)
#   ./test.sh --plain ...  the Release tree only: half the time
#
# Three build trees: build/test (Release); build/asan (ASan and UBSan), in which the tests of some groups
# run again as asan.GROUP.SENTENCE; build/tsan (TSan), where those run in which threads meet (THREADED in
# tests/*/CMakeLists.txt), as tsan.GROUP.SENTENCE. What each test said is in
# build/Testing/Temporary/LastTest.log, and shown where it failed.
#
# As root, or as an ordinary user: then missing packages are installed with sudo, tests that need
# root say so, and those of below are run with sudo, which may ask for a password once. All of it takes about half an hour on two CPUs; lint and unit alone, two.
set -euo pipefail
cd "$(dirname "$0")"

known=$(cd tests && printf '%s ' */CMakeLists.txt)
known=${known//\/CMakeLists.txt/}
known=${known% }
sanitized='unit fs wire clients fuzz'
threaded=$(cd tests && grep -lw THREADED -- */CMakeLists.txt | xargs -r -n 1 dirname | paste -sd' ')

# What the build needs: run.sh's list.
eval "$(sed -n '/^packages=(/,/)$/p' run.sh)"
packages+=(
    git
    # the tests' own libraries
    libcmocka-dev libnfs-dev
    # lint
    clang clang-tidy shellcheck mandoc
    # what the library promises
    abigail-tools python3
    # the kernel client's guest, and the programs it works with
    user-mode-linux busybox-static iproute2 util-linux nfs-common netbase rpcbind uidmap
    gcc pax tar sqlite3 procps
    # host file systems below the server
    e2fsprogs xfsprogs btrfs-progs squashfs-tools erofs-utils dosfstools xorriso
    bindfs mergerfs fuse-overlayfs
    ntfs-3g exfat-fuse exfatprogs squashfuse sshfs openssh-server openssh-client
    # what a day's work needs
    rsync
    # the unit
    systemd man-db
)
# Those that not every Debian has, and that are left out where there are none.
some=(
    # Debian 12's formatter: others have other opinions.
    clang-format-14
    # Not in Debian 13.
    unionfs-fuse
)

# The arguments: groups and --plain, then ctest's own options.
groups=()
plain=no
while [ $# -gt 0 ] && [[ $1 != -* || $1 = --plain ]]; do
    if [ "$1" = --plain ]; then
        plain=yes
        shift
        continue
    fi
    if [[ " $known " != *" $1 "* ]]; then
        echo "test.sh: no group called $1; there are: $known" >&2
        exit 2
    fi
    groups+=("$1")
    shift
done

# packages_missing PACKAGE...: those that aren't installed
packages_missing() {
    local package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2> /dev/null | grep -q '^ii' ||
            printf '%s\n' "$package"
    done
}

# as_root COMMAND...
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# What Debian has, asked for once; a fresh machine knows of no package before.
updated=no
update() {
    [ $updated = yes ] || as_root apt-get update -q || return
    updated=yes
}

# packages_to_be_had PACKAGE...: those that this Debian has. One that others only mention is shown as
# nothing, without an error.
packages_to_be_had() {
    local package
    for package in "$@"; do
        [ -z "$(apt-cache show "$package" 2> /dev/null)" ] || printf '%s\n' "$package"
    done
}

# Some packages would start services (rpcbind): the tests need none, and start their own. Debian asks
# policy-rc.d before it starts one.
install_packages() {
    local policy=/usr/sbin/policy-rc.d ours=no status=0
    echo "test.sh: installing $*"
    if [ ! -e $policy ]; then
        ours=yes
        printf '#!/bin/sh\nexit 101\n' | as_root install -m 755 /dev/stdin $policy
    fi
    update &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" || status=$?
    [ $ours = no ] || as_root rm -f $policy
    return $status
}

if ! command -v apt-get > /dev/null; then
    echo "test.sh: no apt-get here: please install what is called, on Debian: ${packages[*]}" >&2
else
    # npm comes with nodejs where that is not Debian's, and can't be installed beside it.
    command -v npm > /dev/null || packages+=(nodejs npm)
    mapfile -t missing < <(packages_missing "${packages[@]}")
    [ ${#missing[@]} = 0 ] || update
    mapfile -t some < <(packages_to_be_had "${some[@]}")
    mapfile -t missing < <(packages_missing "${packages[@]}" "${some[@]}")
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
fi

select=()
[ ${#groups[@]} = 0 ] || select=(-L "^($(IFS='|'; echo "${groups[*]}"))\$")

# A warning of a compiler or library that is newer than ours stops CI, where it is to be seen, and
# nobody else.
werror=OFF
[ -z "${CI:-}" ] || werror=ON

jobs=$(nproc)
build() {
    local tree=$1
    shift
    echo "test.sh: building build/$tree"
    cmake -S . -B "build/$tree" -G Ninja -DLOOPNFS_TESTS=ON "-DLOOPNFS_WERROR=$werror" "$@" > "build/$tree.log" 2>&1 ||
        { cat "build/$tree.log"; exit 1; }
    cmake --build "build/$tree" -j "$jobs" > "build/$tree.log" 2>&1 || { cat "build/$tree.log"; exit 1; }
}

# wanted_of GROUPS: whether one of them is to be run
wanted_of() {
    [ ${#groups[@]} = 0 ] || [[ " $1 " =~ " "($(IFS='|'; echo "${groups[*]}"))" " ]]
}

mkdir -p build
build test -DCMAKE_BUILD_TYPE=Release -DLOOPNFS_TEST_GROUPS=
trees=(test)
if [ $plain = no ]; then
    if wanted_of "$sanitized"; then
        build asan -DCMAKE_BUILD_TYPE=Release -DLOOPNFS_SANITIZE=address -DLOOPNFS_TEST_PREFIX=asan. \
            "-DLOOPNFS_TEST_GROUPS=${sanitized// /;}"
        trees+=(asan)
    fi
    if wanted_of "$threaded"; then
        build tsan -DCMAKE_BUILD_TYPE=Release -DLOOPNFS_SANITIZE=thread -DLOOPNFS_TEST_PREFIX=tsan. \
            "-DLOOPNFS_TEST_GROUPS=${threaded// /;}"
        trees+=(tsan)
    fi
fi

# It makes and mounts file systems (tests/below/as_root.sh). Where the whole is run, sudo is used if
# it does not ask.
if [ "$(id -u)" != 0 ] && [[ " ${groups[*]} " = *" below "* ]]; then
    sudo -v || echo "test.sh: without sudo the tests of below are skipped" >&2
fi

# One ctest over all trees: one summary, and what must not run twice at once doesn't.
printf 'subdirs("%s")\n' "${trees[@]}" > build/CTestTestfile.cmake
# Tests of below wait for the clocks of their file systems for most of the time.
[ "${groups[*]}" != below ] || jobs=$((2 * jobs))
ctest --test-dir build -j "$jobs" --output-on-failure --no-tests=error "${select[@]}" "$@"
