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
    "$@" --port 0 --listen 127.0.0.1 --insecure --state-dir "$work/state" > "$work/out" 2>&1 &
    server=$!
    for _ in $(seq 200); do
        port=$(sed -n 's/.*ready on 127\.0\.0\.1:\([0-9]*\)$/\1/p' "$work/out")
        [ -z "$port" ] || return 0
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
    same "$(wc -l < "$LOOPNFS_SOURCE_DIR/examples/passfs.c" | awk '{print ($1 < 300)}')" 1
    same "$(wc -l < "$LOOPNFS_SOURCE_DIR/fs/hcfs/hcfs.c" | awk '{print ($1 < 150)}')" 1
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

test_the_guide_works_as_written() {
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
}

# The library of a sanitized build needs its runtime.
sanitize=()
if grep -q '^LOOPNFS_SANITIZE:BOOL=ON' "$LOOPNFS_BUILD_DIR/CMakeCache.txt"; then
    sanitize=("-fsanitize=address,undefined")
fi
"test_$1"
echo "$1: as it should be"
