/*
 * reconnect.c - looks for an object that is no longer where the handle table says.
 *
 * Called by resolve.c, as the server. It searches one directory first and, as the last resort, the
 * whole export, breadth first. A client full of stale handles must not keep the disk busy: a walk
 * is bounded in entries and in time, one walk runs at a time, walks take half of the time at most,
 * and an id that was not found is not looked for again for a while.
 */
#include "base/cred.h"
#include "base/hash.h"
#include "fs/hostfs/locate/locate.h"
#include "fs/hostfs/locate/named.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WALK_ENTRIES   500000
#define WALK_NS        3000000000 /* 3 s */
#define CREDIT_NS      6000000000
#define LOST_NS        30000000000
#define SCAN_BYTES     32768
#define DIRS_PER_CLOCK 16

/* A directory that is still to be searched, by its path relative to the root. */
struct pending {
    struct pending *next;
    char path[];
};

struct search {
    struct hostfs *h;
    const struct vnode_id *id;
    uint64_t ino; /* 0: unknown */
    char *name;   /* receives the name under which it was found; VNAME_MAX + 1 bytes */
    /* For a walk only, else NULL and 0: */
    const char *path;
    struct pending **tail;
    uint64_t entries;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return hostfs_ns(now.tv_sec, (uint32_t)now.tv_nsec);
}

/* Adds a subdirectory at the end of the walk. */
static int add_pending(struct search *search, const char *name)
{
    size_t size = strlen(search->path) + strlen(name) + 2;
    if (size > PATH_MAX)
        return 0;
    struct pending *dir = malloc(sizeof(*dir) + size);
    if (!dir)
        return ENOMEM;
    char *end = stpcpy(dir->path, search->path);
    if (*search->path)
        *end++ = '/';
    strcpy(end, name);
    dir->next = NULL;
    *search->tail = dir;
    search->tail = &dir->next;
    return 0;
}

static bool is_it(struct search *search, int dirfd, const char *name)
{
    struct hostfs_object object;
    int err;

    if (search->id->bytes[0] != ID_NAMED)
        return hostfs_identify(search->h, cred_server(), NULL, NULL, dirfd, name, &object) == 0 &&
               hostfs_id_equal(&object.id, search->id);
    int fd = openat(dirfd, name, HOST_O_PATH);
    if (fd < 0)
        return false;
    err = hostfs_named_check(search->h, search->id, fd, false, &object);
    close(fd);
    return err == 0;
}

/* Looks at one entry. 0: it is the object; ENOENT: it is not. */
static int look_at(struct search *search, int fd, const struct dirent64 *entry)
{
    search->entries++;
    if (search->tail && (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN)) {
        int err = add_pending(search, entry->d_name);
        if (err != 0)
            return err;
    }
    if (!hostfs_name_fits(entry->d_name) || (search->ino && entry->d_ino != search->ino) ||
        !is_it(search, fd, entry->d_name))
        return ENOENT;
    memcpy(search->name, entry->d_name, strlen(entry->d_name) + 1);
    return 0;
}

/* Looks at every entry of the directory open at fd. */
static int scan(struct search *search, int fd)
{
    char *buf = malloc(SCAN_BYTES);
    int err = buf ? ENOENT : ENOMEM;

    while (err == ENOENT) {
        ssize_t got = getdents64(fd, buf, SCAN_BYTES);
        if (got <= 0)
            break;
        for (ssize_t at = 0; at < got && err == ENOENT;) {
            const struct dirent64 *entry = (void *)(buf + at);
            at += entry->d_reclen;
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                err = look_at(search, fd, entry);
        }
    }
    free(buf);
    return err;
}

/* The inode number that listings give for the object; 0: unknown. */
static uint64_t number_of(const struct vnode_id *id, uint64_t ino)
{
    return id->bytes[0] == ID_NAMED ? 0 : ino;
}

int hostfs_reconnect_in(struct hostfs *h, int dirfd, const struct vnode_id *id, uint64_t ino,
                        char name[VNAME_MAX + 1])
{
    struct search search = {.h = h, .id = id, .ino = number_of(id, ino), .name = name};
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ENOENT;
    int err = scan(&search, fd);
    close(fd);
    return err;
}

/* Opens a directory by its path relative to the root. No part of the path may be a link or, without
 * crossmnt, a mount. */
static int open_below(struct hostfs *h, const char *path)
{
    struct open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
        .resolve =
            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | (h->crossmnt ? 0 : (uint64_t)RESOLVE_NO_XDEV),
    };
    int root_fd;
    int err = hostfs_hold(h, &h->own, &root_fd);
    if (err != 0) {
        errno = err;
        return -1;
    }
    int fd = (int)syscall(SYS_openat2, root_fd, *path ? path : ".", &how, sizeof(how));
    hostfs_drop(&h->own);
    return fd;
}

