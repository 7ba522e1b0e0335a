/*
 * dir.c - lists directories.
 *
 * Each call opens a descriptor of its own, since a descriptor's position is shared state. It is
 * opened as the caller, so that the kernel checks the caller's right to read. Where the file system
 * below keeps positions valid when other entries come and go, and in later openings, a cookie is
 * the kernel's position after an entry (d_off). Elsewhere it is a hash of the entry's name
 * (window.c).
 */
#include "base/cred.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "fs/hostfs/locate/locate.h"
#include "fs/hostfs/locate/named.h"
#include "window.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES 32768
/* Bytes of the smallest buffer: a bit more than the kernel needs for a name of 255 bytes. */
#define BUFFER_LEAST 512
/* The kernel needs ENTRY_BYTES for an entry with a name of up to NAME_BYTES. */
#define ENTRY_BYTES 32
#define NAME_BYTES  12

/* Positions 0 to 2 can't be cookies. They are mapped to the last positions but one, which no
 * file system uses: ext4's hashes end before them, and btrfs and ext4 use the very last one for
 * the end. */
static uint64_t cookie_of(int64_t position)
{
    uint64_t cookie = (uint64_t)position & INT64_MAX;
    return cookie < VCOOKIE_FIRST ? (uint64_t)INT64_MAX - 1 - cookie : cookie;
}

static int64_t position_of(uint64_t cookie)
{
    if (cookie == 0)
        return 0;
    if (cookie >= (uint64_t)INT64_MAX - VCOOKIE_FIRST && cookie < INT64_MAX)
        return (int64_t)(INT64_MAX - 1 - cookie);
    return (int64_t)cookie;
}

static enum vtype type_of(unsigned char type)
{
    static const enum vtype types[] = {
        [DT_FIFO] = VFIFO, [DT_CHR] = VCHR, [DT_DIR] = VDIR,  [DT_BLK] = VBLK,
        [DT_REG] = VREG,   [DT_LNK] = VLNK, [DT_SOCK] = VSOCK};
    return type < sizeof(types) / sizeof(types[0]) ? types[type] : VNON;
}

/* Opens a directory that the caller may read but not search: opening "." in it would take the right
 * to search. Opening it by /proc takes only the right to read, which the kernel checks. */
static int open_unsearchable(int path_fd, int *fd)
{
    struct hostfs_proc_path link;
    hostfs_proc_path(&link, path_fd);
    *fd = open(link.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? errno : 0;
}

static int open_listing(const struct vctx *ctx, struct vnode *dir, int *fd)
{
    int path_fd;
    int err = hostfs_enter(ctx, dir, &path_fd);
    if (err != 0)
        return err;
    *fd = openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd >= 0)
        return 0;
    if (errno == EACCES)
        return open_unsearchable(path_fd, fd);
    return hostfs_name_error(dir, path_fd, errno);
}

/* The log tells of a directory with a name too long for clients once in TOLD_S seconds. Hashes of
 * the directories that were told are in TOLD slots. */
#define TOLD   64
#define TOLD_S 3600

static void tell_long_name(struct vnode *dir, const char *name)
{
    static _Atomic uint64_t told[TOLD];
    static struct log_limit limit;
    char quoted[TEXT_QUOTED(64)], begin[65];
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    uint64_t hash = hash_bytes(dir->id, dir->id_len, (uint64_t)(now.tv_sec / TOLD_S)) | 1;
    if (atomic_exchange(&told[hash / 2 % TOLD], hash) == hash || !log_limit_allows(&limit))
        return;
    snprintf(begin, sizeof(begin), "%s", name);
    text_quote(quoted, sizeof(quoted), begin);
    log_warning("hostfs %s: directory %llu holds a name of %zu bytes (%s...): NFS clients take %d, "
                "so it is not listed",
                dir->fs->source, (unsigned long long)hostfs_node(dir)->ino, strlen(name), quoted,
                VNAME_MAX);
}

