/*
 * names.c - removes, moves and adds names.
 *
 * Everything is done as the caller. The node of an object that loses a name may hold descriptors,
 * which would keep the space of a removed file. The node is therefore found before the change;
 * afterwards it is forgotten, or at least gives up its descriptors. The handle table, where it is
 * in use, learns the change.
 */
#include "base/cred.h"
#include "disk.h"
#include "fs/hostfs/locate/locate.h"
#include "fs/hostfs/locate/named.h"
#include "memo.h"
#include "wcc.h"
#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

/* An object that may lose its name. */
struct victim {
    struct vnode_id id; /* length 0: there is no object of that name */
    struct vnode *vn;   /* NULL: the object has no node, so no descriptors */
    bool only_name;     /* the name was its only one when it was found */
};

static void victim_find(const struct vctx *ctx, struct vnode *dir, int dirfd, const char *name,
                        struct victim *victim)
{
    victim->vn = hostfs_peek(ctx, dir, dirfd, name, &victim->id, &victim->only_name);
}

/* To be called when the object may have lost this name: forgets its node where no other name is
 * left. */
static void victim_lost_name(struct vnode *dir, const char *name, struct victim *victim)
{
    struct hostfs *h = hostfs_of(dir);
    struct statx st;
    int fd = victim->vn && !hostfs_is_hidden(victim->vn) ? hostfs_fd_held(victim->vn) : -1;

    if (victim->id.len && hostfs_needs_table(h, &victim->id))
        hostfs_name_drop(h, dir, name, &victim->id);
    if (victim->id.len && victim->id.bytes[0] == ID_NAMED)
        hostfs_named_removed(dir, name, &victim->id, victim->vn, victim->only_name);
    if (fd < 0)
        return;
    /* FUSE may go on reporting the old link count for a while. */
    if (victim->id.bytes[0] == ID_NAMED && victim->only_name && !vnode_is_root(victim->vn)) {
        hostfs_forget(victim->vn);
        return;
    }
    /* hostfs_stat() forgets the node where no name is left. */
    if (hostfs_stat(victim->vn, fd, &st) == 0)
        vnode_drop_soon(victim->vn);
}

/* To be called when the object has lost this name for certain: where it was the only one, the node
 * is forgotten. If the host gave the object another name in this moment, the next use of its handle
 * finds it again. */
static void victim_removed(struct vnode *dir, const char *name, struct victim *victim)
{
    if (!victim->only_name || hostfs_needs_table(hostfs_of(dir), &victim->id))
        victim_lost_name(dir, name, victim);
    else if (!vnode_is_root(victim->vn))
        hostfs_forget(victim->vn);
}

static int remove_name(const struct vctx *ctx, struct vnode *dir, const char *name, int flags,
                       struct vchange *dir_change)
{
    struct hostfs_wcc wcc;
    struct victim victim;
    int fd;
    int err = hostfs_enter(ctx, dir, &fd);
    if (err == 0)
        err = hostfs_wcc_begin(ctx, &wcc, dir, fd, IN_DELETE, name);
    if (err != 0)
        return err;
    victim_find(ctx, dir, fd, name, &victim);
    hostfs_memo_forget(false);
    if (unlinkat(fd, name, flags) != 0)
        err = hostfs_name_error(dir, fd, errno);
    else
        victim_removed(dir, name, &victim);
    vnode_put(victim.vn);
    if (err == 0)
        err = hostfs_sync_names(ctx, dir, NULL, NULL);
    if (err == 0)
        hostfs_attr_after(dir, fd, &dir_change->after);
    hostfs_wcc_end(&wcc, err, dir_change, NULL);
    return err;
}

int hostfs_remove(const struct vctx *ctx, struct vnode *dir, const char *name,
                  struct vchange *dir_change)
{
    return remove_name(ctx, dir, name, 0, dir_change);
}

int hostfs_rmdir(const struct vctx *ctx, struct vnode *dir, const char *name,
                 struct vchange *dir_change)
{
    return remove_name(ctx, dir, name, AT_REMOVEDIR, dir_change);
}

/* Notes in the handle table where the moved object is now. */
static void record_move(struct vnode *from_dir, const char *from, struct vnode *to_dir,
                        const char *to, int to_fd, struct victim *moved)
{
    struct hostfs *h = hostfs_of(to_dir);
    if (!moved->id.len || !hostfs_needs_table(h, &moved->id))
        return;
    if (moved->vn)
        hostfs_name_note(h, to_dir, to, moved->vn);
    else
        hostfs_name_move(h, from_dir, from, to_dir, to, &moved->id);
    if (moved->id.bytes[0] == ID_NAMED)
        hostfs_named_moved(from_dir, from, to_dir, to, &moved->id, to_fd);
}

