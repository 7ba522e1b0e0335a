#!/bin/bash
# Who may include whom. The rooms of the house in their order; the table is the contract, and
# docs/ARCHITECTURE.md explains it. Everything in quotes is ours, <loopnfs/...> the public contract.
. "$(dirname "$0")/lint.sh"

# room: what its files may include, as patterns over the included path
rules() {
    cat << 'TABLE'
include/loopnfs  <loopnfs/*>
base             base/* <loopnfs/cred.h> <loopnfs/errors.h>
xdr              base/* xdr/attr.h xdr/memory.h xdr/put.h xdr/view.h
net              base/* net/*
rpc              base/* xdr/view.h net/* rpc/*
vfs              base/* vfs/* <loopnfs/*>
fs               base/* fs/* <loopnfs/*>
exports          base/* rpc/admission.h rpc/peer.h rpc/program.h vfs/* exports/* <loopnfs/*>
access           base/* rpc/peer.h rpc/program.h vfs/* exports/* access/* <loopnfs/*>
portmap          base/* xdr/view.h xdr/rpcb.h rpc/* portmap/*
mountd           base/* xdr/view.h xdr/mount.h rpc/program.h rpc/reply_list.h vfs/* exports/exports.h access/gate.h access/handle.h mountd/* <loopnfs/*>
nfsd             base/* xdr/view.h xdr/nfs3.h xdr/nfsacl.h xdr/put.h net/rest.h net/tail.h rpc/program.h vfs/* exports/exports.h access/gate.h access/handle.h nfsd/* <loopnfs/*>
ctl              base/* net/* rpc/reply_cache.h vfs/* exports/* ctl/* <loopnfs/*>
server           base/* net/net.h rpc/* vfs/* exports/* access/* portmap/portmap.h mountd/mountd.h nfsd/nfsd.h server/* <loopnfs/*>
lib              base/* portmap/portmap.h vfs/later.h vfs/mount.h vfs/type_check.h server/* lib/internal.h <loopnfs/*>
cmd              base/* net/net.h portmap/portmap.h ctl/* server/* cmd/*
examples         <loopnfs/*>
tests            base/* xdr/* net/* rpc/* vfs/* fs/* exports/* access/* portmap/* mountd/* nfsd/* ctl/* server/* cmd/* tests/* <loopnfs/*>
TABLE
}

count=0
while read -r room allowed; do
    read -ra patterns <<< "$allowed"
    while IFS=: read -r file line include; do
        count=$((count + 1))
        case $include in
        *'<'*) path=$(sed -E 's/.*(<[^>]*>).*/\1/' <<< "$include") ;;
        *) path=$(sed -E 's/.*"([^"]*)".*/\1/' <<< "$include") ;;
        esac
        good=no
        # A name alone is a file of the same folder.
        [[ $path == */* ]] || good=yes
        for pattern in "${patterns[@]}"; do
            # shellcheck disable=SC2053
            [[ $path != $pattern ]] || good=yes
        done
        # A file system's folder is its own.
        if [[ $path == fs/* && $file == fs/* && $(cut -d/ -f2 <<< "$path") != $(cut -d/ -f2 <<< "$file") ]]; then
            good=no
        fi
        if [ $good = no ]; then
            echo "$file:$line: $room may not include $path"
            problems=$((problems + 1))
        fi
    done < <(sources "$room/*.c" "$room/*.h" | xargs -r grep -nHE '^#include ("|<loopnfs/)' || true)
done < <(rules)
verdict "$count includes looked at"
