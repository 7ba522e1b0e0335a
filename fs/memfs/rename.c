/*
 * rename.c - moves names, in a directory or between two.
 *
 * Renames between two directories go one at a time (rename_lock). So the tree of directories does
 * not change meanwhile, and both directories can be locked from the top down, as everywhere else.
 * Otherwise two renames could lock two directories in opposite orders, or move each directory into
 * the other. A rename of a directory onto a sibling directory takes rename_lock, too, since it
 * locks both.
 *
 * A name that is replaced keeps its place in the listing, and so does a name that changes within
 * its directory: a listing that goes on meanwhile has each name once.
 */
#include "memfs.h"

/* A rename while it runs. The nodes are locked from when they are found. */
struct move {
    struct memfs *m;
    const struct cred *cred;
    struct memfs_node *from, *to; /* directories; may be one */
    const char *name, *new_name;
    struct memfs_node *trap;         /* node in `from` that is `to` or above it; or NULL */
    struct memfs_node *reverse_trap; /* node in `to` that is `from` or above it; or NULL */
    struct memfs_entry *entry;
    struct memfs_entry *replaced; /* NULL: the new name is free */
    bool alone;                   /* rename_lock is held */
    bool ended;                   /* the replaced node has no name any more */
};

/* Walks up from `below` to the node whose parent is `above`. NULL: `above` is not above `below`.
 * rename_lock is held. */
static struct memfs_node *step_below(const struct memfs_node *above, struct memfs_node *below)
{
    while (below != above) {
        struct memfs_node *parent = memfs_names_parent(below->names);
        if (parent == above)
            return below;
        if (parent == below)
            return NULL; /* the root */
        below = parent;
    }
    return NULL;
}

/* Whether both names are directories in one directory, which is locked. */
static bool is_onto_sibling(const struct move *move)
{
    const struct memfs_names *names = move->from->names;
    const struct memfs_entry *entry = memfs_names_find(move->m, names, move->name);

    if (entry == NULL || entry->node->type != VDIR)
        return false;
    const struct memfs_entry *replaced = memfs_names_find(move->m, names, move->new_name);
    return replaced != NULL && replaced != entry && replaced->node->type == VDIR;
}

static void lock_directory(struct move *move)
{
    memfs_lock_write(&move->from->lock);
    if (!is_onto_sibling(move))
        return;
    memfs_unlock_write(&move->from->lock);
    pthread_mutex_lock(&move->m->rename_lock);
    move->alone = true;
    memfs_lock_write(&move->from->lock);
}

static void lock_directories(struct move *move)
{
    if (move->from == move->to) {
        lock_directory(move);
        return;
    }
    pthread_mutex_lock(&move->m->rename_lock);
    move->alone = true;
    move->trap = step_below(move->from, move->to);
    move->reverse_trap = step_below(move->to, move->from);
    if (move->reverse_trap != NULL) {
        memfs_lock_write(&move->to->lock);
        memfs_lock_write(&move->from->lock);
    } else {
        memfs_lock_write(&move->from->lock);
        memfs_lock_write(&move->to->lock);
    }
}

static void unlock_directories(struct move *move)
{
    memfs_unlock_write(&move->from->lock);
    if (move->from != move->to)
        memfs_unlock_write(&move->to->lock);
    if (move->alone)
        pthread_mutex_unlock(&move->m->rename_lock);
}

/* Whether a is locked before b: a directory before another type, since the other may have a name in
 * it; else the lower number. */
static bool is_before(const struct memfs_node *a, const struct memfs_node *b)
{
    if ((a->type == VDIR) != (b->type == VDIR))
        return a->type == VDIR;
    return a->number < b->number;
}

/* Locks the nodes of both names. `b` may be NULL. */
static void lock_nodes(struct memfs_node *a, struct memfs_node *b)
{
    if (b != NULL && is_before(b, a)) {
        memfs_lock_write(&b->lock);
        b = NULL;
    }
    memfs_lock_write(&a->lock);
    if (b != NULL)
        memfs_lock_write(&b->lock);
}

static void unlock_nodes(struct memfs_node *a, struct memfs_node *b)
{
    memfs_unlock_write(&a->lock);
    if (b != NULL)
        memfs_unlock_write(&b->lock);
}

