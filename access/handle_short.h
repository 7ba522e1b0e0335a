/*
 * handle_short.h - stands short hashes in for node ids that are too long for old boot loaders.
 *
 * MOUNT versions 1 and 2 have handles of exactly 32 bytes, and U-Boot keeps 32 bytes of any
 * directory's handle. Where a node's id does not fit, the handle has a hash of the id instead, and
 * this table leads from the hash to the id. handle.c is its only caller.
 */
#ifndef ACCESS_HANDLE_SHORT_H
#define ACCESS_HANDLE_SHORT_H

#include <loopnfs/vnode.h>
#include <stdbool.h>

#define HANDLE_SHORT_LEN 12 /* bytes of the hash */

/* Reads the table from state_dir/handle.short where that file exists. A file that can't be read is
 * logged, and the table begins empty. state_dir NULL: the table is in memory only. Called before
 * requests run. */
void handle_short_init(const char *state_dir);
/* Frees the table; no request may be running. */
void handle_short_finish(void);

/* Hashes an id and remembers it. The table keeps the 256 ids that were asked for last, and is
 * written to its file whenever it has got a new one. */
void handle_short_put(uint32_t export_id, const struct vnode_id *id,
                      uint8_t hash[HANDLE_SHORT_LEN]);
/* Finds the id with this hash; false: the hash is not known, or was dropped for newer ones. */
bool handle_short_get(uint32_t export_id, const uint8_t hash[HANDLE_SHORT_LEN],
                      struct vnode_id *id);

#endif
