/*
 * node.c - the life of a node: made from an object, opened by its id, rid of its descriptors.
 *
 * Nodes are made without a descriptor; one is opened when an operation needs it. The slots for
 * descriptors are set once by compare-and-swap. They are emptied only in hostfs_shed() and
 * hostfs_reclaim(), which the vnode table calls when nothing uses the node. An operation may
 * therefore use what it finds there without a lock, as long as it lasts.
 */
#include "base/cred.h"
#include "base/wait_place.h"
#include "fs/hostfs/locate/locate.h"
#include "fs/hostfs/locate/named.h"
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How often a handle is tried for which the kernel says ENOMEM. */
#define ATTEMPTS 16

static void node_init(struct vnode *vn, void *arg)
{
    const struct hostfs_object *object = arg;
    struct hostfs_node *node = hostfs_node(vn);

    node->mount = object->mount;
    bool named = object->mount && object->mount->named;
    node->ino = named ? object->fileid : object->st.stx_ino;
    node->btime_sec = object->st.stx_btime.tv_sec;
    node->btime_nsec = object->st.stx_btime.tv_nsec;
    if (named)
        hostfs_named_begin(node, object);
    node->path_fd = -1;
    node->read_fd = -1;
    node->write_fd = -1;
    node->opener = 0;
}

/* The object's st must be filled in. */
int hostfs_intern(struct hostfs *h, const struct hostfs_object *object, struct vnode **out)
{
    struct hostfs_object copy = *object;
    enum vtype type = hostfs_vtype(object->st.stx_mode);

    if (object->id.bytes[0] == ID_HIDDEN)
        type = (enum vtype)object->id.bytes[1];
    if (type == VNON)
        return EIO;
    return vnode_intern(h->fs, &object->id, type, node_init, &copy, out, NULL);
}

bool hostfs_needs_table(const struct hostfs *h, const struct vnode_id *id)
{
    return id->bytes[0] == ID_HASHED || id->bytes[0] == ID_NAMED ||
           (id->bytes[0] != ID_HIDDEN && !h->kernel_handles);
}

/* The mount to which an ID_HANDLE or ID_CROSSED belongs, and the offset of the handle in the id.
 * NULL: no such mount exists now, though another one may be in its place. */
static struct hostfs_mount *mount_in(struct hostfs *h, const struct vnode_id *id, size_t *at)
{
    uint64_t key;
    uint32_t tag;

    *at = 1 + (id->bytes[0] == ID_CROSSED ? sizeof(key) : sizeof(tag));
    if (id->len < *at + 1)
        return NULL;
    memcpy(&tag, id->bytes + 1, sizeof(tag));
    if (id->bytes[0] == ID_HANDLE)
        return tag == hostfs_mount_tag(&h->own) ? &h->own : NULL;
    memcpy(&key, id->bytes + 1, sizeof(key));
    return hostfs_mount_by_key(h, key);
}

/* open_by_handle_at() of an ID_HANDLE or ID_CROSSED. */
static int open_handle(struct hostfs *h, const struct vnode_id *id, int flags, int *fd)
{
    struct {
        struct file_handle head;
        unsigned char bytes[VNODE_ID_MAX];
    } handle;
    size_t at;
    struct hostfs_mount *mount = mount_in(h, id, &at);

    if (!mount)
        return ESTALE;
    int err = wait_enter(mount->place);
    if (err != 0)
        return err;
    handle.head.handle_type = id->bytes[at];
    handle.head.handle_bytes = (unsigned)(id->len - at - 1);
    memcpy(handle.head.f_handle, id->bytes + at + 1, id->len - at - 1);
    /* The kernel also says ENOMEM while the inode's number is being given to a new file; in a
     * moment the handle is stale. That moment is mostly shorter than a turn of the scheduler, and a
     * millisecond or two where the other thread waits for its CPU. */
    int mount_fd;
    err = hostfs_hold(h, mount, &mount_fd);
    if (err != 0)
        return err;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        *fd = open_by_handle_at(mount_fd, &handle.head, flags);
        err = *fd >= 0 ? 0 : errno;
        if (err != ENOMEM)
            break;
        if (attempt < ATTEMPTS / 2)
            sched_yield();
        else
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    hostfs_drop(mount);
    /* A handle that is authentic but does not decode is of an object that is gone. */
    return err == EINVAL || err == ENOENT ? ESTALE : err;
}

