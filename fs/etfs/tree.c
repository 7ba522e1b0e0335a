/*
 * tree.c - the keys of an etfs: entries, their directories, and their life.
 *
 * The mount's lock guards the tree and the reference counts. It is not held while a host file is
 * opened. Entries are also found by id, for handles that have outlived their vnode. The id is a
 * hash of the key and of what the key is mapped to. So a handle is valid for that mapping after a
 * restart, and never for another one.
 */
#include "base/cred.h"
#include "base/pseudo.h"
#include "fs/etfs/etfs.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <search.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

/* A removed key still serves its users until none of them has used it for this number of
 * seconds. */
#define LINGER_SECONDS 60

static int by_id_compare(const void *a, const void *b)
{
    const struct etfs_entry *x = a, *y = b;

    return memcmp(x->id, y->id, ETFS_ID_LEN);
}

static void entry_free(struct etfs_entry *entry)
{
    if (entry->fd >= 0)
        close(entry->fd);
    free(entry->name);
    free(entry->path);
    free(entry);
}

static struct etfs_entry *entry_new(const char *name, size_t len, enum vtype type)
{
    struct etfs_entry *entry = calloc(1, sizeof(*entry));

    if (entry == NULL)
        return NULL;
    list_init(&entry->sibling);
    list_init(&entry->children);
    entry->fd = -1;
    entry->type = type;
    entry->refs = 1;
    entry->name = strndup(name, len);
    if (entry->name == NULL) {
        entry_free(entry);
        return NULL;
    }
    clock_gettime(CLOCK_REALTIME, &entry->changed);
    return entry;
}

/* Identifies the host's file. The time of birth is part of this, since an inode number is used
 * again. A device's number may change with the next boot, so the file system's id is taken where
 * there is one. */
static void host_identity(int fd, const struct stat *st, uint64_t host[4])
{
    static const fsid_t none;
    struct statx born;
    struct statfs on;

    host[0] = st->st_dev;
    if (fstatfs(fd, &on) == 0 && memcmp(&on.f_fsid, &none, sizeof(none)) != 0)
        memcpy(&host[0], &on.f_fsid, sizeof(host[0]));
    host[1] = st->st_ino;
    host[2] = host[3] = 0;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &born) == 0 && born.stx_mask & STATX_BTIME) {
        host[2] = (uint64_t)born.stx_btime.tv_sec;
        host[3] = born.stx_btime.tv_nsec;
    }
}

/* Makes an entry's id. A directory's id is made of its path alone. */
static void id_make(struct etfs_entry *entry, const char *key, size_t len, const struct stat *st)
{
    crypto_generichash_state state;
    const uint64_t window[] = {entry->windowed, entry->offset, entry->windowed ? entry->size : 0,
                               entry->type, entry->read_only};

    crypto_generichash_init(&state, NULL, 0, ETFS_ID_LEN);
    crypto_generichash_update(&state, (const uint8_t *)key, len);
    if (st != NULL) {
        uint64_t host[4];
        host_identity(entry->fd, st, host);
        crypto_generichash_update(&state, (const uint8_t *)host, sizeof(host));
        crypto_generichash_update(&state, (const uint8_t *)window, sizeof(window));
    }
    crypto_generichash_final(&state, entry->id, ETFS_ID_LEN);
}

/* --- with the lock held --- */

static struct etfs_entry *child_find(const struct etfs_entry *dir, const char *name, size_t len)
{
    struct list *item;

    list_for_each (item, &dir->children) {
        struct etfs_entry *entry = list_entry(item, struct etfs_entry, sibling);
        if (strncmp(entry->name, name, len) == 0 && entry->name[len] == '\0')
            return entry;
    }
    return NULL;
}

static void child_add(struct etfs *et, struct etfs_entry *dir, struct etfs_entry *entry)
{
    entry->parent = dir;
    entry->cookie = et->next_cookie++;
    list_remove(&entry->sibling);
    list_append(&dir->children, &entry->sibling);
    clock_gettime(CLOCK_REALTIME, &dir->changed);
}

