/*
 * types.h - the kinds of file systems that this process knows.
 *
 * A kind registers itself before main() runs (VFS_TYPE), when its module is loaded, or when a
 * program starts a server for it. exports/ looks one up by its name. There is no lock: kinds come
 * and go only while no server runs.
 */
#ifndef VFS_TYPES_H
#define VFS_TYPES_H

#include <loopnfs/vfs.h>

/* Returns the kind called `name`, or the kind with an index from 0, for lists in messages; NULL:
 * there is none. */
const struct vfs_type *vfs_type_find(const char *name);
const struct vfs_type *vfs_type_at(unsigned index);

/* Removes a kind, of which nothing may be mounted. `type` is the table that was registered, or the
 * one that vfs_type_find() gave. NULL is accepted. */
void vfs_unregister(const struct vfs_type *type);

/* Where vfs_register() writes what it refuses, in one line, in the place of the log; NULL: nowhere.
 * For module.c. */
void types_refusals_to(char *line, size_t size);

/*
 * Makes a table of this library's size from a table of `size` bytes. *out is the table itself or,
 * where the table is shorter (it was compiled with an older header), a copy whose new operations
 * are NULL. It is given back by type_whole_free(). EINVAL, with the reason in `why`: the table is
 * larger than this library knows, smaller than any table ever was, or uses a spare member. ENOMEM.
 */
int type_whole(const struct vfs_type *type, size_t size, const struct vfs_type **out, char *why,
               size_t why_size);
/* Frees what type_whole() made: `type` is the table that it got, `whole` the one that it
 * returned. */
void type_whole_free(const struct vfs_type *type, const struct vfs_type *whole);

#endif
