/*
 * resolve.c - from an id to an open object by the handle table: up by its rows, then down by names.
 *
 * Called by node.c where the kernel opens no handle (hostfs_needs_table), and by the operations
 * that make or move names, to have them noted. On the way down from the root (or from an open
 * directory on the way) each step is verified by id. Where a name leads elsewhere, reconnect.c
 * looks for the object, and the table learns where it is. Containment needs no check, since the way
 * comes from the root.
 *
 * Acts as the server throughout (hostfs_open_id). Owns the chain that it builds, and nothing that
 * lasts longer.
 */
#include "base/cred.h"
#include "base/hash.h"
#include "fs/hostfs/locate/locate.h"
#include "fs/hostfs/locate/named.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The most directories between an object and the root. */
#define DEPTH_MAX 16384
/* How often one resolution may begin anew because the tree changed meanwhile. */
#define ATTEMPTS 4

struct link {
    struct vnode_id id;
    struct hostfs_row row;
};

/* The rows on the way, from the object's (first) to the one below the directory where going down
 * begins (last). */
struct chain {
    struct link *links;
    size_t count, size;
    int fd; /* descriptor of the directory where going down begins; owned */
    struct vnode_id from;
};

struct hostfs_table *hostfs_table(struct hostfs *h)
{
    struct hostfs_table *table = atomic_load(&h->table);
    if (table || !h->state_dir)
        return table;
    pthread_mutex_lock(&h->table_lock);
    table = atomic_load(&h->table);
    if (!table && cred_assume_server() == 0 && hostfs_table_open(h->state_dir, &table) == 0)
        atomic_store(&h->table, table);
    pthread_mutex_unlock(&h->table_lock);
    return table;
}

static uint32_t where_hash(const struct vnode *dir, const char *name)
{
    uint64_t hash = hash_bytes(dir->id, dir->id_len, 0);
    return (uint32_t)hash_bytes(name, strlen(name), hash) | 1;
}

void hostfs_name_note(struct hostfs *h, struct vnode *dir, const char *name, struct vnode *vn)
{
    struct vnode_id id;
    struct hostfs_row row;

    hostfs_id_of(vn, &id);
    if (!hostfs_needs_table(h, &id) || vnode_is_root(vn) ||
        !hostfs_row_name(&row, name, strlen(name)))
        return;
    uint32_t where = where_hash(dir, name);
    if (atomic_load_explicit(&hostfs_node(vn)->where, memory_order_relaxed) == where)
        return;
    struct hostfs_table *table = hostfs_table(h);
    if (!table)
        return;
    hostfs_id_of(dir, &row.parent);
    row.ino = hostfs_node(vn)->ino;
    /* A name that could not be noted is noted when it is met again. */
    if (hostfs_table_put(table, h->fs->fsid, &id, &row) == 0)
        atomic_store_explicit(&hostfs_node(vn)->where, where, memory_order_relaxed);
}

void hostfs_name_drop(struct hostfs *h, struct vnode *dir, const char *name,
                      const struct vnode_id *id)
{
    struct vnode_id parent;
    struct hostfs_table *table = hostfs_table(h);
    if (!table)
        return;
    hostfs_id_of(dir, &parent);
    hostfs_table_delete(table, h->fs->fsid, id, &parent, name);
}

void hostfs_name_move(struct hostfs *h, struct vnode *from_dir, const char *from,
                      struct vnode *to_dir, const char *to, const struct vnode_id *id)
{
    struct vnode_id parent;
    struct hostfs_row row;
    struct hostfs_table *table = hostfs_table(h);

    /* A row with another parent or name is about another name of the object, and stays. */
    if (!table || hostfs_table_get(table, h->fs->fsid, id, &row) != 0)
        return;
    hostfs_id_of(from_dir, &parent);
    if (!hostfs_id_equal(&row.parent, &parent) || strcmp(row.name, from) != 0)
        return;
    hostfs_id_of(to_dir, &row.parent);
    if (hostfs_row_name(&row, to, strlen(to)))
        hostfs_table_put(table, h->fs->fsid, id, &row);
}

/* Returns a copy of an open directory's descriptor, or -1; also -1 where the host has moved it out
 * of the export. */
