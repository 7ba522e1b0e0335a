/*
 * hostfs.c - the host's directories as a file system: the table of its operations, and how it is
 * mounted.
 *
 * Registered under the name "hostfs"; exports/ mounts one for each exported directory. node.c has
 * the nodes and their descriptors, locate/ goes from names to ids and from ids to objects, and the
 * other files of this folder have the operations.
 */
#include "base/cred.h"
#include "base/log.h"
#include "base/wait_place.h"
#include "disk.h"
#include "fs/hostfs/locate/locate.h"
#include "fs/hostfs/locate/named.h"
#include "newfile.h"
#include "wcc.h"
#include "window.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether the kernel lets this process open objects by handle; only trying tells. */
static bool handles_work(struct hostfs *h)
{
    int fd;
    if (h->root_id.bytes[0] != ID_HANDLE)
        return false;
    h->kernel_handles = true;
    bool work = hostfs_open_id(h, &h->root_id, HOST_O_PATH, &fd) == 0;
    if (work)
        close(fd);
    return work;
}

static void free_hostfs(struct hostfs *h)
{
    hostfs_wcc_finish();
    hostfs_windows_finish(h);
    hostfs_mounts_finish(h);
    hostfs_points_finish(h);
    wait_place_put(h->own.place);
    hostfs_table_close(atomic_load(&h->table));
    hostfs_hold_end(h);
    hostfs_hold_finish(&h->own);
    hostfs_disk_put(h->own.disk);
    pthread_mutex_destroy(&h->mounts_lock);
    hostfs_turns_finish(&h->guards);
    hostfs_turns_finish(&h->lends);
    pthread_mutex_destroy(&h->table_lock);
    pthread_mutex_destroy(&h->named_lock);
    pthread_mutex_destroy(&h->reconnect_lock);
    free(h->state_dir);
    free(h);
}

/* What an export says of directories of the host (VFS_HOST_DIRS), and a word for tests. */
struct words {
    bool crossmnt;      /* show what is mounted below the source */
    bool pseudo;        /* also where that is proc, sysfs or another interface to the kernel */
    bool subtree_check; /* check containment of files too, not only of directories */
    bool table_handles; /* act as without the right to use kernel handles */
};

static int parse_words(const struct vfs_mount_args *args, struct words *words)
{
    const struct {
        const char *name;
        bool *said;
    } rows[] = {{"crossmnt", &words->crossmnt},
                {"pseudo", &words->pseudo},
                {"subtree_check", &words->subtree_check},
                {"handles=table", &words->table_handles}};
    const char *word = args->options != NULL ? args->options : "";

    *words = (struct words){false};
    for (size_t len; *word != '\0'; word += len + (word[len] == ',')) {
        size_t i = 0;
        len = strcspn(word, ",");
        while (i < 4 && (strlen(rows[i].name) != len || memcmp(rows[i].name, word, len) != 0))
            i++;
        if (i < 4) {
            *rows[i].said = true;
        } else if (len > 0) {
            log_error("hostfs %s: unknown option '%s'", args->source, word);
            return EINVAL;
        }
    }
    return 0;
}

static struct hostfs *new_hostfs(struct vfs *fs, const struct vfs_mount_args *args,
                                 const struct words *words)
{
    struct hostfs *h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    h->fs = fs;
    h->own.fd = -1;
    h->crossmnt = words->crossmnt;
    h->subtree_check = words->subtree_check;
    h->pseudo = words->pseudo;
    pthread_mutex_init(&h->mounts_lock, NULL);
    hostfs_turns_init(&h->guards);
    hostfs_turns_init(&h->lends);
    pthread_mutex_init(&h->table_lock, NULL);
    pthread_mutex_init(&h->named_lock, NULL);
    pthread_mutex_init(&h->reconnect_lock, NULL);
    h->state_dir = args->state_dir ? strdup(args->state_dir) : NULL;
    if (args->state_dir && !h->state_dir) {
        free_hostfs(h);
        return NULL;
    }
    return h;
}

static int open_source(struct hostfs *h, const char *source)
{
    int flags = O_DIRECTORY | O_CLOEXEC;
    int fd = open(source, O_RDONLY | flags);
    if (fd < 0 && errno == EACCES)
        fd = open(source, O_PATH | flags);
    if (fd < 0)
        return errno;
    int err = hostfs_mount_fill(h, &h->own, fd);
    h->own.fd = fd;
    if (err == 0)
        err = hostfs_hold_init(&h->own, fd, source);
    atomic_store(&h->mounts, &h->own);
    return err;
}

static struct wait_place *place_of(const struct vnode *vn)
{
    const struct hostfs_node *node = hostfs_node((struct vnode *)(uintptr_t)vn);

    return node->mount ? node->mount->place : NULL;
}

static void let_go(struct vfs *fs)
{
    hostfs_disks_flush(fs->private);
    hostfs_hold_tick(fs->private, true);
}

