#!/bin/bash
# RFC capitals (READ3args, NFS3ERR_IO, MNT3_OK) are wire types: only the protocol rooms have them;
# and the rooms of the network know no vnode.
. "$(dirname "$0")/lint.sh"

# search WHAT PATTERN FILE...: comments may name what they explain, so they are cut out first
search() {
    local what=$1 pattern=$2
    shift 2
    found < <(awk '
        FNR == 1 { inside = 0 }
        {
            sub(/\/\/.*$/, "")
            out = ""
            while (length($0) > 0) {
                if (inside) {
                    i = index($0, "*/")
                    if (!i) break
                    $0 = substr($0, i + 2); inside = 0
                } else {
                    i = index($0, "/*")
                    if (!i) { out = out $0; break }
                    out = out substr($0, 1, i - 1); $0 = substr($0, i + 2); inside = 1
                }
            }
            print FILENAME ":" FNR ": " out
        }' "$@" | grep -E "^[^ ]* .*$pattern" | sed "s/^\([^ ]*\) /\1 $what: /")
}

mapfile -t below < <(sources 'include/*.h' 'base/*.[ch]' 'net/*.[ch]' 'rpc/*.[ch]' 'vfs/*.[ch]' 'fs/*.[ch]' 'exports/*.[ch]')
search 'a wire type of NFS or MOUNT' '\b([A-Z]+3(args|res|resok|resfail)|NFS3ERR_[A-Z]+|NFS3_OK|MNT3(_OK|ERR_[A-Z]+)|nfsstat3|mountstat3|fattr3|sattr3|nfs_fh3|post_op_[a-z0-9]+|wcc_data)\b' "${below[@]}"
mapfile -t network < <(sources 'base/*.[ch]' 'net/*.[ch]' 'rpc/*.[ch]' 'xdr/*.[ch]')
search 'a vnode' '\b(struct (vnode|vfs|vctx|vattr)|vop_[a-z]+)\b' "${network[@]}"
verdict "$((${#below[@]} + ${#network[@]})) files looked at"