int hostfs_open_id(struct hostfs *h, const struct vnode_id *id, int flags, int *fd)
{
    struct hostfs_proc_path link;
    int path_fd = -1;
    int err = cred_assume_server();
    if (err != 0)
        return err;
    if (id->bytes[0] == ID_HIDDEN)
        return EACCES;
    if (!hostfs_needs_table(h, id))
        return open_handle(h, id, flags, fd);
    err = wait_enter(h->own.place);
    if (err == 0)
        err = hostfs_resolve(h, id, &path_fd);
    if (err != 0 || flags & O_PATH) {
        *fd = path_fd;
        return err;
    }
    hostfs_proc_path(&link, path_fd);
    *fd = open(link.text, flags & ~O_NOFOLLOW);
    err = *fd < 0 ? errno : 0;
    close(path_fd);
    return err;
}

static int load_hidden(struct hostfs *h, const struct vnode_id *id, struct vnode **out)
{
    struct hostfs_object object = {.id = *id, .has_st = true};
    if (id->len != 10 || (id->bytes[1] != VDIR && id->bytes[1] != VREG))
        return ESTALE;
    return hostfs_intern(h, &object, out);
}

/* Follows a file system that was mounted again while nothing of it was open: its nodes are on the
 * new mount now. False: another file system is mounted there. */
static bool follow_mount(struct vnode *vn, int fd, const struct statx *st)
{
    struct hostfs_node *node = hostfs_node(vn);

    if (st->stx_mnt_id == node->mount->id && !node->mount->gone)
        return true;
    struct hostfs_mount *now = hostfs_mount_sure(hostfs_of(vn), fd, "", st->stx_mnt_id);
    if (!now || now->key != node->mount->key)
        return false;
    __atomic_store_n(&node->mount, now, __ATOMIC_RELEASE);
    return true;
}

int hostfs_load_for(const struct vctx *ctx, struct vfs *fs, const struct vnode_id *id,
                    struct vnode **out)
{
    struct hostfs *h = fs->private;
    struct hostfs_object object = {.id = *id};
    int fd;

    if (id->len < 2 || id->bytes[0] < ID_HANDLE || id->bytes[0] > ID_NAMED)
        return ESTALE;
    if (id->bytes[0] == ID_HIDDEN)
        return load_hidden(h, id, out);
    int err = hostfs_open_id(h, id, HOST_O_PATH, &fd);
    if (err == ESTALE)
        hostfs_ident_stale(id);
    if (err != 0)
        return err;
    err = hostfs_statx(fd, "", &object.st);
    if (err != 0)
        goto out;
    if (id->bytes[0] == ID_NAMED)
        err = hostfs_named_check(h, id, fd, true, &object);
    else
        object.mount = hostfs_mount_sure(h, fd, "", object.st.stx_mnt_id);
    if (err != 0 || !object.mount || (object.mount->counts_links && object.st.stx_nlink == 0))
        err = ESTALE;
    else if (!hostfs_needs_table(h, id))
        err = hostfs_contained(ctx, h, fd, &object.st);
    if (err == 0)
        err = hostfs_intern(h, &object, out);
    if (err == 0)
        follow_mount(*out, fd, &object.st);
    if (err == 0) {
        hostfs_set_fd(*out, &hostfs_node(*out)->path_fd, fd);
        return 0;
    }
out:
    close(fd);
    return err;
}

int hostfs_load(struct vfs *fs, const struct vnode_id *id, struct vnode **out)
{
    return hostfs_load_for(NULL, fs, id, out);
}

int hostfs_set_fd(struct vnode *vn, _Atomic int *slot, int fd)
{
    int held = -1;
    if (atomic_compare_exchange_strong(slot, &held, fd)) {
        vnode_count_fds(vn, 1);
        return fd;
    }
    close(fd);
    return held;
}

int hostfs_fd_any(struct vnode *vn, int mode)
{
    struct hostfs_node *node = hostfs_node(vn);

    return atomic_load(mode == O_WRONLY ? &node->write_fd : &node->read_fd);
}

int hostfs_fd_held(struct vnode *vn)
{
    struct hostfs_node *node = hostfs_node(vn);
    int fd = atomic_load(&node->path_fd);
    if (fd < 0)
        fd = atomic_load(&node->read_fd);
    if (fd < 0)
        fd = atomic_load(&node->write_fd);
    return fd;
}

/* Checks that fd is open on the object for which the node was made, and that the object still
 * exists and is in the export. ESTALE. */
