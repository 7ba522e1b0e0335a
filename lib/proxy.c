/*
 * proxy.c - a file system's operations, run on its author's thread.
 *
 * For LOOPNFS_DISPATCH: a table that stands in front of the author's, with an operation for each
 * that the author has. Such an operation packs its arguments into words, queues them, and waits
 * until the author's thread has run the author's operation in loopnfs_dispatch(). The waiting
 * thread has given its loop away before, so no other request waits. An operation that is called on
 * the author's thread already (mount, and the end of nodes inside an operation) runs at once.
 *
 * `lock` guards the queue and each call's result. A call lies on its caller's stack.
 */
#include "base/list.h"
#include "lib/internal.h"
#include "vfs/later.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct proxy {
    struct vfs_type type; /* first: fs->type points to it */
    const struct vfs_type *author;
    pthread_t owner;
    int eventfd;
    pthread_mutex_t lock;
    struct list queue; /* guarded */
};

/* Unpacks an operation's arguments and calls the operation. */
typedef int runner(const struct vfs_ops *ops, const uint64_t *w);

struct call {
    struct list link;
    runner *run;
    const uint64_t *words;
    pthread_cond_t done_cond;
    bool done; /* guarded by the proxy's lock, and so are the next ones */
    int err;
    struct later *later; /* the ticket, where err is VFS_ELATER */
};

static int proxy_call(const struct vfs *fs, runner *run, const uint64_t *words)
{
    struct proxy *proxy = (struct proxy *)(uintptr_t)fs->type;
    struct call call = {.run = run, .words = words};

    if (pthread_equal(pthread_self(), proxy->owner))
        return run(&proxy->author->ops, words);
    vfs_will_sleep();
    pthread_cond_init(&call.done_cond, NULL);
    pthread_mutex_lock(&proxy->lock);
    list_append(&proxy->queue, &call.link);
    proxy_wake(proxy);
    while (!call.done)
        pthread_cond_wait(&call.done_cond, &proxy->lock);
    pthread_mutex_unlock(&proxy->lock);
    pthread_cond_destroy(&call.done_cond);
    if (call.err == VFS_ELATER)
        later_attach(call.later);
    return call.err;
}

static void call_run(struct proxy *proxy, struct call *call)
{
    int err = call->run(&proxy->author->ops, call->words);
    /* The ticket goes to the thread that waits for the answer. */
    struct later *later = err == VFS_ELATER ? later_detach() : NULL;

    if (err != VFS_ELATER)
        err = later_settle(err);
    pthread_mutex_lock(&proxy->lock);
    call->err = err;
    call->later = later;
    call->done = true;
    pthread_cond_signal(&call->done_cond);
    pthread_mutex_unlock(&proxy->lock);
}

unsigned proxy_dispatch(struct proxy *proxy)
{
    unsigned count = 0;
    eventfd_t ignored;

    eventfd_read(proxy->eventfd, &ignored);
    for (;;) {
        pthread_mutex_lock(&proxy->lock);
        struct list *item = list_pop(&proxy->queue);
        pthread_mutex_unlock(&proxy->lock);
        if (item == NULL)
            return count;
        call_run(proxy, list_entry(item, struct call, link));
        count++;
    }
}

void proxy_dispatch_until(struct proxy *proxy, const _Atomic bool *ended)
{
    struct pollfd pfd = {.fd = proxy->eventfd, .events = POLLIN};

    while (!*ended) {
        poll(&pfd, 1, -1);
        proxy_dispatch(proxy);
    }
}

void proxy_wake(struct proxy *proxy)
{
    eventfd_write(proxy->eventfd, 1);
}

/* --- the operations: pack, and unpack --- */

#define P(i)              ((void *)(uintptr_t)w[i])
#define W(x)              ((uint64_t)(uintptr_t)(x))
#define CALL(fs, op, ...) proxy_call(fs, op##_run, (const uint64_t[]){__VA_ARGS__})
#define RUN(op, ...)                                                  \
    static int op##_run(const struct vfs_ops *ops, const uint64_t *w) \
    {                                                                 \
        return ops->op(__VA_ARGS__);                                  \
    }
#define RUN_VOID(op, ...)                                             \
    static int op##_run(const struct vfs_ops *ops, const uint64_t *w) \
    {                                                                 \
        ops->op(__VA_ARGS__);                                         \
        return 0;                                                     \
    }

RUN(mount, P(0), P(1))
static int queued_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    return CALL(fs, mount, W(fs), W(args));
}

RUN_VOID(unmount, P(0))
static void queued_unmount(struct vfs *fs)
{
    CALL(fs, unmount, W(fs));
}

