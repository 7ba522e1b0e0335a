/*
 * closer.h - releases what nodes have dropped: closes descriptors, calls the release of the rest.
 *
 * close() may hang: the kernel tells a FUSE file system of it, and that file system may not answer.
 * A call that makes room for its own files must not hang in another file system. Descriptors of
 * another place (base/wait_place.h) than the call's own are therefore closed by a thread of that
 * place. The call waits a moment for that thread, and not at all where the thread was busy already.
 * What is no descriptor is always released by the place's thread: only its author knows for how
 * long that sleeps, and which locks it takes.
 */
#ifndef VFS_CLOSER_H
#define VFS_CLOSER_H

#include "base/wait_place.h"
#include <loopnfs/vfs.h>

/* What one node has dropped. */
struct vnode_drops {
    struct vfs *fs;
    unsigned count;
    unsigned max; /* takes at most this many; 0: VNODE_DROPS_MAX */
    bool keeps;   /* vnode_drop_root(): whoever gets them releases them while it has the root */
    struct vnode_dropped list[VNODE_DROPS_MAX];
};

/* What several nodes have dropped. */
#define CLOSER_BATCH 256
struct closer_item {
    struct wait_place *place;
    struct vfs *fs; /* of what is no descriptor: kept from ending until that is released */
    struct vnode_dropped dropped;
};
struct closer_batch {
    unsigned count;
    struct closer_item items[CLOSER_BATCH];
};

/* Releases what a node of this place has dropped, or has the place's thread release it. NULL place:
 * nobody knows it. To be called without any lock. */
void closer_release(struct wait_place *place, const struct vnode_drops *drops);
/* Whether what one more node drops has room. */
bool closer_has_room(const struct closer_batch *batch);
/* Adds what a node of this place has dropped; any lock may be held. */
void closer_add(struct closer_batch *batch, struct wait_place *place,
                const struct vnode_drops *drops);
/* Releases all of a batch, which is empty afterwards. To be called without any lock. */
void closer_flush(struct closer_batch *batch);

#endif
