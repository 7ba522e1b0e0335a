#!/bin/bash
# The library as somebody outside of this repository gets it: installed under a prefix, found with
# pkg-config and find_package, linked, served, read. One function a test; the argument says which.
set -euo pipefail
work=$(mktemp -d /tmp/loopnfs-outside.XXXXXX)
prefix=$work/prefix
server=
trap '[ -z "$server" ] || kill "$server" || true; rm -rf "$work"' EXIT
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib

cmake --install "$LOOPNFS_BUILD_DIR" --prefix "$prefix" > "$work/install.log"
for dir in "$prefix"/lib/*/pkgconfig; do # where the system has lib/TRIPLE
    [ ! -d "$dir" ] || export PKG_CONFIG_PATH=$dir LD_LIBRARY_PATH=${dir%/pkgconfig}
done

# serve PROGRAM ARGUMENT...: sets $port
serve() {
    : > "$work/out" # the last server's line must not be taken for this one's
    "$@" --port 0 --listen 127.0.0.1 --insecure --state-dir "$work/state" > "$work/out" 2>&1 &
    server=$!
    while kill -0 "$server" 2> /dev/null; do
        port=$(sed -n 's/.*ready on 127\.0\.0\.1:\([0-9]*\)$/\1/p' "$work/out")
        [ -z "$port" ] || return 0
        sleep 0.05
    done
    cat "$work/out"
    return 1
}

# serve_exports ARGUMENT...: the installed loopnfsd; sets $port
serve_exports() {
    : > "$work/out"
    "$prefix/bin/loopnfsd" --listen 127.0.0.1:0 --portmap off --state-dir "$work/state" "$@" > "$work/out" 2>&1 &
    server=$!
    for _ in $(seq 1200); do
        port=$(sed -n 's/.*ready on 127\.0\.0\.1:\([0-9]*\)$/\1/p' "$work/out")
        [ -z "$port" ] || return 0
        kill -0 "$server" 2> /dev/null || break
        sleep 0.05
    done
    cat "$work/out"
    return 1
}

# end: SIGTERM, and exit status 0
end() {
    kill -TERM "$server"
    wait "$server" || { echo "exit status $?"; cat "$work/out"; exit 1; }
    server=
}

# same A B
same() {
    [ "$1" = "$2" ] || { printf 'got:    %s\nwanted: %s\n' "$1" "$2"; exit 1; }
}

sources=(examples/hcfs.c fs/hcfs/hcfs.c)

test_a_program_is_built_with_pkg_config_and_read() {
    local flags
    read -ra flags <<< "$(pkg-config --cflags --libs loopnfs)"
    (cd "$LOOPNFS_SOURCE_DIR" && ${CC:-cc} -Wall -Wextra -Werror "${sources[@]}" -o "$work/hcfs" \
        "${flags[@]}" "${sanitize[@]}")
    serve "$work/hcfs"
    same "$("$FRAMEWORK_READ" "$port" /hcfs /hello)" "Hello, world!"
    same "$("$FRAMEWORK_READ" "$port" /hcfs / | sort | tr '\n' ' ')" ". .. README empty hello "
    grep -q "mount -t nfs -o vers=3,nolock,port=$port,mountport=$port" "$work/out"
    end
    same "$(readelf -d "$LD_LIBRARY_PATH/libloopnfs.so" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')" libloopnfs.so.0
}

# Each of its options with the kinds of values that can only be a mistake: status 2, and one line with the word.
test_a_program_refuses_what_it_does_not_understand() {
    local flags words status line
    read -ra flags <<< "$(pkg-config --cflags --libs loopnfs)"
    (cd "$LOOPNFS_SOURCE_DIR" && ${CC:-cc} "${sources[@]}" -o "$work/hcfs" "${flags[@]}" "${sanitize[@]}")
    refused() { # NAME WORD...
        status=0
        words="${*:2}"
        timeout 300 "$work/hcfs" "${@:2}" > "$work/out" 2>&1 || status=$?
        line=$(< "$work/out")
        if [ $status != 2 ] || [ "$(wc -l < "$work/out")" != 1 ] || [[ $line != hcfs:*"$1"* ]]; then
            echo "hcfs $words: exit status $status, and it said: $line"
            exit 1
        fi
    }
    refused --nothing --nothing
    refused --por --por 3000
    refused argument ""
    refused two one two
    while read -r option good other bad; do
        refused "--$option" "--$option"
        refused "--$option" "--$option" ""
        refused "--$option" "--$option="
        [ "$other" = - ] || refused "--$option" "--$option=$good" "--$option" "$other"
        [ "$bad" = - ] || refused "$bad" "--$option=$bad" --port 0 --state-dir "$work/state"
    done << 'END'
listen 127.0.0.1 - nonsense
port 3000 3001 70000
path /a /b relative
client 127.0.0.1 - @
options ro - tpyo
portmap off auto perhaps
state-dir /tmp/a /tmp/b -
threads 1 2 65
log-level info error loud
END
    refused --insecure --insecure=yes
}

test_a_program_is_linked_with_the_static_library_and_read() {
    local flags
    read -ra flags <<< "$(pkg-config --cflags --libs --static loopnfs)"
    # The author's own functions may be called as ours are.
    cat > "$work/log.c" << 'C'
int log_error(void); int log_error(void) { return 7; }
int fatal(void); int fatal(void) { return log_error(); }
C
    (cd "$LOOPNFS_SOURCE_DIR" && ${CC:-cc} "${sources[@]}" "$work/log.c" -o "$work/hcfs" \
        "${flags[@]/-lloopnfs/-l:libloopnfs.a}" "${sanitize[@]}")
    same "$(ldd "$work/hcfs" | grep -c libloopnfs || true)" 0
    serve "$work/hcfs"
    same "$("$FRAMEWORK_READ" "$port" /hcfs /hello)" "Hello, world!"
    end
}

test_the_examples_are_built_with_find_package_and_read() {
    cmake -S "$LOOPNFS_SOURCE_DIR/examples" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" \
        -DCMAKE_C_FLAGS="${sanitize[*]}" > "$work/log" || { cat "$work/log"; exit 1; }
    cmake --build "$work/build" > "$work/log" || { cat "$work/log"; exit 1; }
    echo '{"name":"loopnfs","list":[1,{"x":true}],"none":null}' > "$work/a.json"
    serve "$work/build/jsonfs" "$work/a.json"
    same "$("$FRAMEWORK_READ" "$port" /jsonfs /name)" loopnfs
    same "$("$FRAMEWORK_READ" "$port" /jsonfs /list/1/x)" true
    same "$("$FRAMEWORK_READ" "$port" /jsonfs /list | sort | tr '\n' ' ')" ". .. 0 1 "
    end
    mkdir -p "$work/dir/sub"
    echo content > "$work/dir/sub/file"
    serve "$work/build/passfs" "$work/dir"
    same "$("$FRAMEWORK_READ" "$port" /passfs /sub/file)" content
    end
    echo 1 > "$work/single.json"
    echo '{' > "$work/broken.json"
    refused() { # WORD PROGRAM ARGUMENT...
        local status=0 program=$work/build/$2
        timeout 300 "$program" --port 0 --state-dir "$work/state" "${@:3}" > "$work/out" 2>&1 || status=$?
        if [[ $status != [12] ]] || [ "$(wc -l < "$work/out")" != 1 ] || ! grep -qF -e "$1" "$work/out"; then
            echo "${*:2}: exit status $status, and it said:"
            cat "$work/out"
            exit 1
        fi
    }
    refused "name a JSON file" jsonfs
    refused "No such file" jsonfs "$work/nothing"
    refused "Is a directory" jsonfs "$work"
    refused "broken.json" jsonfs "$work/broken.json"
    refused "a single value" jsonfs "$work/single.json"
    refused "name a directory" passfs
    refused "No such file" passfs "$work/nothing"
    refused "Not a directory" passfs "$work/a.json"
    same "$(wc -l < "$LOOPNFS_SOURCE_DIR/examples/passfs.c" | awk '{print ($1 < 300)}')" 1
    same "$(wc -l < "$LOOPNFS_SOURCE_DIR/fs/hcfs/hcfs.c" | awk '{print ($1 < 150)}')" 1
}

# A module: built by its author with the installed headers, loaded by the installed server.
test_a_module_is_loaded_by_the_server_and_read() {
    local flags cflags symbols
    read -ra flags <<< "-D_GNU_SOURCE $(pkg-config --cflags --libs loopnfs json-c)"
    read -ra cflags <<< "$(pkg-config --cflags loopnfs)"
    (cd "$LOOPNFS_SOURCE_DIR" && ${CC:-cc} -shared -fPIC examples/jsonfs.c -o "$work/jsonfs.so" "${flags[@]}" &&
        ${CC:-cc} -shared -fPIC examples/passfs.c -o "$work/passfs.so" "${flags[@]}")
    sed 's/hcfs_type/mine_type/; s/"hcfs"/"mine"/' "$LOOPNFS_SOURCE_DIR/fs/hcfs/hcfs.c" > "$work/mine.c"
    # Without the library, too: the program has all that a file system calls.
    ${CC:-cc} -shared -fPIC "$work/mine.c" -o "$work/mine.so" "${cflags[@]}"
    echo '{"name":"loopnfs"}' > "$work/a.json"
    mkdir "$work/dir"
    echo content > "$work/dir/file"
    (cd "$work" && "$prefix/bin/loopnfsd" --check --module jsonfs.so --state-dir "$work/state" \
        --export "/a,fs=jsonfs,source=$work/a.json")
    serve_exports --module "$work/jsonfs.so" --module "$work/passfs.so" --module "$work/mine.so" \
        --export "/a,fs=jsonfs,source=$work/a.json,insecure" --export "/b,fs=passfs,source=$work/dir,insecure" \
        --export /c,fs=mine,insecure
    same "$("$FRAMEWORK_READ" "$port" /a /name)" loopnfs
    same "$("$FRAMEWORK_READ" "$port" /b /file)" content
    same "$("$FRAMEWORK_READ" "$port" /c /hello)" "Hello, world!"
    end
    # It sees what the library offers to file systems, and nothing else of the program.
    symbols=$(nm -D --defined-only "$prefix/bin/loopnfsd" | awk '$2 == "T" {print $3}' | sort)
    if [ ${#sanitize[@]} = 0 ]; then
        same "$symbols" "$(sed -n 's/^    \([a-z_]*\);$/\1/p' "$LOOPNFS_SOURCE_DIR/lib/libloopnfs.map" |
            grep -v ^loopnfs_ | sort)"
    fi
}

test_what_is_no_module_is_refused_with_a_line() {
    local flags
    read -ra flags <<< "$(pkg-config --cflags loopnfs)"
    refused() { # WORDS ARGUMENT...
        local status=0
        timeout 300 "$prefix/bin/loopnfsd" --check --state-dir "$work/state" "${@:2}" > "$work/out" 2>&1 || status=$?
        if [[ $status != [12] ]] || [ "$(wc -l < "$work/out")" != 1 ] || ! grep -qF -e "$1" "$work/out"; then
            echo "${*:2}: exit status $status, and it said:"
            cat "$work/out"
            exit 1
        fi
    }
    echo 'int x;' > "$work/none.c"
    cat > "$work/newer.c" << 'C'
#include <loopnfs/vfs.h>
static const struct { struct vfs_type type; void *more; } newer = {{.name = "newer"}, 0};
__attribute__((constructor)) static void begin(void) { vfs_register_sized(&newer.type, sizeof(newer)); }
C
    printf '#include <loopnfs/vfs.h>\nstatic const struct vfs_type t = {.name = "memfs"};\nVFS_TYPE(t);\n' > "$work/again.c"
    printf '#include <loopnfs/vfs.h>\nstatic const struct vfs_type t = {.name = "older"};\n%s\n' \
        '__attribute__((constructor)) static void f(void) { vfs_register_sized(&t, sizeof(t) - 3 * sizeof(void *)); }' \
        > "$work/older.c"
    echo 'void no_such_thing(void); void f(void); void f(void) { no_such_thing(); }' > "$work/lacks.c"
    for name in none newer again older lacks; do
        ${CC:-cc} -shared -fPIC "$work/$name.c" -o "$work/$name.so" "${flags[@]}"
    done
    echo text > "$work/text.so"
    refused "cannot open shared object file" --module "$work/nothing.so" /tmp
    refused "text.so: " --module "$work/text.so" /tmp
    refused "it registers no file system: VFS_TYPE()" --module "$work/none.so" /tmp
    refused "file system newer: its table has" --module "$work/newer.so" /tmp
    refused "file system memfs: there is another of this name" --module "$work/again.so" /tmp
    refused "undefined symbol: no_such_thing" --module "$work/lacks.so" /tmp
    refused "it is loaded already" --module "$work/older.so" --module "$work/older.so" /tmp
    refused "(there are: " --export /x,fs=mine
    refused "; --module loads more)" --export /x,fs=mine
    refused "older" --module "$work/older.so" --export /x,fs=mine
    # One of an older header, which had fewer operations, is served.
    serve_exports --module "$work/older.so" --export /x,fs=older,insecure
    same "$("$FRAMEWORK_READ" "$port" /x / | sort | tr '\n' ' ')" ". .. "
    end
}

test_a_file_system_in_cxx_is_built_and_read() {
    local flags static
    cat > "$work/hello.cpp" << 'CPP'
#include <cerrno>
#include <cstring>
#include <loopnfs/loopnfs.h>
#include <string>

namespace {
struct greeting {
    std::string text = "Hello from C++\n";
};

int hello_mount(struct vfs *fs, const struct vfs_mount_args *)
{
    fs->private_data = new greeting;
    return 0;
}

void hello_unmount(struct vfs *fs)
{
    delete static_cast<greeting *>(fs->private_data);
}

int hello_getattr(const struct vctx *, struct vnode *vn, struct vattr *attr)
{
    vnode_attr_default(vn, attr);
    if (vnode_number(vn) == 2)
        attr->size = static_cast<greeting *>(vn->fs->private_data)->text.size();
    return vnode_number(vn) <= 2 ? 0 : ESTALE;
}

int hello_lookup(const struct vctx *, struct vnode *dir, const char *name, struct vnode **out, struct vattr *)
{
    return std::strcmp(name, "greeting") == 0 ? vnode_intern_number(dir->fs, 2, VREG, out) : ENOENT;
}

int hello_read(const struct vctx *, struct vnode *vn, uint64_t offset, void *buf, size_t *len, bool *eof,
               struct vattr *)
{
    const std::string &text = static_cast<greeting *>(vn->fs->private_data)->text;

    *len = offset < text.size() ? text.copy(static_cast<char *>(buf), *len, offset) : 0;
    *eof = offset + *len >= text.size();
    return 0;
}

constexpr vfs_type hello_type()
{
    vfs_type type = {};
    type.name = "hello";
    type.ops.mount = hello_mount;
    type.ops.unmount = hello_unmount;
    type.ops.getattr = hello_getattr;
    type.ops.lookup = hello_lookup;
    type.ops.read = hello_read;
    return type;
}
constexpr vfs_type hello = hello_type();
VFS_TYPE(hello);
} // namespace

int main(int argc, char **argv)
{
    return loopnfs_serve(&hello, argc, argv);
}
CPP
    read -ra flags <<< "$(pkg-config --cflags --libs loopnfs)"
    read -ra static <<< "$(pkg-config --cflags --libs --static loopnfs)"
    (cd "$work" && ${CXX:-c++} -Wall -Wextra -Werror hello.cpp -o hello "${flags[@]}" "${sanitize[@]}" &&
        ${CXX:-c++} hello.cpp -o hello-static "${static[@]/-lloopnfs/-l:libloopnfs.a}" "${sanitize[@]}")
    for program in hello hello-static; do
        serve "$work/$program"
        same "$("$FRAMEWORK_READ" "$port" /hello /greeting)" "Hello from C++"
        end
    done

    # Both languages see the same bytes.
    cat > "$work/layout.c" << 'C'
#include <loopnfs/loopnfs.h>
#include <stdio.h>
int main(void)
{
    printf("%zu %zu %zu %zu %zu\n", sizeof(struct vnode), offsetof(struct vnode, table),
           offsetof(struct vnode, table_flags), offsetof(struct vnode, type), offsetof(struct vnode, id));
    printf("%zu %zu %zu %zu\n", sizeof(struct vfs), offsetof(struct vfs, root),
           offsetof(struct vfs, flags), offsetof(struct vfs, mounted));
    printf("%zu %zu %zu\n", sizeof(struct vfs_type), sizeof(struct vattr), sizeof(struct vcreate));
}
C
    (cd "$work" && ${CC:-cc} layout.c -o layout-c "${flags[@]}" "${sanitize[@]}" &&
        ${CXX:-c++} -x c++ layout.c -o layout-cxx "${flags[@]}" "${sanitize[@]}")
    same "$("$work/layout-cxx")" "$("$work/layout-c")"
}

test_what_the_headers_declare_is_exported_and_nothing_else() {
    # Functions begin a line of the headers; static inline ones are the header's own.
    cat "$prefix"/include/loopnfs/*.h | grep -vE '^(static|#|[ /])' |
        grep -oE '\b(loopnfs|vfs|vctx|vnode|vaccess|vdirents|vcontrol)_[a-z_]+\(' | tr -d '(' | sort -u > "$work/declared"
    nm -D --defined-only "$LD_LIBRARY_PATH/libloopnfs.so" | awk '$2 == "T" {print $3}' |
        sed 's/@.*//' | sort -u > "$work/exported"
    diff "$work/declared" "$work/exported"
    nm -g --defined-only "$LD_LIBRARY_PATH/libloopnfs.a" | awk '$2 == "T" {print $3}' |
        sort -u > "$work/archived"
    diff "$work/declared" "$work/archived"
}

