/*
 * handle_short.h - ids that are too long for the handles of old boot loaders, by a short number.
 *
 * MOUNT versions 1 and 2 have handles of exactly 32 bytes, and U-Boot keeps no more than that of
 * any directory's handle. Where a node's id does not fit, the handle has a hash of the id instead,
 * and this table leads from the hash to the id. handle.c is its only caller.
 */
#ifndef ACCESS_HANDLE_SHORT_H
#define ACCESS_HANDLE_SHORT_H

#include <loopnfs/vnode.h>
#include <stdbool.h>

#define HANDLE_SHORT_LEN 12 /* bytes of the hash */

/* Reads the table from state_dir/handle.short, where there is one; one that can't be read is told
 * of and begun anew. state_dir NULL: the table is in memory only. Before requests run. */
void handle_short_init(const char *state_dir);
/* Frees the table; no request may be running. */
void handle_short_finish(void);

/* The hash of an id, remembered from here on. The table keeps the 256 that were asked for last, and
 * is written to its file whenever it has got a new one. */
void handle_short_put(uint32_t export_id, const struct vnode_id *id,
                      uint8_t hash[HANDLE_SHORT_LEN]);
/* The id with this hash; false: it is not known, or not any more. */
bool handle_short_get(uint32_t export_id, const uint8_t hash[HANDLE_SHORT_LEN],
                      struct vnode_id *id);

#endif
