/*
 * module.h - file systems of others, loaded from shared objects; for server/ (--module).
 */
#ifndef VFS_MODULE_H
#define VFS_MODULE_H

#include <stddef.h>

/*
 * Loads a shared object, in which VFS_TYPE() registers one kind of file system or several. It stays
 * loaded for as long as the process runs. A name without '/' is looked for in the current
 * directory. Before any thread that mounts. EINVAL, and why not in `why`, in one line: it can't be
 * loaded, was loaded before, registers nothing, or registers a kind that is refused (of another
 * name's, or made for a newer library).
 */
int module_load(const char *file, char *why, size_t size);

#endif