static int open_start(struct hostfs *h, const struct vnode_id *id)
{
    struct statx st;
    struct vnode *vn = vnode_find(h->fs, id);
    int held = vn ? hostfs_fd_held(vn) : -1;
    int fd = held >= 0 ? fcntl(held, F_DUPFD_CLOEXEC, 0) : -1;

    vnode_put(vn);
    if (fd >= 0 && (hostfs_statx(fd, "", &st) != 0 || hostfs_contained(NULL, h, fd, &st) != 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Opens *fd where going down may begin at this id: it is the root, an open directory above the
 * object, or an object that the kernel opens by handle. *fd is -1 where it may not. */
static int find_start(struct hostfs *h, const struct vnode_id *id, bool above, int *fd)
{
    *fd = -1;
    if (hostfs_id_equal(id, &h->root_id))
        return hostfs_hold_copy(h, fd);
    if (!hostfs_needs_table(h, id))
        return hostfs_open_id(h, id, HOST_O_PATH, fd);
    if (above)
        *fd = open_start(h, id);
    return 0;
}

static int chain_push(struct chain *chain, const struct vnode_id *id, const struct hostfs_row *row)
{
    if (chain->count == DEPTH_MAX)
        return ESTALE;
    if (chain->count == chain->size) {
        size_t size = chain->size ? chain->size * 2 : 8;
        struct link *links = realloc(chain->links, size * sizeof(*links));
        if (!links)
            return ENOMEM;
        chain->links = links;
        chain->size = size;
    }
    chain->links[chain->count++] = (struct link){.id = *id, .row = *row};
    return 0;
}

static void chain_finish(struct chain *chain)
{
    if (chain->fd >= 0)
        close(chain->fd);
    free(chain->links);
}

/* Finds a row by walking, for an id that the table does not have. */
static int missing_row(struct hostfs *h, struct hostfs_table *table, const struct vnode_id *id,
                       struct hostfs_row *row)
{
    int err = hostfs_reconnect_walk(h, id, 0, row);
    if (err == 0)
        hostfs_table_put(table, h->fs->fsid, id, row);
    return err;
}

/*
 * Rows of different ages can form a ring (`mv a/b b; mv a b/a` on the host, and only one of them
 * learnt). An object that is known to be in a ring is looked for, which breaks the ring; the caller
 * begins anew.
 */
static int break_cycle(struct hostfs *h, struct hostfs_table *table, const struct vnode_id *id)
{
    struct hostfs_row row = {.ino = 0};
    hostfs_table_get(table, h->fs->fsid, id, &row);
    uint64_t ino = row.ino;
    int err = hostfs_reconnect_walk(h, id, ino, &row);
    if (err != 0)
        return err;
    hostfs_table_put(table, h->fs->fsid, id, &row);
    return EAGAIN;
}

static int chain_build(struct hostfs *h, struct hostfs_table *table, const struct vnode_id *id,
                       struct chain *chain)
{
    struct vnode_id at = *id, mark = *id;
    size_t marked = 0;
    struct hostfs_row row;

    *chain = (struct chain){.fd = -1};
    for (;;) {
        int err = find_start(h, &at, chain->count > 0, &chain->fd);
        if (err != 0)
            return err;
        if (chain->fd >= 0)
            break;
        err = hostfs_table_get(table, h->fs->fsid, &at, &row);
        if (err == ENOENT)
            err = missing_row(h, table, &at, &row);
        if (err == 0)
            err = chain_push(chain, &at, &row);
        if (err != 0)
            return err;
        at = row.parent;
        if (hostfs_id_equal(&at, &mark))
            return break_cycle(h, table, &at);
        if (chain->count >= marked * 2) {
            mark = at;
            marked = chain->count;
        }
    }
    chain->from = at;
    return 0;
}

/* Goes one step down. ENOENT: the name leads to another object, or nowhere. */
static int step(struct hostfs *h, int dirfd, const char *name, const struct vnode_id *id, int *out)
{
    struct hostfs_object object;
    int err;
    int fd = openat(dirfd, name, HOST_O_PATH);
    if (fd < 0)
        return errno == ENOTDIR ? ENOENT : errno;
    if (id->bytes[0] == ID_NAMED)
        err = hostfs_named_check(h, id, fd, true, &object);
    else
        err = hostfs_identify(h, cred_server(), NULL, NULL, fd, "", &object);
    if (err == EOPNOTSUPP || (err == 0 && !hostfs_id_equal(&object.id, id)))
        err = ENOENT;
    if (err != 0)
        close(fd);
    else
        *out = fd;
    return err;
}

/* To be called when an object is nowhere: a caller that meets it by name again, if it can, notes it
 * anew. */
static void forget_row(struct hostfs *h, struct hostfs_table *table, const struct link *lost)
{
    struct vnode *vn = vnode_find(h->fs, &lost->id);

    if (vn && !hostfs_is_hidden(vn))
        atomic_store_explicit(&hostfs_node(vn)->where, 0, memory_order_relaxed);
    vnode_put(vn);
    hostfs_table_delete(table, h->fs->fsid, &lost->id, &lost->row.parent, lost->row.name);
}

/*
 * Handles a link whose object is not where the table says: looks in the directory in which it was,
 * in those above it on the way, then everywhere. The table learns where it is; the caller begins
 * anew.
 */
static int reconnect(struct hostfs *h, struct hostfs_table *table, struct chain *chain,
                     size_t index, int dirfd)
{
    struct link *lost = &chain->links[index];
    int err = hostfs_reconnect_in(h, dirfd, &lost->id, lost->row.ino, lost->row.name);
    int fd = fcntl(chain->fd, F_DUPFD_CLOEXEC, 0);
    for (size_t i = chain->count; err && fd >= 0 && i > index + 1; i--) {
        struct vnode_id parent = i == chain->count ? chain->from : chain->links[i].id;
        err = hostfs_reconnect_in(h, fd, &lost->id, lost->row.ino, lost->row.name);
        if (err == 0)
            lost->row.parent = parent;
        int next = -1;
        if (err != 0)
            step(h, fd, chain->links[i - 1].row.name, &chain->links[i - 1].id, &next);
        close(fd);
        fd = next;
    }
    if (fd >= 0)
        close(fd);
    if (err != 0)
        err = hostfs_reconnect_walk(h, &lost->id, lost->row.ino, &lost->row);
    if (err == 0)
        hostfs_table_put(table, h->fs->fsid, &lost->id, &lost->row);
    else if (err == ESTALE)
        forget_row(h, table, lost);
    return err;
}

/* Goes down the chain. EAGAIN: an object had moved, and the table knows where it is now. */
static int chain_descend(struct hostfs *h, struct hostfs_table *table, struct chain *chain,
                         int *out)
{
    int at = fcntl(chain->fd, F_DUPFD_CLOEXEC, 0);
    int err = at < 0 ? errno : 0;

    for (size_t i = chain->count; err == 0 && i-- > 0;) {
        int next = -1;
        err = step(h, at, chain->links[i].row.name, &chain->links[i].id, &next);
        if (err == ENOENT) {
            err = reconnect(h, table, chain, i, at);
            if (err == 0)
                err = EAGAIN;
        }
        close(at);
        at = next;
    }
    if (err != 0 && at >= 0)
        close(at);
    *out = at;
    return err;
}

int hostfs_resolve(struct hostfs *h, const struct vnode_id *id, int *fd)
{
    struct chain chain;
    struct hostfs_table *table = hostfs_table(h);
    int err = table ? EAGAIN : ESTALE;

    /* The id belongs to another mount, or a client removed the object: there is nothing to look
     * for. */
    if (id->bytes[0] == ID_NAMED && !hostfs_id_equal(id, &h->root_id) &&
        !(hostfs_named_mount(h, id) && hostfs_named_exists(h, id)))
        return ESTALE;
    for (int attempt = 0; err == EAGAIN && attempt < ATTEMPTS; attempt++) {
        err = chain_build(h, table, id, &chain);
        if (err == 0)
            err = chain_descend(h, table, &chain, fd);
        chain_finish(&chain);
    }
    return err == EAGAIN ? ESTALE : err;
}
