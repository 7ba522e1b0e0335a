#!/bin/bash
# as_root.sh COMMAND [ARG...] - runs a test of tests/below as root, since making and mounting file
# systems takes that: by sudo for an ordinary user who may use it without being asked for a password
# now (test.sh asks once, before). 77: skipped, where that can't be; never where CI is set.
#
# Called by run.sh, and by ctest (CMakeLists.txt) for a day's work.
set -eu

[ "$(id -u)" != 0 ] || exec "$@"
if ! command -v sudo > /dev/null || ! sudo -n true 2> /dev/null; then
    echo "skipped: mounting takes root: run it as root, or by a user who has sudo ('sudo -v' first)"
    [ -z "${CI:-}" ] || exit 1
    exit 77
fi
# sudo lets nothing of the environment through by itself.
mapfile -t names < <(compgen -e | grep -E '^(LOOPNFS.*|BELOW_.*|GUEST_.*|CI|PATH)$')
words=()
for name in "${names[@]}"; do
    words+=("$name=${!name}")
done
exec sudo -n env "${words[@]}" "$@"
