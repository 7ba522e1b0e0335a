/*
 * vnode_table.h - the table of all nodes: its bounds, and look-up by id.
 *
 * For server/ (bounds) and the gate (vnode_load()). What file systems use of the table is in
 * loopnfs/vfs.h.
 */
#ifndef VFS_VNODE_TABLE_H
#define VFS_VNODE_TABLE_H

#include "base/metrics.h"
#include <loopnfs/vfs.h>
#include <string.h>

/* Sets up the table for about `nodes_max` cached nodes, which hold about `fds_max` descriptors.
 * ENOMEM. */
int vnode_table_init(uint32_t nodes_max, uint32_t fds_max);
void vnode_table_finish(void);
/* Finds the node with this id, for a call with the context `ctx`, or NULL for none: in the table,
 * or else loaded by the file system. The calling thread has entered the node (vnode_enter()), and
 * *out has a reference for the caller. ESTALE, VFS_EBADHANDLE, VFS_EJUKEBOX. */
int vnode_load(const struct vctx *ctx, struct vfs *fs, const struct vnode_id *id,
               struct vnode **out);
/* Announces that this thread's call is about to use the node. VFS_EJUKEBOX: too many calls wait at
 * the node's disk (base/wait_place.h), and no operation on the node may be called. */
int vnode_enter(const struct vnode *vn);
/* Copies the id of a node. */
static inline void vnode_id_of(const struct vnode *vn, struct vnode_id *id)
{
    id->len = vn->id_len;
    memcpy(id->bytes, vn->id, vn->id_len);
}
/* To be called about once a second: closes descriptors that were not used for a while. */
void vnode_table_tick(void);
/* Reclaims every unused node of a file system that is being unmounted, and dooms the others. */
void vnode_table_flush(struct vfs *fs);

struct vnode_table_stats {
    uint64_t nodes, fds, hits, misses, evictions;
};
void vnode_table_stats_get(struct vnode_table_stats *stats);
/* These figures as rows. */
extern const struct metrics vfs_metrics;

#endif