/* Finds both names. The directories are locked. */
static int find_names(struct move *move)
{
    int err = memfs_may_search(move->cred, move->from);

    if (err == 0)
        err = memfs_may_search(move->cred, move->to);
    if (err != 0)
        return err;
    move->entry = memfs_names_find(move->m, move->from->names, move->name);
    if (move->entry == NULL)
        return ENOENT;
    move->replaced = memfs_names_find(move->m, move->to->names, move->new_name);
    if (move->entry->node == move->trap || move->entry->node == move->to)
        return EINVAL; /* a directory into itself */
    if (move->replaced != NULL &&
        (move->replaced->node == move->reverse_trap || move->replaced->node == move->from))
        return ENOTEMPTY;
    return 0;
}

/* Checks whether the caller may do the rename. Directories and nodes are locked. */
static int check(const struct move *move, const struct memfs_node *node,
                 const struct memfs_node *victim)
{
    bool is_dir = node->type == VDIR;
    int err = memfs_may_remove(move->cred, move->from, node);

    if (err != 0)
        return err;
    if (victim == NULL) {
        err = memfs_may(move->cred, move->to, MEMFS_W | MEMFS_X);
    } else {
        err = memfs_may_remove(move->cred, move->to, victim);
        if (err == 0 && (victim->type == VDIR) != is_dir)
            err = is_dir ? ENOTDIR : EISDIR;
    }
    /* The directory's own `..` changes. */
    if (err == 0 && is_dir && move->from != move->to)
        err = memfs_may(move->cred, node, MEMFS_W);
    if (err == 0 && is_dir && victim != NULL && memfs_names_count(victim->names) > 0)
        err = ENOTEMPTY;
    return err;
}

/* Changes the names. ENOMEM: nothing has changed. */
static int change_names(struct move *move, struct memfs_node *node, struct memfs_node *victim)
{
    int err = 0;

    if (victim != NULL) {
        move->replaced->node = node;
        memfs_names_remove(move->from->names, move->entry);
        move->ended = memfs_unlink_node(move->m, victim);
    } else if (move->from == move->to) {
        err = memfs_names_change(move->m, move->from->names, move->entry, move->new_name);
    } else {
        err = memfs_names_insert(move->m, move->to->names, move->new_name, node);
        if (err == 0)
            memfs_names_remove(move->from->names, move->entry);
    }
    if (err != 0 || node->type != VDIR)
        return err;
    move->from->nlink--;
    if (victim == NULL)
        move->to->nlink++;
    if (move->from != move->to) {
        memfs_node_ref(move->to);
        memfs_names_set_parent(node->names, move->to);
        /* Never the last reference: the caller's vnode has another. */
        memfs_node_put(move->m, move->from);
    }
    return 0;
}

/* Does the rename. The directories are locked. */
static int do_move(struct move *move, struct memfs_node **victim_out)
{
    int err = find_names(move);

    if (err != 0)
        return err;
    struct memfs_node *node = move->entry->node;
    struct memfs_node *victim = move->replaced != NULL ? move->replaced->node : NULL;
    if (node == victim)
        return 0; /* two names of one file, or one name: nothing happens */
    lock_nodes(node, victim);
    err = check(move, node, victim);
    if (err == 0)
        err = change_names(move, node, victim);
    if (err == 0) {
        memfs_touch(node, false);
        memfs_touch(move->from, true);
        if (move->to != move->from)
            memfs_touch(move->to, true);
    }
    unlock_nodes(node, victim);
    *victim_out = victim;
    return err;
}

int memfs_rename(const struct vctx *ctx, struct vnode *from_dir, const char *from,
                 struct vnode *to_dir, const char *to, struct vchange *from_change,
                 struct vchange *to_change)
{
    struct move move = {.m = memfs_of(from_dir),
                        .cred = ctx->cred,
                        .from = memfs_node(from_dir),
                        .to = memfs_node(to_dir),
                        .name = from,
                        .new_name = to};
    struct memfs_node *victim = NULL;

    lock_directories(&move);
    memfs_before(move.from, from_change);
    memfs_before(move.to, to_change);
    int err = do_move(&move, &victim);
    if (err == 0) {
        from_change->has_before = to_change->has_before = true;
        memfs_attr(from_dir->fs, move.from, &from_change->after);
        memfs_attr(to_dir->fs, move.to, &to_change->after);
    }
    unlock_directories(&move);
    if (move.ended)
        memfs_node_gone(move.m, victim);
    return err;
}