test_an_author_runs_the_installed_conformance_suite() {
    local flags kind
    read -ra flags <<< "$(pkg-config --cflags loopnfs)"
    sed 's/"hcfs"/"mine"/' "$LOOPNFS_SOURCE_DIR/fs/hcfs/hcfs.c" > "$work/mine.c"
    # The program has all that a file system calls; who links with the library gets the same.
    for kind in alone linked; do
        [ $kind = alone ] || read -ra flags <<< "$(pkg-config --cflags --libs loopnfs)"
        ${CC:-cc} -shared -fPIC "$work/mine.c" -o "$work/mine.so" "${flags[@]}"
        "$prefix/bin/loopnfs-conformance" --load "$work/mine.so" --fs mine > "$work/tap" || { cat "$work/tap"; exit 1; }
        same "$(grep -c '^not ok' "$work/tap" || true)" 0
        [ "$(grep '^ok' "$work/tap" | grep -vc SKIP)" -ge 10 ]
    done
    (cd "$LOOPNFS_SOURCE_DIR" && ${CC:-cc} "${sources[@]}" -o "$work/hcfs" "${flags[@]}" "${sanitize[@]}")
    serve "$work/hcfs"
    "$prefix/bin/loopnfs-conformance" --wire 127.0.0.1:/hcfs --port "$port" --mount-port "$port" > "$work/tap" ||
        { cat "$work/tap"; exit 1; }
    [ "$(grep '^ok' "$work/tap" | grep -vc SKIP)" -ge 10 ]
    end
    # A file system without a source, too, may have one server for all bodies, or one of its own for each.
    "$prefix/bin/loopnfs-conformance" --fs memfs --server "$prefix/bin/loopnfsd" --one-server > "$work/tap" ||
        { cat "$work/tap"; exit 1; }
    [ "$(grep '^ok' "$work/tap" | grep -vc SKIP)" -ge 200 ]
    grep '^ok.*the_roots_handle_survives_a_restart' "$work/tap" | grep -qv SKIP
    if "$prefix/bin/loopnfs-conformance" --wire localhost:/x --server "$prefix/bin/loopnfsd" > "$work/tap" 2>&1; then
        exit 1
    fi
    grep -q -e '--wire is a server that runs already' "$work/tap"
}