/* Goes one directory down: to row->name; *at becomes the descriptor of that directory. */
static int way_step(struct hostfs *h, struct hostfs_row *row, struct vnode_id *last, int *at)
{
    const struct hostfs_place place = {.dir = last->bytes, .dir_len = last->len, .name = row->name};
    struct hostfs_object object;
    struct statx st;
    struct hostfs_table *table = hostfs_table(h);
    int fd = openat(*at, row->name, O_DIRECTORY | HOST_O_PATH);

    if (fd < 0)
        return errno;
    close(*at);
    *at = fd;
    int err = hostfs_identify(h, cred_server(), NULL, &place, fd, "", &object);
    if (err == 0)
        err = hostfs_statx(fd, "", &st);
    if (err != 0)
        return err;
    row->parent = *last;
    row->ino = st.stx_ino;
    if (table && hostfs_needs_table(h, &object.id))
        hostfs_table_put(table, h->fs->fsid, &object.id, row);
    *last = object.id;
    return object.mount ? 0 : ENOENT;
}

/* Finds the id of the directory at a path relative to the root. The table learns the directories on
 * the way. */
static int record_way(struct hostfs *h, const char *path, struct vnode_id *last)
{
    struct hostfs_row row;
    int at = -1;
    int err = hostfs_hold_copy(h, &at);

    *last = h->root_id;
    for (const char *end = path; err == 0 && *end; end += *end == '/') {
        const char *name = end;
        end = strchrnul(name, '/');
        /* Objects below a directory whose name is too long for a row can't be found by the
         * table. */
        err = hostfs_row_name(&row, name, (size_t)(end - name)) ? way_step(h, &row, last, &at)
                                                                : ENOENT;
    }
    if (at >= 0)
        close(at);
    return err;
}

/* Searches one directory of the walk, and fills in the row where it finds the object. */
static int walk_dir(struct search *search, struct hostfs_row *row)
{
    struct statx st;
    int fd = open_below(search->h, search->path);
    if (fd < 0)
        return errno == ENOMEM || errno == EMFILE || errno == ENFILE ? errno : ENOENT;
    int err = scan(search, fd);
    if (err == 0)
        err = hostfs_statx(fd, row->name, &st);
    if (err == 0)
        err = record_way(search->h, search->path, &row->parent);
    if (err == 0)
        row->ino = st.stx_ino;
    close(fd);
    return err;
}

/* Walks the whole export. ENOENT: the object is not there; ESTALE: a bound was reached. */
static int walk(struct hostfs *h, const struct vnode_id *id, uint64_t ino, int64_t deadline,
                struct hostfs_row *row)
{
    struct pending *first = NULL, *dir;
    struct search search = {
        .h = h, .id = id, .ino = number_of(id, ino), .name = row->name, .tail = &first};
    search.path = "";
    int err = add_pending(&search, "");

    for (unsigned dirs = 1; err == 0 || err == ENOENT; dirs++) {
        dir = first;
        if (!dir)
            break;
        search.path = dir->path;
        err = walk_dir(&search, row);
        first = dir->next;
        if (!first)
            search.tail = &first;
        free(dir);
        if (err == ENOENT &&
            (search.entries > WALK_ENTRIES || (dirs % DIRS_PER_CLOCK == 0 && now_ns() > deadline)))
            err = ESTALE;
        if (err == 0)
            break;
    }
    while (first) {
        dir = first->next;
        free(first);
        first = dir;
    }
    return err;
}

/* Whether a walk may begin: half of the time that passes is credit for walks. h->walk_paid is 0 at
 * first, so the first walk has credit. reconnect_lock is held. */
static bool may_walk(struct hostfs *h, int64_t now)
{
    h->walk_credit += (now - h->walk_paid) / 2;
    h->walk_paid = now;
    if (h->walk_credit > CREDIT_NS)
        h->walk_credit = CREDIT_NS;
    return h->walk_credit > 0;
}

int hostfs_reconnect_walk(struct hostfs *h, const struct vnode_id *id, uint64_t ino,
                          struct hostfs_row *row)
{
    uint64_t hash = hash_bytes(id->bytes, id->len, 0);
    size_t slot = hash % (sizeof(h->lost) / sizeof(h->lost[0]));

    vfs_will_sleep();
    /* A walk takes no longer than this, unless it hangs in a file system that is mounted below the
     * export. */
    int64_t start = now_ns(), until = start + WALK_NS + WALK_NS / 4;
    const struct timespec end_of_patience = {.tv_sec = until / 1000000000,
                                             .tv_nsec = until % 1000000000};
    int err = pthread_mutex_clocklock(&h->reconnect_lock, CLOCK_MONOTONIC, &end_of_patience);
    if (err != 0)
        return VFS_EJUKEBOX;
    start = now_ns();
    if (h->lost[slot].id_hash == hash && start < h->lost[slot].until) {
        err = ESTALE;
    } else if (!may_walk(h, start)) {
        err = VFS_EJUKEBOX;
    } else {
        err = walk(h, id, ino, start + WALK_NS, row);
        int64_t end = now_ns();
        h->walk_credit -= end - start;
        if (err == ENOENT || err == ESTALE) {
            h->lost[slot].id_hash = hash;
            h->lost[slot].until = end + LOST_NS;
            err = ESTALE;
        }
    }
    pthread_mutex_unlock(&h->reconnect_lock);
    return err;
}