/* Whether both were names of one object, in which case rename() does nothing. */
static bool is_no_move(const struct victim *moved, const struct victim *replaced)
{
    return moved->id.len && moved->id.bytes[0] == ID_NAMED &&
           hostfs_id_equal(&moved->id, &replaced->id);
}

int hostfs_rename(const struct vctx *ctx, struct vnode *from_dir, const char *from,
                  struct vnode *to_dir, const char *to, struct vchange *from_change,
                  struct vchange *to_change)
{
    struct victim moved = {.vn = NULL}, replaced;
    struct hostfs_wcc wcc;
    int from_fd, to_fd;
    int err = hostfs_enter(ctx, from_dir, &from_fd);
    if (err == 0)
        err = hostfs_enter(ctx, to_dir, &to_fd);
    if (err == 0)
        err = hostfs_wcc_begin_move(ctx, &wcc, from_dir, from_fd, from, to_dir, to_fd, to);
    if (err != 0)
        return err;
    victim_find(ctx, to_dir, to_fd, to, &replaced);
    if (atomic_load(&hostfs_of(to_dir)->table))
        victim_find(ctx, from_dir, from_fd, from, &moved);
    hostfs_memo_forget(false);
    if (renameat(from_fd, from, to_fd, to) != 0) {
        err = hostfs_name_error(from_dir, from_fd, errno);
        err = hostfs_name_error(to_dir, to_fd, err);
    } else if (!is_no_move(&moved, &replaced)) {
        if (from_dir != to_dir)
            hostfs_revisit_all(hostfs_of(to_dir));
        victim_lost_name(to_dir, to, &replaced);
        record_move(from_dir, from, to_dir, to, to_fd, &moved);
    }
    vnode_put(moved.vn);
    vnode_put(replaced.vn);
    if (err == 0 && from_dir != to_dir)
        err = hostfs_sync_moved(ctx, to_dir, to_fd, to);
    if (err == 0)
        err = hostfs_sync_names(ctx, to_dir, from_dir, NULL);
    if (err == 0) {
        hostfs_attr_after(from_dir, from_fd, &from_change->after);
        hostfs_attr_after(to_dir, to_fd, &to_change->after);
    }
    hostfs_wcc_end(&wcc, err, from_change, to_change);
    return err;
}

/* Links by /proc/self/fd, since AT_EMPTY_PATH needs a capability that the caller lacks. */
static int add_link(int fd, int dirfd, const char *name)
{
    struct hostfs_proc_path link;
    hostfs_proc_path(&link, fd);
    if (linkat(AT_FDCWD, link.text, dirfd, name, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    return errno;
}

int hostfs_link(const struct vctx *ctx, struct vnode *vn, struct vnode *dir, const char *name,
                struct vattr *attr, struct vchange *dir_change)
{
    struct hostfs *h = hostfs_of(vn);
    struct hostfs_wcc wcc;
    int fd, dirfd;
    int err = hostfs_enter(ctx, vn, &fd);
    if (err == 0)
        err = hostfs_enter(ctx, dir, &dirfd);
    if (err == 0)
        err = hostfs_wcc_begin(ctx, &wcc, dir, dirfd, IN_CREATE, name);
    if (err != 0)
        return err;
    hostfs_memo_forget(false);
    if (h->has_proc)
        err = add_link(fd, dirfd, name);
    else if (linkat(fd, "", dirfd, name, AT_EMPTY_PATH) != 0)
        err = errno;
    err = hostfs_name_error(dir, dirfd, err);
    /* ENOENT is also the error for a file that has lost its last name */
    err = hostfs_name_error(vn, fd, err);
    if (err == 0 && hostfs_node(vn)->mount->named)
        hostfs_named_linked(vn, fd, dir, name);
    if (err == 0)
        err = hostfs_sync_names(ctx, dir, NULL, vn);
    if (err == 0) {
        hostfs_attr_after(vn, fd, attr);
        hostfs_attr_after(dir, dirfd, &dir_change->after);
    }
    hostfs_wcc_end(&wcc, err, dir_change, NULL);
    return err;
}
