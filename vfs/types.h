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

/* The kind called `name`; NULL. Index form for lists in messages; NULL past the end. */
const struct vfs_type *vfs_type_find(const char *name);
const struct vfs_type *vfs_type_at(unsigned index);

/* Takes a kind off the list, while nothing of it is mounted: by the table that was registered, or
 * by the one that vfs_type_find() gave. NULL is accepted. */
void vfs_unregister(const struct vfs_type *type);

/* Where vfs_register() writes what it refuses, in one line, in the place of the log; NULL: nowhere.
 * For module.c. */
void types_refusals_to(char *line, size_t size);

/*
 * A table as this library has it, of one that has `size` bytes. *out is the table itself, or where
 * that is shorter (it was compiled with an older header) a copy whose new operations are NULL. To
 * be given to type_whole_free(). EINVAL, and why in `why`: it is larger than this library knows,
 * smaller than any table ever was, or uses a spare member. ENOMEM.
 */
int type_whole(const struct vfs_type *type, size_t size, const struct vfs_type **out, char *why,
               size_t why_size);
/* `type` is what type_whole() was given, `whole` what it made. */
void type_whole_free(const struct vfs_type *type, const struct vfs_type *whole);

#endif