static void entry_unref(struct etfs *et, struct etfs_entry *entry)
{
    if (--entry->refs > 0)
        return;
    list_remove(&entry->sibling);
    tdelete(entry, &et->by_id, by_id_compare);
    entry_free(entry);
}

/* Takes an entry out of the tree, and each directory that existed for that entry alone. */
static void entry_detach(struct etfs *et, struct etfs_entry *entry)
{
    while (entry->parent != NULL) {
        struct etfs_entry *dir = entry->parent;
        list_remove(&entry->sibling);
        list_append(&et->removed, &entry->sibling);
        entry->parent = NULL;
        clock_gettime(CLOCK_REALTIME, &dir->changed);
        entry_unref(et, entry);
        if (!list_empty(&dir->children))
            return;
        entry = dir;
    }
}

/* Lets the entry be found by its id. ENOMEM. */
static int id_add(struct etfs *et, struct etfs_entry *entry)
{
    return tsearch(entry, &et->by_id, by_id_compare) == NULL ? ENOMEM : 0;
}

/* Finds the directory of a key, and makes the missing ones. ENOTDIR, ENOMEM. */
static int dir_make(struct etfs *et, const char *key, struct etfs_entry **out)
{
    struct etfs_entry *dir = et->root;
    const char *at = key + 1;

    for (const char *slash; (slash = strchr(at, '/')) != NULL; at = slash + 1) {
        struct etfs_entry *next = child_find(dir, at, (size_t)(slash - at));
        if (next != NULL && next->type != VDIR)
            return ENOTDIR;
        if (next == NULL) {
            next = entry_new(at, (size_t)(slash - at), VDIR);
            if (next == NULL)
                return ENOMEM;
            id_make(next, key, (size_t)(slash - key), NULL);
            /* A client still uses a directory of that name that was removed: it comes back. */
            struct etfs_entry **known = tfind(next, &et->by_id, by_id_compare);
            if (known != NULL) {
                entry_free(next);
                next = *known;
                next->refs++;
            } else if (id_add(et, next) != 0) {
                entry_free(next);
                return ENOMEM;
            }
            child_add(et, dir, next);
        }
        dir = next;
    }
    *out = dir;
    return 0;
}

/* Removes directories that were made for a key that could not be added. */
static void dir_trim(struct etfs *et, struct etfs_entry *dir)
{
    if (dir != NULL && dir->parent != NULL && list_empty(&dir->children))
        entry_detach(et, dir);
}

static int key_add(struct etfs *et, const char *key, struct etfs_entry **entry)
{
    struct etfs_entry *dir = NULL;

    int err = dir_make(et, key, &dir);
    if (err == 0 && child_find(dir, (*entry)->name, strlen((*entry)->name)) != NULL)
        err = EEXIST;
    if (err != 0) {
        dir_trim(et, dir);
        return err;
    }
    /* The key was removed, is still used, and is now mapped as before: the old entry comes back. */
    struct etfs_entry **known = tfind(*entry, &et->by_id, by_id_compare);
    if (known != NULL) {
        (*known)->refs++;
        child_add(et, dir, *known);
        return 0;
    }
    err = id_add(et, *entry);
    if (err != 0) {
        dir_trim(et, dir);
        return err;
    }
    child_add(et, dir, *entry);
    *entry = NULL;
    return 0;
}

/* --- opening the host's file --- */

static int refuse(char *message, size_t size, const struct etfs_spec *spec, const char *why)
{
    snprintf(message, size, "%.150s: %s", spec->path, why);
    return EINVAL;
}

/* The size in bytes of the host's file or device. */
static int host_size(int fd, const struct stat *st, uint64_t *size)
{
    *size = (uint64_t)st->st_size;
    if (S_ISBLK(st->st_mode) && ioctl(fd, BLKGETSIZE64, size) != 0)
        return errno;
    return 0;
}

