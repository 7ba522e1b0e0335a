/*
 * mount.c - the mounted file systems; see mount.h.
 *
 * exports/ mounts file systems and gives them up; the vnode table tells when nodes are gone. A
 * mounted file system ends when nothing holds it any more and its last node was freed. A request
 * that is still running when its export is taken away therefore finishes undisturbed.
 */
#include "vfs/mount.h"
#include "base/flush.h"
#include "base/log.h"
#include "base/sleep.h"
#include "base/wait_place.h"
#include "vfs/cookies.h"
#include "vfs/mounted.h"
#include "vfs/node_life.h"
#include "vfs/node_verify.h"
#include "vfs/type_check.h"
#include "vfs/vnode_table.h"
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Guards the list of mounted file systems. */
static pthread_mutex_t mounts_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vfs_mounted *mounts; /* guarded by mounts_lock; chained by `next` */

void vfs_will_sleep(void)
{
    sleep_announce();
}

static void vfs_free(struct vfs *fs)
{
    cookies_destroy(fs);
    wait_place_put(mounted_of(fs)->place);
    free((char *)(uintptr_t)fs->source);
    free(mounted_of(fs));
}

static void vfs_destroy(struct vfs *fs)
{
    /* Before it leaves the list: where vfs_all_gone() is true no file system's code runs. */
    if (!mounted_of(fs)->failed && fs->type->ops.unmount != NULL)
        fs->type->ops.unmount(fs);
    pthread_mutex_lock(&mounts_lock);
    for (struct vfs_mounted **at = &mounts; *at != NULL; at = &(*at)->next) {
        if (*at == mounted_of(fs)) {
            *at = mounted_of(fs)->next;
            break;
        }
    }
    pthread_mutex_unlock(&mounts_lock);
    vfs_free(fs);
}

static struct vfs *vfs_alloc(const struct vfs_type *type, const struct vfs_mount_args *args)
{
    struct vfs_mounted *mounted = calloc(1, sizeof(*mounted));

    if (mounted == NULL)
        return NULL;
    struct vfs *fs = &mounted->fs;
    fs->type = type;
    fs->flags = type_flags(type);
    fs->fsid = args->fsid;
    mounted->holders = 1;
    mounted->nodes = 1; /* held until vfs_put() has flushed */
    mounted->verifier = flush_verifier_fresh(0);
    clock_gettime(CLOCK_REALTIME, &fs->mounted);
    fs->source = strdup(args->source != NULL ? args->source : type->name);
    mounted->place = wait_place_get(0, fs->source);
    if (fs->source == NULL || mounted->place == NULL || cookies_create(fs) != 0) {
        vfs_free(fs);
        return NULL;
    }
    if (type->flags & VFS_MAY_WAIT_FOREVER)
        wait_place_impatient(mounted->place);
    return fs;
}

/* Calls the file system's mount operation, supplies what that may leave out, and checks what it
 * gave. */
static int vfs_call_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    const struct vfs_ops *ops = &fs->type->ops;
    const char *wrong = NULL;
    int err = ops->mount != NULL ? ops->mount(fs, args) : 0;

    mounted_of(fs)->failed = err != 0;
    if (err == 0 && fs->root == NULL)
        err = vnode_intern_number(fs, VNODE_NUMBER_ROOT, VDIR, &fs->root);
    if (err < 0)
        wrong = "returned an impossible error";
    else if (err == 0 && !node_verify(fs, fs->root))
        wrong = "gave a root that is no node of its own";
    else if (err == 0 && fs->root->type != VDIR)
        wrong = "gave a root that is no directory";
    if (wrong == NULL)
        return err;
    log_error("file system %s (%s): mount %s", fs->type->name, fs->source, wrong);
    if (err == 0 && node_verify(fs, fs->root))
        vnode_put(fs->root);
    fs->root = NULL;
    return EIO;
}