/* A directory that is being listed. */
struct listing {
    const struct vctx *ctx;
    struct vnode *dir;
    int fd;
    bool plus;   /* attributes of the entries are wanted, too */
    bool closed; /* the caller may not search the directory, so nothing in it can be looked up */
};

/* The inode number in listings of FUSE's library where the daemon gives none. */
#define NO_NUMBER 0xffffffffu

/* Whether the number of an entry in the kernel's listing may differ from that in its attributes: a
 * mount point or a subvolume may be there, or numbers do not identify objects here. */
static bool number_is_doubtful(const struct listing *list, unsigned char type, uint64_t number)
{
    const struct hostfs_mount *mount = hostfs_node(list->dir)->mount;

    if (mount->named && (!mount->numbers || number == 0 || number == NO_NUMBER))
        return true;
    return (type == DT_DIR || type == DT_UNKNOWN) &&
           (hostfs_of(list->dir)->crossmnt || mount->below->part_bytes);
}

/* The fileid of an entry, which must equal the one in its attributes. */
static uint64_t fileid_of(struct listing *list, const char *name, unsigned char type,
                          uint64_t number)
{
    struct vnode *dir = list->dir;
    const struct hostfs_mount *mount = hostfs_node(dir)->mount;
    struct vnode_id id;
    struct vattr attr;
    int err = EACCES;

    const struct hostfs_place place = hostfs_place_in(dir, name);

    if (mount->named && (type != DT_DIR || !hostfs_of(dir)->crossmnt) &&
        hostfs_named_fileid(hostfs_of(dir), mount, &place, &attr.fileid))
        return attr.fileid;
    if (!list->closed && number_is_doubtful(list, type, number))
        err = hostfs_getattr_at_fd(list->ctx, list->dir, list->fd, name, &id, &attr);
    if (err == 0)
        return attr.fileid;
    return hostfs_fileid(mount, number, hostfs_part(mount, dir->id, dir->id_len));
}

bool hostfs_may_list(struct vnode *dir, const char *name)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    if (hostfs_name_fits(name))
        return true;
    tell_long_name(dir, name);
    return false;
}

/* Adds an entry. False: it did not fit. */
static bool add_entry(struct listing *list, const struct hostfs_listed *entry,
                      struct vdirents *page)
{
    enum vtype type = type_of(entry->type);
    size_t len = strlen(entry->name);

    if (!list->plus) {
        uint64_t fileid = fileid_of(list, entry->name, entry->type, entry->fileid);
        return vdirents_add(page, fileid, entry->cookie, type, entry->name, len);
    }
    /* The entry takes its place first: one that does not fit is not looked up. */
    struct vdirent *added = (struct vdirent *)(void *)(page->buf + page->used);
    struct vdirent_plus *plus =
        vdirents_add_plus(page, entry->fileid, entry->cookie, type, entry->name, len);
    if (!plus)
        return false;
    int err =
        hostfs_getattr_at_fd(list->ctx, list->dir, list->fd, entry->name, &plus->id, &plus->attr);
    hostfs_point_leave(list->dir); /* the next entry is on the directory's own disk again */
    if (err != 0)
        *plus = (struct vdirent_plus){0};
    /* EACCES: the caller may not search the directory, so no other entry is looked up. */
    list->closed = err == EACCES;
    list->plus = !list->closed;
    added->fileid =
        err != 0 ? fileid_of(list, entry->name, entry->type, entry->fileid) : plus->attr.fileid;
    return true;
}

/* Adds entries; false where one did not fit. */
static bool add_entries(struct listing *list, const char *buf, ssize_t size, struct vdirents *page)
{
    for (ssize_t at = 0; at < size;) {
        const struct dirent64 *entry = (const void *)(buf + at);
        at += entry->d_reclen;
        if (list->plus && at < size)
            hostfs_ident_fetch(hostfs_node(list->dir)->mount,
                               ((const struct dirent64 *)(const void *)(buf + at))->d_ino);
        struct hostfs_listed listed = {.name = entry->d_name,
                                       .fileid = entry->d_ino,
                                       .cookie = cookie_of(entry->d_off),
                                       .type = entry->d_type};
        if (hostfs_may_list(list->dir, entry->d_name) && !add_entry(list, &listed, page))
            return false;
    }
    return true;
}

