#!/bin/bash
# The library's ABI against the one that was recorded (lib/abi/libloopnfs.abi): what was compiled
# with an earlier version of the headers has to work with this library.
#     abi.sh record    records the library of $LOOPNFS_BUILD_DIR (default: build) as what is promised from now on
#     abi.sh check     compares
# Compared are the functions of the library's map and the types of the public headers that they reach,
# not sources and places: so gcc and clang, Debian 12 and 13 record the same.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${LOOPNFS_BUILD_DIR:-$root/build}
recorded=$root/lib/abi/libloopnfs.abi
work=$(mktemp -d /tmp/loopnfs-abi.XXXXXX)
trap 'rm -rf "$work"' EXIT

skip() {
    echo "skipped: $1"
    [ -z "${CI:-}" ] || exit 1
    exit 77
}

# record_to FILE
record_to() {
    abidw --headers-dir "$root/include/loopnfs" --drop-private-types --exported-interfaces-only --no-corpus-path \
        --no-comp-dir-path --no-show-locs --type-id-style hash --out-file "$1" "$(readlink -f "$build/lib/libloopnfs.so")"
}

# compare OLD NEW: abidiff's words go to $work/changes
compare() {
    abidiff --suppressions "$root/lib/abi/growth.suppr" --no-added-syms "$1" "$2" > "$work/changes" 2>&1
}

command -v abidw > /dev/null || skip "no abidw (apt-get install abigail-tools)"
[ "$(uname -m)" = x86_64 ] || skip "recorded are the sizes of x86-64"
if grep -qE '^LOOPNFS_SANITIZE:[A-Z]+=(ON|address)$' "$build/CMakeCache.txt"; then
    skip "the sanitizers' own functions are in the library"
fi

case ${1:-} in
record)
    mkdir -p "$(dirname "$recorded")"
    record_to "$recorded"
    ;;
check)
    record_to "$work/now.abi"
    if ! compare "$recorded" "$work/now.abi"; then
        cat "$work/changes"
        echo "This breaks what was compiled with the headers before it. If that is meant (before version 1 it may be):"
        echo "raise SOVERSION in lib/CMakeLists.txt, and record it with tests/framework/abi.sh record."
        exit 1
    fi
    # In what may grow, too, all that was there is where it was: abidiff leaves a struct out as a whole
    # when something came at its end. (Numbers of types depend on the order in which objects are linked.)
    python3 - "$recorded" "$work/now.abi" "$root/lib/abi/growth.suppr" << 'PY'
import re, sys
def members(path, name):
    text = open(path).read()
    begin = text.index("<class-decl name='%s' size-in-bits" % name)
    return re.findall(r"layout-offset-in-bits='(\d+)'>\s*<var-decl name='(\w+)'",
                      text[begin:text.index("</class-decl>", begin)])
names = re.search(r"name_regexp = \^\((.*)\)\$", open(sys.argv[3]).read()).group(1).split("|")
for name in names:
    before, now = members(sys.argv[1], name), members(sys.argv[2], name)
    if not before or now[:len(before)] != before:
        sys.exit("struct %s has changed before its end" % name)
PY
    # What would break is found: a struct that grows, a function that goes, an operation between others.
    sed "s/vnode_put/vnode_gone/g" "$recorded" > "$work/function.abi"
    python3 - "$recorded" "$work" << 'PY'
import re, sys
text = open(sys.argv[1]).read()
def without(member):
    """The record of a library in which struct vfs_ops did not have this member."""
    begin = text.index("<class-decl name='vfs_ops'")
    end = text.index("</class-decl>", begin)
    part = text[begin:end]
    at = int(re.search(r"layout-offset-in-bits='(\d+)'>\s*<var-decl name='%s'" % member, part).group(1))
    part = re.sub(r"\s*<data-member[^>]*layout-offset-in-bits='%d'>.*?</data-member>" % at, "", part, flags=re.S)
    part = re.sub(r"layout-offset-in-bits='(\d+)'",
                  lambda m: "layout-offset-in-bits='%d'" % (int(m[1]) - (64 if int(m[1]) > at else 0)), part)
    part = re.sub(r"size-in-bits='(\d+)'", lambda m: "size-in-bits='%d'" % (int(m[1]) - 64), part, count=1)
    rest = text[:begin] + part + text[end:]
    return re.sub(r"(name='vfs_type' size-in-bits=')(\d+)", lambda m: m[1] + str(int(m[2]) - 64), rest)
members = re.findall(r"<var-decl name='(\w+)'", text[text.index("<class-decl name='vfs_ops'"):].split("</class-decl>")[0])
# A struct without its last member, which both sides make: a bigger one breaks whoever has room for the smaller.
begin = text.index("<class-decl name='vattr'")
end = text.index("</class-decl>", begin)
part = text[begin:end]
cut = part.rindex("<data-member")
size = int(re.search(r"size-in-bits='(\d+)'", part).group(1))
part = re.sub(r"size-in-bits='\d+'", "size-in-bits='%d'" % (size - 128), part[:cut], count=1)
open(sys.argv[2] + "/size.abi", "w").write(text[:begin] + part + text[end:])
open(sys.argv[2] + "/between.abi", "w").write(without("getattr"))
open(sys.argv[2] + "/end.abi", "w").write(without(members[-1]))
PY
    for change in size function between; do
        if compare "$work/$change.abi" "$work/now.abi"; then
            echo "a change that breaks programs was not noticed: $change"
            exit 1
        fi
    done
    # And that operations come at the end is no such change.
    compare "$work/end.abi" "$work/now.abi" || { cat "$work/changes"; exit 1; }
    echo "the library is compatible with what was recorded"
    ;;
*)
    echo "usage: abi.sh record|check" >&2
    exit 2
    ;;
esac
