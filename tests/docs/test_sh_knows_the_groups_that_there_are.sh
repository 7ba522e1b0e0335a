#!/bin/bash
# test.sh runs each group of tests that there is, and refuses a name that is none: a mistyped group would
# run nothing, and pass.
set -euo pipefail
cd "$LOOPNFS_SOURCE_DIR"

there=$(ctest --test-dir "$LOOPNFS_BUILD_DIR" --print-labels | sed -n 's/^  *//p' | sort)
known=$(cd tests && printf '%s\n' */CMakeLists.txt | cut -d/ -f1 | sort)
if [ -z "$there" ] || [ "$there" != "$known" ]; then
    diff <(echo "$there") <(echo "$known") || true
    exit 1
fi
mkdir "${work=$(mktemp -d /tmp/loopnfs-groups.XXXXXX)}/bin"
trap 'rm -rf "$work"' EXIT
# Its tools would install and build.
for tool in apt-cache apt-get cmake ctest dpkg-query sudo; do
    printf '#!/bin/sh\necho %s >> "%s/traces"\n' "$tool" "$work" > "$work/bin/$tool"
done
chmod 755 "$work"/bin/*
cp test.sh run.sh "$work/"
for group in $known; do
    mkdir -p "$work/tests/$group"
    cp "tests/$group/CMakeLists.txt" "$work/tests/$group/"
done
for name in roots lib fault unit,fs Unit ''; do
    status=0
    PATH=$work/bin:$PATH "$work/test.sh" "$name" > "$work/out" 2>&1 || status=$?
    if [ $status != 2 ] || [ -e "$work/traces" ]; then
        echo "test.sh '$name': exit status $status"
        cat "$work/out" "$work/traces"
        exit 1
    fi
done