RUN(load, P(0), P(1), P(2))
static int queued_load(struct vfs *fs, const struct vnode_id *id, struct vnode **out)
{
    return CALL(fs, load, W(fs), W(id), W(out));
}

RUN_VOID(reclaim, P(0))
static void queued_reclaim(struct vnode *vn)
{
    CALL(vn->fs, reclaim, W(vn));
}

RUN_VOID(tick, P(0))
static void queued_tick(struct vfs *fs)
{
    CALL(fs, tick, W(fs));
}

RUN(control, P(0), P(1))
static int queued_control(struct vfs *fs, struct vcontrol *control)
{
    return CALL(fs, control, W(fs), W(control));
}

RUN(getattr, P(0), P(1), P(2))
static int queued_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    return CALL(vn->fs, getattr, W(ctx), W(vn), W(attr));
}

RUN(setattr, P(0), P(1), P(2), P(3))
static int queued_setattr(const struct vctx *ctx, struct vnode *vn, const struct vsetattr *set,
                          struct vchange *change)
{
    return CALL(vn->fs, setattr, W(ctx), W(vn), W(set), W(change));
}

RUN(access, P(0), P(1), (uint32_t)w[2], P(3), P(4))
static int queued_access(const struct vctx *ctx, struct vnode *vn, uint32_t want, uint32_t *granted,
                         struct vattr *attr)
{
    return CALL(vn->fs, access, W(ctx), W(vn), want, W(granted), W(attr));
}

RUN(lookup, P(0), P(1), P(2), P(3), P(4))
static int queued_lookup(const struct vctx *ctx, struct vnode *dir, const char *name,
                         struct vnode **out, struct vattr *attr)
{
    return CALL(dir->fs, lookup, W(ctx), W(dir), W(name), W(out), W(attr));
}

RUN(readlink, P(0), P(1), P(2), (size_t)w[3], P(4))
static int queued_readlink(const struct vctx *ctx, struct vnode *vn, char *buf, size_t size,
                           size_t *len)
{
    return CALL(vn->fs, readlink, W(ctx), W(vn), W(buf), size, W(len));
}

RUN(read, P(0), P(1), w[2], P(3), P(4), P(5), P(6))
static int queued_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf,
                       size_t *len, bool *eof, struct vattr *attr)
{
    return CALL(vn->fs, read, W(ctx), W(vn), offset, W(buf), W(len), W(eof), W(attr));
}

RUN(write, P(0), P(1), w[2], P(3), P(4), P(5), P(6))
static int queued_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
                        size_t *len, enum vstable *stable, struct vchange *change)
{
    return CALL(vn->fs, write, W(ctx), W(vn), offset, W(buf), W(len), W(stable), W(change));
}

RUN(create, P(0), P(1), P(2), P(3), P(4), P(5), P(6))
static int queued_create(const struct vctx *ctx, struct vnode *dir, const char *name,
                         const struct vcreate *how, struct vnode **out, struct vattr *attr,
                         struct vchange *change)
{
    return CALL(dir->fs, create, W(ctx), W(dir), W(name), W(how), W(out), W(attr), W(change));
}

RUN(mkdir, P(0), P(1), P(2), P(3), P(4), P(5), P(6))
static int queued_mkdir(const struct vctx *ctx, struct vnode *dir, const char *name,
                        const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                        struct vchange *change)
{
    return CALL(dir->fs, mkdir, W(ctx), W(dir), W(name), W(set), W(out), W(attr), W(change));
}

RUN(symlink, P(0), P(1), P(2), P(3), P(4), P(5), P(6), P(7))
static int queued_symlink(const struct vctx *ctx, struct vnode *dir, const char *name,
                          const char *target, const struct vsetattr *set, struct vnode **out,
                          struct vattr *attr, struct vchange *change)
{
    return CALL(dir->fs, symlink, W(ctx), W(dir), W(name), W(target), W(set), W(out), W(attr),
                W(change));
}

RUN(mknod, P(0), P(1), P(2), (enum vtype)w[3], (uint32_t)w[4], (uint32_t)w[5], P(6), P(7), P(8),
    P(9))
static int queued_mknod(const struct vctx *ctx, struct vnode *dir, const char *name,
                        enum vtype type, uint32_t rdev_major, uint32_t rdev_minor,
                        const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                        struct vchange *change)
{
    return CALL(dir->fs, mknod, W(ctx), W(dir), W(name), type, rdev_major, rdev_minor, W(set),
                W(out), W(attr), W(change));
}

RUN(remove, P(0), P(1), P(2), P(3))
static int queued_remove(const struct vctx *ctx, struct vnode *dir, const char *name,
                         struct vchange *change)
{
    return CALL(dir->fs, remove, W(ctx), W(dir), W(name), W(change));
}