/* How many bytes to ask the kernel for: entries for which the page has no room would be read again
 * by the next call. An entry takes about as much room in the page as in the kernel's buffer. */
static size_t worth_reading(const struct vdirents *page)
{
    size_t bytes = page->size - page->used;

    if (page->plus)
        bytes = bytes / (ENTRY_BYTES + sizeof(struct vdirent_plus)) * ENTRY_BYTES;
    if (page->each && page->room / (page->each + NAME_BYTES) * ENTRY_BYTES < bytes)
        bytes = page->room / (page->each + NAME_BYTES) * ENTRY_BYTES;
    if (page->max && (size_t)(page->max - page->count) * ENTRY_BYTES < bytes)
        bytes = (size_t)(page->max - page->count) * ENTRY_BYTES;
    if (bytes < BUFFER_LEAST)
        return BUFFER_LEAST;
    return bytes < BUFFER_BYTES ? bytes : BUFFER_BYTES;
}

/* Reads entries into `size` bytes of the buffer. The kernel says EINVAL also where not even one
 * entry fits, because its name is longer than clients can take; a whole buffer is tried in that
 * case. */
static ssize_t read_entries(int fd, char buf[BUFFER_BYTES], size_t size)
{
    ssize_t got = getdents64(fd, buf, size);

    if (got < 0 && errno == EINVAL && size < BUFFER_BYTES)
        got = getdents64(fd, buf, BUFFER_BYTES);
    return got;
}

/* Lists by the kernel's positions. */
static int list_by_position(struct listing *list, uint64_t cookie, struct vdirents *page)
{
    char buf[BUFFER_BYTES] __attribute__((aligned(8)));

    if (cookie && lseek(list->fd, position_of(cookie), SEEK_SET) < 0)
        return errno == EINVAL ? VFS_EBADCOOKIE : errno;
    for (;;) {
        ssize_t got = read_entries(list->fd, buf, worth_reading(page));
        if (got < 0)
            return errno == EINVAL ? VFS_EBADCOOKIE : errno == ENOENT ? ESTALE : errno;
        page->eof = got == 0;
        if (got == 0 || !add_entries(list, buf, got, page))
            return 0;
    }
}

/* Lists in the order of the names' hashes (window.c). */
static int list_by_hash(struct listing *list, uint64_t cookie, struct vdirents *page)
{
    struct hostfs_window *window;
    struct hostfs_listed entry;
    bool fits = true;

    for (;;) {
        size_t index = SIZE_MAX;
        int err = hostfs_window_get(list->ctx, list->dir, list->fd, cookie, &window);
        if (err != 0)
            return err;
        while (fits && hostfs_window_next(window, cookie, &index, &entry)) {
            fits = add_entry(list, &entry, page);
            if (fits)
                cookie = entry.cookie;
        }
        page->eof = fits && hostfs_window_is_last(window);
        hostfs_window_put(window, !page->eof);
        if (!fits || page->eof)
            return 0;
    }
}

int hostfs_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie,
                   struct vdirents *page)
{
    int fd;

    page->eof = false;
    if (hostfs_is_hidden(dir)) {
        page->eof = true;
        return 0;
    }
    int err = open_listing(ctx, dir, &fd);
    if (err != 0)
        return err;
    struct listing list = {.ctx = ctx, .dir = dir, .fd = fd, .plus = page->plus};
    err = hostfs_node(dir)->mount->below->positions_last ? list_by_position(&list, cookie, page)
                                                         : list_by_hash(&list, cookie, page);
    close(fd);
    return err;
}
