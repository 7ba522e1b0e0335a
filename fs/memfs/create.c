/*
 * create.c - makes files, directories, links and special files, and gives nodes further names.
 *
 * A node is complete before it gets its name, so that no other call sees half of a node or has to
 * undo it.
 */
#include "memfs.h"
#include <stdlib.h>
#include <string.h>

/* How often CREATE tries again while another call keeps removing the file. */
#define ATTEMPTS 16
/* The modes where the client names none, which RFC 1813 leaves to the server. */
#define FILE_MODE      0644
#define DIRECTORY_MODE 0755
#define LINK_MODE      0777
/* The mode after an exclusive create, which has no attributes; a SETATTR follows. */
#define EXCLUSIVE_MODE 0600

#define SGID    02000u
#define GROUP_X 00010u

/* Describes a node that is to be made. */
struct birth {
    enum vtype type;
    uint32_t mode;              /* where `set` has none */
    const struct vsetattr *set; /* the attributes that the caller asks for */
    const char *target;         /* VLNK; NULL: not one */
    uint32_t major, minor;      /* VBLK, VCHR */
    const uint8_t *verifier;    /* VREG: of an exclusive create; or NULL */
};

/* Sets owner, group and mode as Linux does. A directory with SGID gives its group to new nodes in
 * it, and the SGID bit to new directories. */
static void dress(const struct cred *cred, const struct memfs_node *dir, const struct birth *birth,
                  struct memfs_node *node)
{
    uint32_t mode = birth->set->set_mode ? birth->set->mode & 07777 : birth->mode;
    bool inherits = dir->mode & SGID;

    node->uid = cred->uid;
    node->gid = inherits ? dir->gid : cred->gid;
    if (birth->type == VDIR)
        mode = (mode & 01777) | (inherits ? SGID : 0);
    else if (inherits && (mode & (SGID | GROUP_X)) == (SGID | GROUP_X) && cred->uid != 0 &&
             !memfs_in_group(cred, dir->gid))
        mode &= ~SGID;
    node->mode = (uint16_t)mode;
}

/* Sets the other attributes that the caller asks for, by the rules of SETATTR. */
static int dress_further(const struct cred *cred, const struct birth *birth,
                         struct memfs_node *node)
{
    struct vsetattr rest = *birth->set;

    /* mkdir() ignores suid and sgid, and a change of owner clears them. */
    rest.set_mode =
        rest.set_mode && rest.mode & 06000 && (birth->type == VDIR || rest.set_uid || rest.set_gid);
    rest.set_size = false;
    int err = memfs_set_check(cred, node, &rest);
    if (err != 0)
        return err;
    memfs_set_apply(cred, node, &rest);
    if (birth->set->set_size && birth->type == VREG)
        node->file.size = birth->set->size;
    return 0;
}

static int fill(struct memfs *m, const struct birth *birth, struct memfs_node *node)
{
    if (birth->target != NULL) {
        size_t len = strlen(birth->target);
        int err = memfs_charge(m, len);
        if (err != 0)
            return err;
        node->link.len = (uint32_t)len;
        node->link.target = strdup(birth->target);
        return node->link.target != NULL ? 0 : ENOMEM;
    }
    if (birth->type == VBLK || birth->type == VCHR) {
        node->device.major = birth->major;
        node->device.minor = birth->minor;
    }
    if (birth->verifier != NULL) {
        memcpy(node->file.verifier, birth->verifier, sizeof(node->file.verifier));
        node->has_verifier = true;
    }
    return 0;
}

/* Makes a node and its name in `dir`, whose lock is held and which has no such name. *out has a
 * reference for the caller. *failed is a node that could not be completed; the caller puts it once
 * the lock is released. */
static int give_birth(const struct vctx *ctx, struct memfs *m, struct memfs_node *dir,
                      const char *name, const struct birth *birth, struct memfs_node **out,
                      struct memfs_node **failed)
{
    struct memfs_node *node;
    int err = memfs_may(ctx->cred, dir, MEMFS_W);