RUN(rmdir, P(0), P(1), P(2), P(3))
static int queued_rmdir(const struct vctx *ctx, struct vnode *dir, const char *name,
                        struct vchange *change)
{
    return CALL(dir->fs, rmdir, W(ctx), W(dir), W(name), W(change));
}

RUN(rename, P(0), P(1), P(2), P(3), P(4), P(5), P(6))
static int queued_rename(const struct vctx *ctx, struct vnode *from_dir, const char *from,
                         struct vnode *to_dir, const char *to, struct vchange *from_change,
                         struct vchange *to_change)
{
    return CALL(from_dir->fs, rename, W(ctx), W(from_dir), W(from), W(to_dir), W(to),
                W(from_change), W(to_change));
}

RUN(link, P(0), P(1), P(2), P(3), P(4), P(5))
static int queued_link(const struct vctx *ctx, struct vnode *vn, struct vnode *dir,
                       const char *name, struct vattr *attr, struct vchange *change)
{
    return CALL(dir->fs, link, W(ctx), W(vn), W(dir), W(name), W(attr), W(change));
}

RUN(readdir, P(0), P(1), w[2], P(3))
static int queued_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie,
                          struct vdirents *page)
{
    return CALL(dir->fs, readdir, W(ctx), W(dir), cookie, W(page));
}

RUN(statfs, P(0), P(1), P(2))
static int queued_statfs(const struct vctx *ctx, struct vnode *vn, struct vstatfs *st)
{
    return CALL(vn->fs, statfs, W(ctx), W(vn), W(st));
}

RUN(pathconf, P(0), P(1), P(2))
static int queued_pathconf(const struct vctx *ctx, struct vnode *vn, struct vpathconf *pc)
{
    return CALL(vn->fs, pathconf, W(ctx), W(vn), W(pc));
}

RUN(commit, P(0), P(1), w[2], (uint32_t)w[3], P(4))
static int queued_commit(const struct vctx *ctx, struct vnode *vn, uint64_t offset, uint32_t count,
                         struct vchange *change)
{
    return CALL(vn->fs, commit, W(ctx), W(vn), offset, count, W(change));
}

RUN(revisit, P(0))
static int queued_revisit(struct vnode *vn)
{
    return CALL(vn->fs, revisit, W(vn));
}

RUN_VOID(let_go, P(0))
static void queued_let_go(struct vfs *fs)
{
    CALL(fs, let_go, W(fs));
}

/* drop is left out: it is called under a lock and can't wait for another thread; and getattr_at and
 * the splices, for which lookup, read and write will do. */
static void table_make(const struct vfs_ops *author, struct vfs_ops *ops)
{
#define STAND_IN(op) ops->op = author->op != NULL ? queued_##op : NULL
    STAND_IN(mount);
    STAND_IN(unmount);
    STAND_IN(load);
    STAND_IN(reclaim);
    STAND_IN(tick);
    STAND_IN(control);
    STAND_IN(getattr);
    STAND_IN(setattr);
    STAND_IN(access);
    STAND_IN(lookup);
    STAND_IN(readlink);
    STAND_IN(read);
    STAND_IN(write);
    STAND_IN(create);
    STAND_IN(mkdir);
    STAND_IN(symlink);
    STAND_IN(mknod);
    STAND_IN(remove);
    STAND_IN(rmdir);
    STAND_IN(rename);
    STAND_IN(link);
    STAND_IN(readdir);
    STAND_IN(statfs);
    STAND_IN(pathconf);
    STAND_IN(commit);
    STAND_IN(revisit);
    STAND_IN(let_go);
#undef STAND_IN
}

struct proxy *proxy_create(const struct vfs_type *type)
{
    struct proxy *proxy = calloc(1, sizeof(*proxy));

    if (proxy == NULL)
        return NULL;
    proxy->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (proxy->eventfd < 0) {
        free(proxy);
        return NULL;
    }
    proxy->author = type;
    proxy->type = *type;
    proxy->type.ops = (struct vfs_ops){0};
    table_make(&type->ops, &proxy->type.ops);
    proxy->owner = pthread_self();
    pthread_mutex_init(&proxy->lock, NULL);
    list_init(&proxy->queue);
    return proxy;
}

void proxy_destroy(struct proxy *proxy)
{
    if (proxy == NULL)
        return;
    close(proxy->eventfd);
    pthread_mutex_destroy(&proxy->lock);
    free(proxy);
}

const struct vfs_type *proxy_type(const struct proxy *proxy)
{
    return &proxy->type;
}

void proxy_own(struct proxy *proxy)
{
    proxy->owner = pthread_self();
}

int proxy_fd(const struct proxy *proxy)
{
    return proxy->eventfd;
}
