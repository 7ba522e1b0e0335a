/*
 * handle.h - file handles as clients hold them: sealed and opened.
 *
 * At most 64 bytes (RFC 1813 NFS3_FHSIZE): version, export, the file system's id of the node, and
 * over all of these a SipHash-2-4 MAC with a key from the state directory. A handle that this
 * server did not make is refused before any file system sees it.
 */
#ifndef ACCESS_HANDLE_H
#define ACCESS_HANDLE_H

#include "base/view.h"
#include <loopnfs/vnode.h>

#define HANDLE_MAX 64
/* A handle of this size fits every client. MOUNT version 2 has handles of 32 bytes, and a U-Boot
 * from 2023.07 to 2024.04 puts a directory handle's length in front of it and cuts both to 32
 * bytes. */
#define HANDLE_SHORT_MAX 28

struct handle {
    uint8_t len;
    uint8_t bytes[HANDLE_MAX];
};

/* The length in bytes of the handle of a node whose id has id_len bytes. */
static inline uint8_t handle_len(uint8_t id_len)
{
    return (uint8_t)(16 + (id_len + 3u) / 4 * 4);
}

/* Reads the key (state_dir/handle.key, mode 0600), or makes it: written to a temporary name,
 * synced, renamed. Reads the table of short handles, too. Errors: EACCES, EINVAL (the file has a
 * wrong length or others may read it), and other errors of the host. */
struct handle_key_why;
int handle_init(const char *state_dir, struct handle_key_why *why);
/* Writes the key's file again where it was removed. Where the file has another key now, logs this
 * once; the server goes on with its own key until it ends. */
void handle_keep(const char *state_dir);
/* For tests: takes this key and reads no file. */
void handle_init_key(const uint8_t key[16]);

void handle_seal(uint32_t export_id, const struct vnode *vn, struct handle *out);
/* Seals a handle for a node of which only the id is known. */
void handle_seal_id(uint32_t export_id, const uint8_t *id, uint8_t id_len, struct handle *out);
/* Seals a handle of at most HANDLE_SHORT_MAX bytes, for boot loaders (mountd/mountd.c). Where the
 * node's id is too long for that, a table in the state directory keeps the id
 * (access/handle_short.h). */
void handle_seal_short(uint32_t export_id, const struct vnode *vn, struct handle *out);
/* Opens a client's handle. Also takes one as U-Boot sends it back: followed by zeros up to 32
 * bytes, or with its length in front. VFS_EBADHANDLE: malformed, another version, or a wrong MAC.
 * ESTALE: a short handle whose id is not known any more. */
int handle_open(struct view handle, uint32_t *export_id, struct vnode_id *id);

#endif