    if (err == 0 && (birth->type == VBLK || birth->type == VCHR) && ctx->cred->uid != 0)
        err = EPERM;
    if (err == 0)
        err = memfs_node_create(m, birth->type, &node);
    if (err != 0)
        return err;
    dress(ctx->cred, dir, birth, node);
    err = fill(m, birth, node);
    if (err == 0)
        err = dress_further(ctx->cred, birth, node);
    if (err == 0)
        err = memfs_names_insert(m, dir->names, name, node);
    if (err != 0) {
        *failed = node;
        return err;
    }
    if (birth->type == VDIR) {
        memfs_node_ref(dir);
        memfs_names_set_parent(node->names, dir);
        dir->nlink++;
    }
    memfs_node_ref(node);
    *out = node;
    return 0;
}

/* Takes the lock, checks, and makes the node, for all kinds. EEXIST: the name exists, and *out is
 * its node, with a reference. */
static int make(const struct vctx *ctx, struct vnode *dir, const char *name,
                const struct birth *birth, struct memfs_node **out, struct vchange *dir_change)
{
    struct memfs *m = memfs_of(dir);
    struct memfs_node *node = memfs_node(dir), *failed = NULL;

    memfs_lock_write(&node->lock);
    int err = memfs_may_search(ctx->cred, node);
    if (err != 0)
        goto out;
    const struct memfs_entry *entry = memfs_names_find(m, node->names, name);
    if (entry != NULL) {
        memfs_node_ref(entry->node);
        *out = entry->node;
        err = EEXIST;
        goto out;
    }
    memfs_before(node, dir_change);
    err = give_birth(ctx, m, node, name, birth, out, &failed);
    if (err == 0) {
        memfs_touch(node, true);
        memfs_attr(dir->fs, node, &dir_change->after);
        dir_change->has_before = true;
    }
out:
    memfs_unlock_write(&node->lock);
    if (failed != NULL)
        memfs_node_gone(m, failed);
    return err;
}

/* Makes any node but a regular file. EEXIST where the name exists. */
static int make_new(const struct vctx *ctx, struct vnode *dir, const char *name,
                    const struct birth *birth, struct vnode **out, struct vattr *attr,
                    struct vchange *dir_change)
{
    struct memfs *m = memfs_of(dir);
    struct memfs_node *node = NULL;
    int err = make(ctx, dir, name, birth, &node, dir_change);

    if (err != 0) {
        memfs_node_put(m, node);
        return err;
    }
    return memfs_adopt(m, node, out, attr);
}

/* CREATE of a name that exists. Takes over the reference. ESTALE: the name was removed
 * meanwhile. */
static int create_existing(const struct vctx *ctx, struct memfs *m, struct memfs_node *node,
                           const struct vcreate *how, struct vnode **out, struct vattr *attr)
{
    int err = 0;

    memfs_lock_write(&node->lock);
    if (node->nlink == 0)
        err = ESTALE;
    else if (node->type != VREG || how->mode == VCREATE_GUARDED)
        err = EEXIST;
    else if (how->mode == VCREATE_EXCLUSIVE &&
             (!node->has_verifier ||
              memcmp(node->file.verifier, how->verifier, sizeof(how->verifier)) != 0))
        err = EEXIST;
    else if (how->mode == VCREATE_UNCHECKED && how->attr.set_size) {
        err = memfs_may_data(ctx->cred, node, MEMFS_W);
        if (err == 0)
            memfs_resize(m, ctx->cred, node, how->attr.size);
    }
    memfs_unlock_write(&node->lock);
    if (err == 0)
        return memfs_adopt(m, node, out, attr);
    memfs_node_put(m, node);
    return err;
}

