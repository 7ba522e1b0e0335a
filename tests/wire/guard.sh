#!/bin/bash
# Whether the server became slower by a factor, and whether bench/compare would notice: one function a
# test; the argument says which.
set -euo pipefail
work=$(mktemp -d /tmp/loopnfs-guard.XXXXXX)
trap 'rm -rf "$work"' EXIT

# Beside the bare limit in one run, so that a slow machine is slow for both; half of what
# docs/PERFORMANCE.md asks for is enough.
test_the_server_stays_near_the_bare_limit() {
    "$LOOPNFS_SOURCE_DIR/bench/compare" -g -b "$LOOPNFS_BUILD_DIR" -o "$work/report"
    grep -q '"work":"getattr","limit":{"rate":[1-9].*"misses":0}$' "$work/report.json"
}

test_a_server_that_is_slow_by_a_factor_is_noticed() {
    local build=$work/build
    mkdir -p "$build/bench" "$build/nfsd"
    ln -s "$LOOPNFS_BUILD_DIR/bench/nfsbench" "$LOOPNFS_BUILD_DIR/bench/limit" "$build/bench/"
    cat > "$build/nfsd/loopnfsd" << SCRIPT
#!/bin/bash
LD_PRELOAD=$LOOPNFS_SLOW_STAT exec "$LOOPNFS_BUILD_DIR/nfsd/loopnfsd" "\$@"
SCRIPT
    chmod 755 "$build/nfsd/loopnfsd"
    if "$LOOPNFS_SOURCE_DIR/bench/compare" -g -w getattr -b "$build" -o "$work/report" > "$work/out"; then
        cat "$work/out"
        exit 1
    fi
    grep -q 'getattr.*!' "$work/out"
}

"test_$1"