static int window_set(struct etfs_entry *entry, const struct etfs_spec *spec, const struct stat *st,
                      char *message, size_t size)
{
    uint64_t all = 0;
    int err = host_size(entry->fd, st, &all);

    if (err != 0)
        return err;
    entry->windowed = spec->has_offset || spec->has_size || spec->type != VREG;
    if (S_ISCHR(st->st_mode)) {
        /* A character device has no size: as a device node it needs none, as a file it gets the
         * size that the user names. */
        if (spec->as_reg && !spec->has_size)
            return refuse(message, size, spec, "a character device needs size= to be a file");
        entry->offset = spec->offset;
        entry->size = spec->size;
        return 0;
    }
    if (spec->offset > all || (spec->has_size && spec->size > all - spec->offset))
        return refuse(message, size, spec, "the window ends beyond the end");
    entry->offset = spec->offset;
    entry->size = spec->has_size ? spec->size : all - spec->offset;
    if (spec->type != VREG && entry->size % ETFS_SECTOR != 0)
        return refuse(message, size, spec, "its size is no multiple of 512: say size=");
    return 0;
}

/* Checks the type before opening, since opening a fifo or a tape has effects. */
static int host_open(const struct etfs *et, struct etfs_entry *entry, const struct etfs_spec *spec,
                     struct stat *st, char *message, size_t size)
{
    struct stat looked;

    if (stat(spec->path, &looked) != 0)
        return errno;
    bool device = S_ISBLK(looked.st_mode) || S_ISCHR(looked.st_mode);
    if (!S_ISREG(looked.st_mode) && !device)
        return refuse(message, size, spec, "neither a file nor a device");
    if (device && spec->type == VREG)
        return refuse(message, size, spec, "is a device: say type=blk or type=chr");
    if (device && spec->type != (S_ISBLK(looked.st_mode) ? VBLK : VCHR))
        return refuse(message, size, spec, "is a device of the other type");
    if (et->only_looks && S_ISCHR(looked.st_mode)) {
        *st = looked;
        return access(spec->path, spec->read_only ? R_OK : R_OK | W_OK) == 0 ? 0 : errno;
    }
    int mode = spec->read_only ? O_RDONLY : O_RDWR;
    entry->fd = open(spec->path, mode | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (entry->fd < 0 || fstat(entry->fd, st) != 0)
        return errno;
    if (S_ISREG(st->st_mode) && file_is_pseudo(entry->fd))
        return refuse(message, size, spec,
                      "is a file of proc, sysfs or the like, whose size says nothing: copy it");
    if (st->st_dev != looked.st_dev || st->st_ino != looked.st_ino)
        return refuse(message, size, spec, "was replaced just now: try again");
    entry->flush_how = flush_how_of(entry->fd);
    if (S_ISBLK(st->st_mode) || S_ISCHR(st->st_mode)) {
        entry->rdev_major = major(st->st_rdev);
        entry->rdev_minor = minor(st->st_rdev);
    }
    return 0;
}

int etfs_add(struct etfs *et, const struct etfs_spec *spec, char *message, size_t size)
{
    const char *name = strrchr(spec->key, '/') + 1;
    struct stat st = {0};

    struct etfs_entry *entry = entry_new(name, strlen(name), spec->as_reg ? VREG : spec->type);
    if (entry == NULL)
        return ENOMEM;
    entry->said = spec->type;
    entry->read_only = spec->read_only;
    entry->path = strdup(spec->path);
    int err = entry->path == NULL ? ENOMEM : cred_assume_server();
    if (err == 0)
        err = host_open(et, entry, spec, &st, message, size);
    if (err == 0)
        err = window_set(entry, spec, &st, message, size);
    if (err == 0) {
        id_make(entry, spec->key, strlen(spec->key), &st);
        pthread_rwlock_wrlock(&et->lock);
        err = key_add(et, spec->key, &entry);
        pthread_rwlock_unlock(&et->lock);
    }
    if (entry != NULL)
        entry_free(entry);
    return err;
}

int etfs_remove(struct etfs *et, const char *key, struct etfs_entry **gone)
{
    const char *why;
    int err = ENOENT;

    *gone = NULL;
    if (!etfs_key_ok(key, &why))
        return ENOENT;
    pthread_rwlock_wrlock(&et->lock);
    struct etfs_entry *entry = et->root;
    for (const char *at = key; entry != NULL && *at == '/';) {
        size_t len = strcspn(++at, "/");
        entry = child_find(entry, at, len);
        at += len;
    }
    if (entry != NULL && entry->type != VDIR) {
        entry->refs++;
        *gone = entry;
        entry_detach(et, entry);
        err = 0;
    }
    pthread_rwlock_unlock(&et->lock);
    return err;
}

void etfs_entry_put(struct etfs *et, struct etfs_entry *entry)
{
    if (entry == NULL)
        return;
    pthread_rwlock_wrlock(&et->lock);
    entry_unref(et, entry);
    pthread_rwlock_unlock(&et->lock);
}

struct etfs_entry *etfs_lingering(struct etfs *et)
{
    struct etfs_entry *found = NULL;
    struct timespec now;
    struct list *item;

    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_rwlock_wrlock(&et->lock);
    list_for_each (item, &et->removed) {
        struct etfs_entry *entry = list_entry(item, struct etfs_entry, sibling);
        if (now.tv_sec - entry->used >= LINGER_SECONDS) {
            found = entry;
            found->refs++;
            found->used = now.tv_sec; /* so the next call finds another one, if this one stays */
            break;
        }
    }
    pthread_rwlock_unlock(&et->lock);
    return found;
}

/* Only the count changes, but it is not atomic: so the write lock is taken. */
struct etfs_entry *etfs_find(struct etfs *et, const struct etfs_entry *dir, const char *name)
{
    pthread_rwlock_wrlock(&et->lock);
    struct etfs_entry *entry =
        strcmp(name, "..") == 0 ? dir->parent : child_find(dir, name, strlen(name));
    if (entry != NULL)
        entry->refs++;
    pthread_rwlock_unlock(&et->lock);
    return entry;
}

struct etfs_entry *etfs_find_id(struct etfs *et, const uint8_t id[ETFS_ID_LEN])
{
    struct etfs_entry key;

