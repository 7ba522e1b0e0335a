/*
 * type_check.c - whether a file system's table makes sense; see type_check.h.
 *
 * An operation that can't work without another one is a mistake of the file system's author. The
 * mistake is easier to find in a log line at the mount than in what clients make of it.
 */
#include "vfs/type_check.h"
#include "base/log.h"
#include <stddef.h>
#include <string.h>

#define FLAGS_ALL                                                               \
    (VFS_READ_ONLY | VFS_SYMLINKS | VFS_LINKS | VFS_STABLE_IDS | VFS_SPECIALS | \
     VFS_MAY_WAIT_FOREVER | VFS_HOST_DIRS)
#define TYPE_NAME_MAX 32

struct needs {
    size_t operation, needed;
    const char *name, *needed_name, *why;
};
#define OP(op) offsetof(struct vfs_ops, op)
#define NEEDS(op, other, reason)               \
    {                                          \
        OP(op), OP(other), #op, #other, reason \
    }
static const struct needs rows[] = {
    NEEDS(lookup, getattr, "what is found would have no attributes"),
    NEEDS(load, getattr, "what is loaded would have no attributes"),
    NEEDS(readdir, lookup, "what is listed could not be found"),
    NEEDS(create, lookup, "what is made could not be found"),
    NEEDS(mkdir, lookup, "what is made could not be found"),
    NEEDS(symlink, lookup, "what is made could not be found"),
    NEEDS(symlink, readlink, "what is made could not be read"),
    NEEDS(mknod, lookup, "what is made could not be found"),
    NEEDS(link, lookup, "what is made could not be found"),
    NEEDS(rename, lookup, "what is renamed could not be found"),
    NEEDS(remove, lookup, "what is removed could not be found"),
    NEEDS(rmdir, lookup, "what is removed could not be found"),
    NEEDS(write, getattr, "what is written would have no size"),
    NEEDS(splice_write, write, "what can't be spliced could not be written"),
    NEEDS(setattr, getattr, "what is set could not be seen"),
    NEEDS(commit, write, "there would be nothing to commit"),
};

static bool has(const struct vfs_ops *ops, size_t operation)
{
    void (*function)(void);

    memcpy(&function, (const char *)ops + operation, sizeof(function));
    return function != NULL;
}

static bool name_check(const char *name)
{
    size_t len = name != NULL ? strnlen(name, TYPE_NAME_MAX + 1) : 0;

    return len > 0 && len <= TYPE_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == len;
}

bool type_check(const struct vfs_type *type)
{
    bool good = true;

    if (type == NULL || !name_check(type->name)) {
        log_error("file system without a proper name (1 to %d letters, digits, '_', '.', '-'): "
                  "refused",
                  TYPE_NAME_MAX);
        return false;
    }
    if (type->node_size > VNODE_PRIVATE_MAX) {
        log_error("file system %s: node_size %u is more than %d: refused", type->name,
                  type->node_size, VNODE_PRIVATE_MAX);
        good = false;
    }
    if ((type->flags & ~(uint32_t)FLAGS_ALL) != 0) {
        log_error("file system %s: unknown flags 0x%x: refused", type->name,
                  type->flags & ~(uint32_t)FLAGS_ALL);
        good = false;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct needs *row = &rows[i];
        if (!has(&type->ops, row->operation) || has(&type->ops, row->needed))
            continue;
        log_error("file system %s: has %s but no %s, %s: refused", type->name, row->name,
                  row->needed_name, row->why);
        good = false;
    }
    return good;
}

uint32_t type_flags(const struct vfs_type *type)
{
    const struct vfs_ops *ops = &type->ops;
    uint32_t flags = type->flags;

    if (ops->setattr == NULL && ops->write == NULL && ops->create == NULL && ops->mkdir == NULL &&
        ops->symlink == NULL && ops->mknod == NULL && ops->remove == NULL && ops->rmdir == NULL &&
        ops->rename == NULL && ops->link == NULL)
        flags |= VFS_READ_ONLY;
    if (ops->readlink == NULL)
        flags &= ~(uint32_t)VFS_SYMLINKS;
    if (ops->link == NULL)
        flags &= ~(uint32_t)VFS_LINKS;
    if (ops->mknod == NULL)
        flags &= ~(uint32_t)VFS_SPECIALS;
    return flags;
}