int memfs_create(const struct vctx *ctx, struct vnode *dir, const char *name,
                 const struct vcreate *how, struct vnode **out, struct vattr *attr,
                 struct vchange *dir_change)
{
    static const struct vsetattr nothing;
    bool exclusive = how->mode == VCREATE_EXCLUSIVE;
    const struct birth birth = {
        .type = VREG,
        .mode = exclusive ? EXCLUSIVE_MODE : FILE_MODE,
        .set = exclusive ? &nothing : &how->attr,
        .verifier = exclusive ? how->verifier : NULL,
    };
    struct memfs *m = memfs_of(dir);
    int err = ESTALE;

    for (int attempt = 0; err == ESTALE && attempt < ATTEMPTS; attempt++) {
        struct memfs_node *node = NULL;
        err = make(ctx, dir, name, &birth, &node, dir_change);
        if (err == EEXIST && node != NULL)
            err = create_existing(ctx, m, node, how, out, attr);
        else if (err == 0)
            return memfs_adopt(m, node, out, attr);
        else
            return err;
    }
    return err;
}

int memfs_mkdir(const struct vctx *ctx, struct vnode *dir, const char *name,
                const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                struct vchange *dir_change)
{
    const struct birth birth = {.type = VDIR, .mode = DIRECTORY_MODE, .set = set};
    return make_new(ctx, dir, name, &birth, out, attr, dir_change);
}

int memfs_symlink(const struct vctx *ctx, struct vnode *dir, const char *name, const char *target,
                  const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                  struct vchange *dir_change)
{
    struct vsetattr without_mode = *set;
    const struct birth birth = {
        .type = VLNK, .mode = LINK_MODE, .set = &without_mode, .target = target};

    without_mode.set_mode = false; /* symbolic links have no mode */
    return make_new(ctx, dir, name, &birth, out, attr, dir_change);
}

int memfs_mknod(const struct vctx *ctx, struct vnode *dir, const char *name, enum vtype type,
                uint32_t rdev_major, uint32_t rdev_minor, const struct vsetattr *set,
                struct vnode **out, struct vattr *attr, struct vchange *dir_change)
{
    const struct birth birth = {
        .type = type, .mode = FILE_MODE, .set = set, .major = rdev_major, .minor = rdev_minor};
    return make_new(ctx, dir, name, &birth, out, attr, dir_change);
}

/* Gives a node a name. The locks of the directory and of the node are held. */
static int link_name(const struct vctx *ctx, struct memfs *m, struct memfs_node *dir,
                     const char *name, struct memfs_node *node)
{
    int err = memfs_may(ctx->cred, dir, MEMFS_W);

    if (err == 0 && node->nlink == 0)
        err = ESTALE;
    if (err == 0 && node->nlink >= MEMFS_LINK_MAX)
        err = EMLINK;
    if (err == 0)
        err = memfs_charge(m, MEMFS_LINK_BYTES);
    if (err != 0)
        return err;
    err = memfs_names_insert(m, dir->names, name, node);
    if (err != 0) {
        memfs_uncharge(m, MEMFS_LINK_BYTES);
        return err;
    }
    node->nlink++;
    memfs_touch(node, false);
    memfs_touch(dir, true);
    return 0;
}

int memfs_link(const struct vctx *ctx, struct vnode *vn, struct vnode *dir, const char *name,
               struct vattr *attr, struct vchange *dir_change)
{
    struct memfs *m = memfs_of(dir);
    struct memfs_node *node = memfs_node(dir), *target = memfs_node(vn);

    memfs_lock_write(&node->lock);
    int err = memfs_may_search(ctx->cred, node);
    if (err == 0 && memfs_names_find(m, node->names, name) != NULL)
        err = EEXIST;
    if (err == 0) {
        memfs_lock_write(&target->lock);
        memfs_before(node, dir_change);
        err = link_name(ctx, m, node, name, target);
        if (err == 0) {
            memfs_attr(vn->fs, target, attr);
            memfs_attr(dir->fs, node, &dir_change->after);
            dir_change->has_before = true;
        }
        memfs_unlock_write(&target->lock);
    }
    memfs_unlock_write(&node->lock);
    return err;
}
