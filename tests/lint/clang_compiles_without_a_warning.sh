#!/bin/bash
# The build the tests run is gcc's with -Werror; this is the same with clang.
. "$(dirname "$0")/lint.sh"

needs clang clang
# Other versions, with other libraries, warn of other things: they are told, and no more.
werror=OFF
if [ -n "${CI:-}" ] || clang --version | grep -q 'version 14\.'; then
    werror=ON
fi
build=${LOOPNFS_BUILD_DIR:?}/lint-clang
cmake -S . -B "$build" -G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Release \
    "-DLOOPNFS_WERROR=$werror" -DLOOPNFS_TESTS=ON > "$build.log" || { cat "$build.log"; exit 1; }
# Not through LOOPNFS_BUILD_DIR's own ninja, which may be running.
cmake --build "$build" || problems=1
verdict "built with $(clang --version | sed -n 1p)"
