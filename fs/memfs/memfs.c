/*
 * memfs.c - a file system in memory: its row, and how it is mounted.
 *
 * Registered under the name "memfs"; exports/ mounts one for each export with fs=memfs. Its content
 * is lost when it is unmounted. The rest of this folder: node.c (nodes, their numbers, vnodes),
 * names.c (a directory's content), data.c (a file's content), and the operations.
 */
#include "memfs.h"
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Bytes that must have been freed before memory is given back to the system. */
#define TRIM_BYTES (64u << 20)

static int draw(uint64_t *out)
{
    return getrandom(out, sizeof(*out), 0) == sizeof(*out) ? 0 : EIO;
}

static int make_root(struct memfs *m)
{
    struct memfs_node *root;
    int err = memfs_node_create(m, VDIR, &root);

    if (err != 0)
        return err;
    root->mode = (uint16_t)m->limits.mode;
    root->uid = m->limits.uid;
    root->gid = m->limits.gid;
    memfs_names_set_parent(root->names, root);
    memfs_node_ref(root);
    return memfs_adopt(m, root, &m->fs->root, NULL);
}

static void memfs_destroy(struct memfs *m)
{
    memfs_blocks_finish(&m->blocks); /* first, since this frees all blocks at once */
    memfs_numbers_finish(m);
    pthread_mutex_destroy(&m->rename_lock);
    free(m);
}

static int memfs_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    struct memfs_options options;
    int err = memfs_options_parse(args, &options);

    if (err != 0)
        return err;
    struct memfs *m = aligned_alloc(64, sizeof(*m));
    if (m == NULL)
        return ENOMEM;
    memset(m, 0, sizeof(*m));
    m->fs = fs;
    m->limits = options;
    pthread_mutex_init(&m->rename_lock, NULL);
    memfs_blocks_init(&m->blocks, options.bytes);
    err = memfs_numbers_init(m);
    if (err == 0)
        err = draw(&m->epoch);
    if (err == 0)
        err = draw(&m->name_seed);
    if (err != 0)
        goto out;
    fs->private = m;
    err = make_root(m);
    if (err == 0)
        return 0;
out:
    fs->private = NULL;
    memfs_destroy(m);
    return err;
}

static void memfs_unmount(struct vfs *fs)
{
    memfs_destroy(fs->private);
    fs->private = NULL;
}

/* Gives memory that large removals have freed back to the system. Done now and then, so that no
 * request waits for it. */
static void memfs_tick(struct vfs *fs)
{
    struct memfs *m = fs->private;

    if (m->freed < TRIM_BYTES || m->freed < m->bytes / 4)
        return;
    m->freed = 0;
    malloc_trim(TRIM_BYTES / 4);
}

static const struct vfs_type memfs_type = {
    .name = "memfs",
    .flags = VFS_SYMLINKS | VFS_LINKS | VFS_SPECIALS,
    .node_size = sizeof(struct memfs_node *),
    .options = memfs_option_names,
    .ops =
        {
            .mount = memfs_mount,
            .check = memfs_check,
            .unmount = memfs_unmount,
            .load = memfs_load,
            .reclaim = memfs_reclaim,
            .tick = memfs_tick,
            .getattr = memfs_getattr,
            .setattr = memfs_setattr,
            .access = memfs_access,
            .lookup = memfs_lookup,
            .getattr_at = memfs_getattr_at,
            .readlink = memfs_readlink,
            .read = memfs_read,
            .splice = memfs_splice,
            .write = memfs_write,
            .splice_write = memfs_splice_write,
            .create = memfs_create,
            .mkdir = memfs_mkdir,
            .symlink = memfs_symlink,
            .mknod = memfs_mknod,
            .remove = memfs_remove,
            .rmdir = memfs_rmdir,
            .rename = memfs_rename,
            .link = memfs_link,
            .readdir = memfs_readdir,
            .statfs = memfs_statfs,
            .pathconf = memfs_pathconf,
        },
};

VFS_TYPE(memfs_type);