/* Refuses to export an interface to the kernel without the option `pseudo`. Reading or writing such
 * files changes things, mostly for the whole host, so they must not be exported by mistake. */
static int refuse_pseudo(const struct vfs_mount_args *args, bool pseudo,
                         const struct hostfs_below *below)
{
    if (!below->pseudo || pseudo)
        return 0;
    return vfs_refuse(
        args, EACCES,
        "it is an interface to the kernel (proc, sysfs or the like), which is exported "
        "only with the option 'pseudo'");
}

static int hostfs_check(const struct vfs_mount_args *args)
{
    struct words words;

    if (parse_words(args, &words) != 0)
        return EINVAL;
    int fd = args->source ? open(args->source, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0)
        return args->source ? errno : EINVAL;
    int err = refuse_pseudo(args, words.pseudo, hostfs_below_of(fd));
    close(fd);
    return err;
}

static int hostfs_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    if (!args->source)
        return EINVAL;
    struct words words;
    if (parse_words(args, &words) != 0)
        return EINVAL;
    struct hostfs *h = new_hostfs(fs, args, &words);
    if (!h)
        return ENOMEM;
    struct hostfs_object root;
    hostfs_ident_init();
    int err = cred_assume_server();
    if (err == 0)
        err = open_source(h, args->source);
    if (err == 0)
        err = refuse_pseudo(args, words.pseudo, h->own.below);
    if (err == 0)
        err = h->own.named ? hostfs_named_root(h, &root)
                           : hostfs_identify(h, cred_server(), &h->own, NULL, h->own.fd, "", &root);
    if (err == 0 && !root.has_st)
        err = hostfs_statx(h->own.fd, "", &root.st);
    if (err != 0)
        goto out;
    h->root_id = root.id;
    hostfs_points_tick(h);
    h->has_proc = hostfs_proc_works(h->own.fd);
    h->whole_mount = hostfs_mount_is_whole(h->own.id, h->own.fd);
    /* Files are certain to be inside the export only when they are found from the root down. */
    bool from_root = words.table_handles || (words.subtree_check && !h->whole_mount);
    h->kernel_handles = !from_root && handles_work(h);
    fs->private = h;
    if (!h->kernel_handles && !hostfs_table(h)) {
        err = h->state_dir ? EIO : EINVAL;
        goto out;
    }
    if (!h->has_proc)
        log_warning("hostfs %s: /proc is not mounted: hard links and some changes of attributes "
                    "will fail",
                    args->source);
    log_info("hostfs %s: handles by %s", args->source, h->kernel_handles ? "kernel" : "table");
    err = hostfs_intern(h, &root, &fs->root);
    if (err == 0) {
        hostfs_revisit_begin(h);
        hostfs_kept_undo(h);
        return 0;
    }
out:
    fs->private = NULL;
    free_hostfs(h);
    return err;
}

static void hostfs_unmount(struct vfs *fs)
{
    hostfs_revisit_end(fs->private);
    free_hostfs(fs->private);
    fs->private = NULL;
}

static void hostfs_tick(struct vfs *fs)
{
    struct hostfs *h = fs->private;
    hostfs_points_tick(h);
    hostfs_table_tick(atomic_load(&h->table));
    hostfs_hold_tick(h, false);
    hostfs_wcc_tick();
    hostfs_windows_tick();
    hostfs_disks_tick(h);
}

static const struct vfs_type hostfs_type = {
    .name = "hostfs",
    .flags = VFS_SYMLINKS | VFS_LINKS | VFS_STABLE_IDS | VFS_SPECIALS | VFS_HOST_DIRS,
    .node_size = sizeof(struct hostfs_node),
    .ops =
        {
            .mount = hostfs_mount,
            .check = hostfs_check,
            .unmount = hostfs_unmount,
            .load = hostfs_load,
            .load_for = hostfs_load_for,
            .drop = hostfs_drop_fds,
            .reclaim = hostfs_reclaim,
            .tick = hostfs_tick,
            .getattr = hostfs_getattr,
            .setattr = hostfs_setattr,
            .access = hostfs_access,
            .lookup = hostfs_lookup,
            .getattr_at = hostfs_getattr_at,
            .readlink = hostfs_readlink,
            .read = hostfs_read,
            .splice = hostfs_splice,
            .write = hostfs_write,
            .splice_write = hostfs_splice_write,
            .create = hostfs_create,
            .mkdir = hostfs_mkdir,
            .symlink = hostfs_symlink,
            .mknod = hostfs_mknod,
            .remove = hostfs_remove,
            .rmdir = hostfs_rmdir,
            .rename = hostfs_rename,
            .link = hostfs_link,
            .readdir = hostfs_readdir,
            .statfs = hostfs_statfs,
            .pathconf = hostfs_pathconf,
            .commit = hostfs_commit,
            .status = hostfs_status,
            .verifier = hostfs_verifier,
            .release = hostfs_release,
            .revisit = hostfs_revisit,
            .let_go = let_go,
            .place = place_of,
        },
};

VFS_TYPE(hostfs_type);