int vfs_mount(const char *type_name, const struct vfs_mount_args *args, struct vfs **out)
{
    const struct vfs_type *type = vfs_type_find(type_name);

    if (type == NULL)
        return ENODEV;
    if (!type_check(type))
        return EINVAL;
    struct vfs *fs = vfs_alloc(type, args);
    if (fs == NULL)
        return ENOMEM;
    int err = vfs_call_mount(fs, args);
    if (err != 0)
        goto out;
    fs->root->table_flags |= VNODE_IS_ROOT;
    pthread_mutex_lock(&mounts_lock);
    mounted_of(fs)->next = mounts;
    mounts = mounted_of(fs);
    pthread_mutex_unlock(&mounts_lock);
    *out = fs;
    return 0;
out:
    mounted_of(fs)->dying = true;
    cookies_release(fs);
    vnode_table_flush(fs); /* nodes that it interned before it failed */
    vfs_node_gone(fs);     /* ended when what its nodes have dropped was released, too */
    return err;
}

int vfs_check(const char *type_name, const struct vfs_mount_args *args)
{
    const struct vfs_type *type = vfs_type_find(type_name);

    if (type == NULL)
        return ENODEV;
    if (!type_check(type))
        return EINVAL;
    return type->ops.check != NULL ? type->ops.check(args) : 0;
}

int vfs_refuse(const struct vfs_mount_args *args, int err, const char *format, ...)
{
    char line[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    if (args->message != NULL)
        snprintf(args->message, args->message_size, "%s", line);
    else
        log_error("can't mount %s: %s", args->source != NULL ? args->source : "", line);
    return err;
}

void vfs_ref(struct vfs *fs)
{
    mounted_of(fs)->holders++;
}

bool vfs_ending(const struct vfs *fs)
{
    return mounted_of(fs)->dying;
}

void vfs_node_gone(struct vfs *fs)
{
    if (--mounted_of(fs)->nodes == 0)
        vfs_destroy(fs);
}

void vfs_put(struct vfs *fs)
{
    if (fs == NULL || --mounted_of(fs)->holders > 0)
        return;
    pthread_mutex_lock(&mounts_lock);
    mounted_of(fs)->dying = true; /* for_each() leaves it out from now on */
    pthread_mutex_unlock(&mounts_lock);
    vnode_put(fs->root);
    if (fs->type->ops.release != NULL)
        fs->type->ops.release(fs);
    cookies_release(fs);
    vnode_table_flush(fs);
    vfs_node_gone(fs);
}

bool vfs_all_gone(void)
{
    pthread_mutex_lock(&mounts_lock);
    bool gone = mounts == NULL;
    pthread_mutex_unlock(&mounts_lock);
    return gone;
}

/* Keeps a file system from ending, with its root, which its own code may use as long as it is
 * mounted. False: it is about to end. mounts_lock held. */
static bool vfs_hold(struct vfs *fs)
{
    if (mounted_of(fs)->dying)
        return false;
    mounted_of(fs)->nodes++;
    vnode_ref(fs->root);
    return true;
}

static void tick_one(struct vfs *fs)
{
    if (fs->type->ops.tick != NULL)
        fs->type->ops.tick(fs);
}

static void let_go_one(struct vfs *fs)
{
    if (fs->type->ops.let_go != NULL)
        fs->type->ops.let_go(fs);
}

/* Calls `each` for all mounted file systems, which are held meanwhile, so that none of them ends.
 * There are at most as many as exports. */
static void for_each(void (*each)(struct vfs *fs))
{
    pthread_mutex_lock(&mounts_lock);
    size_t count = 0;
    for (struct vfs_mounted *at = mounts; at != NULL; at = at->next)
        count++;
    struct vfs **list = calloc(count + 1, sizeof(*list));
    size_t held = 0;
    for (struct vfs_mounted *at = mounts; at != NULL && list != NULL; at = at->next) {
        if (vfs_hold(&at->fs))
            list[held++] = &at->fs;
    }
    pthread_mutex_unlock(&mounts_lock);
    for (size_t i = 0; i < held; i++) {
        /* A file system that hangs in it is left to the thread that hangs there. */
        if (!atomic_exchange(&mounted_of(list[i])->ticking, true)) {
            each(list[i]);
            mounted_of(list[i])->ticking = false;
        }
        vnode_put(list[i]->root);
        vfs_node_gone(list[i]);
    }
    free(list);
}

void vfs_tick(void)
{
    for_each(tick_one);
    vnode_table_tick();
}

void vfs_let_go(void)
{
    /* The first tick leaves out descriptors that were used since the last one. */
    vnode_table_tick();
    vnode_table_tick();
    for_each(let_go_one);
}