    memcpy(key.id, id, ETFS_ID_LEN);
    pthread_rwlock_wrlock(&et->lock);
    struct etfs_entry **found = tfind(&key, &et->by_id, by_id_compare);
    if (found != NULL)
        (*found)->refs++;
    pthread_rwlock_unlock(&et->lock);
    return found != NULL ? *found : NULL;
}

static void walk(const struct etfs_entry *dir, char *key, size_t len,
                 void (*each)(const struct etfs_entry *entry, const char *key, void *arg),
                 void *arg)
{
    struct list *item;

    list_for_each (item, &dir->children) {
        const struct etfs_entry *entry = list_entry(item, struct etfs_entry, sibling);
        size_t n = strlen(entry->name);
        key[len] = '/';
        memcpy(key + len + 1, entry->name, n + 1);
        if (entry->type == VDIR)
            walk(entry, key, len + 1 + n, each, arg);
        else
            each(entry, key, arg);
    }
}

void etfs_walk(struct etfs *et,
               void (*each)(const struct etfs_entry *entry, const char *key, void *arg), void *arg)
{
    char key[VPATH_MAX + VNAME_MAX + 2];

    pthread_rwlock_rdlock(&et->lock);
    walk(et->root, key, 0, each, arg);
    pthread_rwlock_unlock(&et->lock);
}

int etfs_tree_init(struct etfs *et)
{
    pthread_rwlock_init(&et->lock, NULL);
    list_init(&et->removed);
    et->next_cookie = VCOOKIE_FIRST;
    et->root = entry_new("", 0, VDIR);
    if (et->root == NULL)
        return ENOMEM;
    id_make(et->root, "", 0, NULL);
    return id_add(et, et->root);
}

static void dir_finish(struct etfs *et, struct etfs_entry *dir)
{
    struct list *item;

    while ((item = list_pop(&dir->children)) != NULL) {
        struct etfs_entry *entry = list_entry(item, struct etfs_entry, sibling);
        if (entry->type == VDIR)
            dir_finish(et, entry);
        entry->parent = NULL;
        entry_unref(et, entry);
    }
}

void etfs_tree_finish(struct etfs *et)
{
    if (et->root != NULL) {
        dir_finish(et, et->root);
        entry_unref(et, et->root);
    }
    et->root = NULL;
    pthread_rwlock_destroy(&et->lock);
}
