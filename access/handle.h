/*
 * handle.h - file handles as clients hold them: sealed and opened.
 *
 * At most 64 bytes (RFC 1813 NFS3_FHSIZE): version, export, the file system's id of the node, and
 * a SipHash-2-4 MAC with a key from the state directory over all of it. What was not minted here
 * is refused before any file system sees it.
 */
#ifndef ACCESS_HANDLE_H
#define ACCESS_HANDLE_H

#include "base/view.h"
#include <loopnfs/vnode.h>

#define HANDLE_MAX 64
/* What every client can keep: MOUNT version 2 has handles of 32 bytes, and a U-Boot from 2023.07 to
 * 2024.04 puts the length of a directory's handle in front of it and cuts that to 32 bytes. */
#define HANDLE_SHORT_MAX 28

struct handle {
    uint8_t len;
    uint8_t bytes[HANDLE_MAX];
};

/* Of the handle of a node whose id has so many bytes. */
static inline uint8_t handle_len(uint8_t id_len)
{
    return (uint8_t)(16 + (id_len + 3u) / 4 * 4);
}

/* Reads the key (state_dir/handle.key, mode 0600), or makes it: written to a temporary name,
 * synced, renamed. Reads the table of short handles, too. EACCES, EINVAL (wrong length or readable
 * by others), ...: then *why says what is wrong, in one line. */
struct handle_key_why;
int handle_init(const char *state_dir, struct handle_key_why *why);
/* Has the key's file made again where it was removed; where there is another key now, says so once:
 * handles are good until the server ends. */
void handle_keep(const char *state_dir);
/* For tests: this key. */
void handle_init_key(const uint8_t key[16]);

void handle_seal(uint32_t export_id, const struct vnode *vn, struct handle *out);
/* The same for a node of which only the id is known. */
void handle_seal_id(uint32_t export_id, const uint8_t *id, uint8_t id_len, struct handle *out);
/* A handle of at most HANDLE_SHORT_MAX bytes, by a table in the state directory where the node's id
 * is too long (access/handle_short.h). For boot loaders: see mountd/mountd.c. */
void handle_seal_short(uint32_t export_id, const struct vnode *vn, struct handle *out);
/* Also takes a handle as U-Boot sends it back: with zeros behind it up to 32 bytes, and with its
 * length in front. VFS_EBADHANDLE: malformed, another version, wrong MAC. ESTALE: a short handle
 * whose id is not known any more. */
int handle_open(struct view handle, uint32_t *export_id, struct vnode_id *id);

#endif