static int check_opened(const struct vctx *ctx, struct vnode *vn, int fd, struct statx *st)
{
    struct hostfs_node *node = hostfs_node(vn);
    /* What FUSE has cached for one name of an object may be from before another name went. */
    int err = node->mount->named ? hostfs_statx_now(fd, st) : hostfs_statx(fd, "", st);
    if (err != 0)
        return err;
    if (!follow_mount(vn, fd, st))
        return ESTALE;
    bool same =
        hostfs_vtype(st->stx_mode) == vn->type && (st->stx_nlink > 0 || !node->mount->counts_links);
    /* Elsewhere number and birth change with a copy-up, and the function that opened fd has made
     * sure of the object. */
    if (node->mount->lasting)
        same = same && hostfs_is_of(vn, st);
    if (!same)
        return ESTALE;
    if (node->mount->named && !hostfs_named_look(vn, fd, st))
        return ESTALE;
    /* The host may have moved the object out of the export after it was loaded. */
    return hostfs_contained(ctx, hostfs_of(vn), fd, st);
}

static int fd_open(const struct vctx *ctx, struct vnode *vn, int *fd, struct statx *st)
{
    struct vnode_id id;

    id.len = vn->id_len;
    memcpy(id.bytes, vn->id, vn->id_len);
    int err = hostfs_open_id(hostfs_of(vn), &id, HOST_O_PATH, fd);
    if (err == 0) {
        err = check_opened(ctx, vn, *fd, st);
        if (err != 0)
            close(*fd);
    }
    if (err == ESTALE && !vnode_is_root(vn))
        hostfs_forget(vn);
    if (err == 0)
        *fd = hostfs_set_fd(vn, &hostfs_node(vn)->path_fd, *fd);
    return err;
}

int hostfs_fd(const struct vctx *ctx, struct vnode *vn, int *fd)
{
    struct statx st;

    *fd = hostfs_fd_held(vn);
    return *fd >= 0 ? 0 : fd_open(ctx, vn, fd, &st);
}

int hostfs_fd_stat(const struct vctx *ctx, struct vnode *vn, int *fd, struct statx *st)
{
    *fd = hostfs_fd_held(vn);
    return *fd >= 0 ? hostfs_stat(vn, *fd, st) : fd_open(ctx, vn, fd, st);
}

int hostfs_enter(const struct vctx *ctx, struct vnode *vn, int *fd)
{
    if (hostfs_is_hidden(vn))
        return EACCES;
    int err = hostfs_fd(ctx, vn, fd);
    return err != 0 ? err : cred_assume(ctx->cred);
}

int hostfs_stat(struct vnode *vn, int fd, struct statx *st)
{
    const struct hostfs_mount *mount = hostfs_node(vn)->mount;
    int err = hostfs_statx(fd, "", st);
    /* FUSE asks its daemon by a name; another name of the object may be left. */
    bool gone = mount->named && (err == ENOENT || err == ESTALE);
    if (err == 0 && mount->named && !hostfs_named_look(vn, fd, st))
        gone = true;
    if (err == 0 && st->stx_nlink == 0 && mount->counts_links)
        gone = true;
    if (!gone || vnode_is_root(vn))
        return err;
    /* The host has removed it: it is forgotten, since its space would stay taken otherwise. */
    hostfs_forget(vn);
    return ESTALE;
}

int hostfs_name_error(struct vnode *dir, int fd, int err)
{
    struct statx st;
    return err == ENOENT && hostfs_stat(dir, fd, &st) == ESTALE ? ESTALE : err;
}

/* Takes the node's descriptors out; how many. */
static int take_fds(struct vnode *vn, int fds[HOSTFS_FDS])
{
    struct hostfs_node *node = hostfs_node(vn);
    _Atomic int *slots[HOSTFS_FDS] = {&node->path_fd, &node->read_fd, &node->write_fd};
    int count = 0;

    for (int i = 0; i < HOSTFS_FDS; i++) {
        int fd = atomic_exchange(slots[i], -1);
        if (fd >= 0)
            fds[count++] = fd;
    }
    atomic_store(&node->opener, 0);
    if (count)
        vnode_count_fds(vn, -count);
    return count;
}

/*
 * Gives up all descriptors, whatever `all` says. A descriptor for writing keeps the host from
 * executing the file, and any descriptor keeps the space of a file that the host removed. Opening
 * one again costs little compared with what leads to this call (a flush, or a second without use).
 */
void hostfs_drop_fds(struct vnode *vn, bool all, struct vnode_drops *drops)
{
    int fds[HOSTFS_FDS], count = take_fds(vn, fds);

    (void)all;
    while (count > 0)
        vnode_drop_fd(drops, fds[--count]);
}

void hostfs_reclaim(struct vnode *vn)
{
    int fds[HOSTFS_FDS], count = take_fds(vn, fds);

    while (count > 0)
        close(fds[--count]);
}
