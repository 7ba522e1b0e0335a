/*
 * vnode_table.h - the table of all nodes: bounds and look-up by id.
 *
 * What file systems use of it is in loopnfs/vfs.h; this is for main (bounds) and the gate
 * (vnode_load).
 */
#ifndef VFS_VNODE_TABLE_H
#define VFS_VNODE_TABLE_H

#include "base/metrics.h"
#include <loopnfs/vfs.h>
#include <string.h>

/* Bounds on cached nodes and on the descriptors they hold. ENOMEM. */
int vnode_table_init(uint32_t nodes_max, uint32_t fds_max);
void vnode_table_finish(void);
/* The node with this id: from the table, else loaded by the file system. It is entered. ESTALE,
 * VFS_EBADHANDLE, VFS_EJUKEBOX. */
int vnode_load(struct vfs *fs, const struct vnode_id *id, struct vnode **out);
/* This thread's call is about to use the node. VFS_EJUKEBOX: too many calls wait where it is
 * (base/wait_place.h), and none of its operations may be called. */
int vnode_enter(const struct vnode *vn);
/* The id as a value. */
static inline void vnode_id_of(const struct vnode *vn, struct vnode_id *id)
{
    id->len = vn->id_len;
    memcpy(id->bytes, vn->id, vn->id_len);
}
/* Housekeeping: descriptors that were not used for a while are closed. */
void vnode_table_tick(void);
/* Reclaims every unused node of a file system (it is being unmounted). */
void vnode_table_flush(struct vfs *fs);

struct vnode_table_stats {
    uint64_t nodes, fds, hits, misses, evictions;
};
void vnode_table_stats_get(struct vnode_table_stats *stats);
/* The same as rows. */
extern const struct metrics vfs_metrics;

#endif