test_the_conformance_suite_is_built_without_the_tests() {
    cmake -S "$LOOPNFS_SOURCE_DIR" -B "$work/plain" -G Ninja > "$work/log" || { cat "$work/log"; exit 1; }
    cmake --build "$work/plain" --target help > "$work/targets"
    grep -q '^loopnfs-conformance:' "$work/targets"
    same "$(grep -c '^unit_tests:' "$work/targets" || true)" 0
    grep -q 'bin/loopnfs-conformance' "$work/plain/tests/conformance/cmake_install.cmake"
}

test_the_guide_works_as_written() {
    local flags
    # Each block of the guide that begins with its file's name is that file.
    mkdir "$work/folder"
    awk -v dir="$work/folder" '
        /^```/ { if (file) close(file); file = ""; inside = !inside; first = 1; next }
        inside && first {
            first = 0
            if (match($0, /[A-Za-z]+\.c|Makefile/)) {
                name = substr($0, RSTART, RLENGTH)
                if ($0 ~ /^(\/\*|#)/) file = dir "/" name
            }
        }
        inside && file { print > file }' "$LOOPNFS_SOURCE_DIR/docs/writing-a-file-system.md"
    ls "$work/folder"
    [ "$(cat "$work"/folder/*.c | wc -l)" -lt 100 ]
    make -C "$work/folder" LDFLAGS="${sanitize[*]}" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    serve "$work/folder/hello"
    same "$("$FRAMEWORK_READ" "$port" /hello /greeting)" "Hello from my own file system"
    end
    # Its lines are its own, not another program's.
    same "$(grep -c '^loopnfsd:' "$work/out" || true)" 0
    grep -q '^hello: .*ending' "$work/out"
    echo 'VFS_TYPE(hello);' >> "$work/folder/hello.c"
    grep -q '^    VFS_TYPE(hello);$' "$LOOPNFS_SOURCE_DIR/docs/writing-a-file-system.md"
    read -ra flags <<< "$(pkg-config --cflags --libs loopnfs)"
    ${CC:-cc} -shared -fPIC "$work/folder/hello.c" -o "$work/hello.so" "${flags[@]}"
    "$prefix/bin/loopnfs-conformance" --load "$work/hello.so" --fs hello > "$work/tap" || { cat "$work/tap"; exit 1; }
    [ "$(grep '^ok' "$work/tap" | grep -vc SKIP)" -ge 10 ]
}

# A build folder of somebody's, from which root has installed: what is there is another user's now.
test_its_owner_installs_after_root_did() {
    local user=65533 dir
    if [ "$(id -u)" != 0 ]; then
        echo "skipped: only root can be two users"
        [ -z "${CI:-}" ] || exit 1
        exit 77
    fi
    mkdir "$work/upper" "$work/work" "$work/tree" "$work/own"
    chmod 755 "$work"
    chown $user "$work/own"
    # shellcheck disable=SC2016
    unshare --mount --propagation private bash -euc '
        user=$1 work=$2 build=$3 top=
        mount -t tmpfs tmpfs "$work/work"
        mkdir "$work/work/upper" "$work/work/work"
        # From the first folder on the way there that is closed to others, if there is one.
        IFS=/ read -ra names <<< "${build#/}"
        path=
        for name in "${names[@]}"; do
            path+=/$name
            [ -z "$top" ] || chmod 755 "$path"
            [ -z "$top" ] || continue
            [ "$path" = "$build" ] || ! setpriv --reuid $user --regid $user --clear-groups test -x "$path" || continue
            top=$path
            mount -t overlay overlay -o "lowerdir=$top,upperdir=$work/work/upper,workdir=$work/work/work" "$top"
            chmod 755 "$top"
        done
        find "$build" -xdev -type d ! -path "*/CMakeFiles/*" -exec chown $user {} +
        cmake --install "$build" --prefix "$work/of-root" > "$work/log"
        setpriv --reuid $user --regid $user --clear-groups cmake --install "$build" --prefix "$work/own/prefix" \
            > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }' \
        bash $user "$work" "$LOOPNFS_BUILD_DIR"
    for dir in of-root own/prefix; do
        "$work/$dir/bin/loopnfsd" --version
        grep -q "ExecStart=$work/$dir/bin/loopnfsd" "$work/$dir/lib/systemd/system/loopnfsd.service"
        grep -rq "$work/$dir" "$work/$dir"/lib*/pkgconfig "$work/$dir"/lib/*/pkgconfig 2> /dev/null
    done
}

# The library of a sanitized build needs its runtime.
sanitize=()
if grep -qE '^LOOPNFS_SANITIZE:[A-Z]+=(ON|address)$' "$LOOPNFS_BUILD_DIR/CMakeCache.txt"; then
    sanitize=("-fsanitize=address,undefined")
fi
"test_$1"
echo "$1: as it should be"
