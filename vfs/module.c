/*
 * module.c - file systems of others, loaded from shared objects; see module.h.
 *
 * The shared object's constructors call vfs_register_sized() while dlopen() runs. What that
 * refuses is kept by types.c for as long, so that the server can say it instead of the log.
 */
#include "vfs/module.h"
#include "vfs/types.h"
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

int module_load(const char *file, char *why, size_t size)
{
    char path[PATH_MAX], refusal[512] = "";
    unsigned before = 0, after = 0;

    if (snprintf(path, sizeof(path), "%s%s", strchr(file, '/') != NULL ? "" : "./", file) >=
        (int)sizeof(path)) {
        snprintf(why, size, "its path is too long");
        return EINVAL;
    }
    if (dlopen(path, RTLD_NOW | RTLD_NOLOAD) != NULL) {
        snprintf(why, size, "it is loaded already");
        return EINVAL;
    }
    while (vfs_type_at(before) != NULL)
        before++;
    types_refusals_to(refusal, sizeof(refusal));
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    types_refusals_to(NULL, 0);
    while (vfs_type_at(after) != NULL)
        after++;
    if (module == NULL)
        snprintf(why, size, "%s", dlerror());
    else if (refusal[0] != '\0')
        snprintf(why, size, "%s", refusal);
    else if (after == before)
        snprintf(why, size, "it registers no file system: VFS_TYPE() of loopnfs/vfs.h does");
    else
        return 0;
    return EINVAL;
}
