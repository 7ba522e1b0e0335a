/*
 * vop_check.c - see vop_check.h.
 */
#include "vfs/vop_check.h"
#include "base/fds.h"
#include "base/log.h"
#include "vfs/later.h"
#include <string.h>

#define ERROR_MAX 20000 /* above errnos and enum vfs_error */

int vop_broken(const struct vnode *vn, const char *operation, const char *what)
{
    static struct log_limit limit;

    if (log_limit_allows(&limit))
        log_error("file system %s (%s): %s %s", vn->fs->type->name, vn->fs->source, operation,
                  what);
    return EIO;
}

int vop_checked(const struct vnode *vn, const char *operation, int err)
{
    err = later_settle(err);
    if (err == EMFILE)
        fds_are_short();
    if (err >= 0 && err < ERROR_MAX)
        return err;
    return vop_broken(vn, operation, "returned an impossible error");
}

const char *vop_attr_wrong(enum vtype type, const struct vattr *attr)
{
    const struct timespec *times[] = {&attr->atime, &attr->mtime, &attr->ctime};

    if (attr->type != type)
        return "gave attributes of another type of node";
    if (attr->size > INT64_MAX)
        return "gave an impossible size";
    if (attr->nlink > INT32_MAX)
        return "gave an impossible number of links";
    if ((attr->mode & ~07777u) != 0)
        return "gave a mode with other bits than 07777";
    for (int i = 0; i < 3; i++)
        if (times[i]->tv_nsec < 0 || times[i]->tv_nsec > 999999999)
            return "gave an impossible time";
    return NULL;
}

int vop_complete_attr(const struct vctx *ctx, struct vnode *vn, const char *operation,
                      struct vattr *attr)
{
    int err = 0;

    if (attr->type == VNON && vop_table(vn)->getattr == NULL) {
        vnode_attr_default(vn, attr);
    } else if (attr->type == VNON) {
        memset(attr, 0, sizeof(*attr));
        operation = "getattr";
        err = vop_checked(vn, operation, vop_table(vn)->getattr(ctx, vn, attr));
    }
    const char *wrong = err == 0 ? vop_attr_wrong((enum vtype)vn->type, attr) : NULL;
    if (wrong != NULL)
        err = vop_broken(vn, operation, wrong);
    if (err != 0)
        attr->type = VNON;
    return err;
}

void vop_complete_change(const struct vctx *ctx, struct vnode *vn, struct vchange *change)
{
    if (vop_complete_attr(ctx, vn, "a changing operation", &change->after) != 0)
        change->after.type = VNON;
    if (change->before_size > INT64_MAX || change->before_mtime.tv_nsec > 999999999 ||
        change->before_ctime.tv_nsec > 999999999)
        change->has_before = false;
}
