/*
 * window.c - lists directories whose positions mean nothing in a later opening.
 *
 * On FUSE, on overlayfs, and wherever nothing is known (mount->below->positions_last is false), the
 * kernel's position after an entry holds only while the directory stays open. A page that began at
 * such a position in another opening would lose or repeat names when others come or go. Names are
 * therefore listed in the order of their hashes, and a cookie is made of the hash of a name. Where
 * to go on from a cookie depends on nothing that was opened or remembered, also after a restart of
 * the server. Each page would need the whole directory to be read, so what was read is kept for
 * some seconds: all of it, or a window of it where the directory is large. A listing that begins
 * (cookie 0) always reads anew.
 *
 * A hash has 59 bits, of which 32 come first in the order. Clients may use only the lower half of a
 * cookie, so that half is unique in a directory, too. The bits of a cookie:
 *     0 to 31    the first 32 bits of the hash, plus the shift
 *     32 to 58   the other 27 bits of the hash
 *     59 to 62   the shift: what was added so that no two names have equal lower halves;
 *                0 but for one name in thousands
 *
 * Called by dir.c. Owns the windows: at most WINDOWS, and CACHED_BYTES. `lock` guards the list and
 * the counts of users. The content of a window does not change once it is on the list.
 */
#include "window.h"
#include "base/list.h"
#include "fs/hostfs/locate/locate.h"
#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOW_BITS  27
#define LOW_MASK  (((uint64_t)1 << LOW_BITS) - 1)
#define HASH_LAST (((uint64_t)1 << (32 + LOW_BITS)) - 1)
#define SHIFT_AT  59
#define SHIFT_MAX 15

/* How many names of one directory are kept. Twice as many are read before the second half is
 * dropped. */
#define KEPT         65536
#define WINDOWS      16
#define CACHED_BYTES ((size_t)64 << 20)
/* What was read is used for FRESH_NS, or for FRESH_FOR times the time that reading it took,
 * whichever is longer. */
#define FRESH_NS  5000000000
#define FRESH_FOR 4
/* No real directory has more names; a broken FUSE file system may list names without end. */
#define ENTRIES_MAX 20000000u
#define SCAN_BYTES  131072
/* After this many entries the thread announces that it sleeps, so that other calls go on. */
#define LONG_ENTRIES 4096

struct name {
    uint64_t hash;
    uint64_t ino;
    uint32_t at; /* in `names` */
    uint8_t type;
    uint8_t shift;
};

struct hostfs_window {
    struct list link; /* guarded by lock; the most recently used first */
    unsigned users;   /* guarded by lock; the list counts as a user */
    bool kept;        /* guarded by lock: on the list */
    uint32_t serial;  /* serial of the export's own mount, which identifies the file system */
    struct vnode_id dir;
    /* hash of the caller's credential: a FUSE may give each caller another answer */
    uint64_t caller;
    int64_t good_until;
    uint64_t from; /* all names with hashes from `from` to `to` are here */
    uint64_t to;
    size_t count, room;
    struct name *entries;
    char *names;
    size_t used, size;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list windows = LIST_INIT(windows); /* guarded by lock */
static size_t window_count, window_bytes;        /* guarded by lock */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return hostfs_ns(now.tv_sec, (uint32_t)now.tv_nsec);
}

/* The key is public and never changes: cookies outlive the server. */
static uint64_t name_hash(const char *name, size_t len)
{
    static const unsigned char key[crypto_shorthash_KEYBYTES + 1] = "loopnfs listings";
    uint64_t hash;

    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)name, len, key);
    uint64_t first = hash & UINT32_MAX;
    if (first < VCOOKIE_FIRST)
        first = VCOOKIE_FIRST;
    if (first > UINT32_MAX - SHIFT_MAX)
        first = UINT32_MAX - SHIFT_MAX;
    return first << LOW_BITS | (hash >> 32 & LOW_MASK);
}

/* The lower half of a name's cookie, which some clients use alone. */
static uint64_t lower_half(const struct name *name)
{
    return (name->hash >> LOW_BITS) + name->shift;
}

static uint64_t cookie_of(const struct name *name)
{
    return (uint64_t)name->shift << SHIFT_AT | (name->hash & LOW_MASK) << 32 | lower_half(name);
}

static uint64_t hash_of(uint64_t cookie)
{
    uint64_t first = (uint32_t)((cookie & UINT32_MAX) - (cookie >> SHIFT_AT));
    return first << LOW_BITS | (cookie >> 32 & LOW_MASK);
}

/* Whether the name comes after the one that had this cookie. */
static bool is_after(const struct name *name, uint64_t cookie)
{
    uint64_t hash = hash_of(cookie);
    return name->hash > hash || (name->hash == hash && name->shift > cookie >> SHIFT_AT);
}

/* --- reading --- */

static int by_hash(const void *a, const void *b, void *names)
{
    const struct name *left = a, *right = b;

    if (left->hash != right->hash)
        return left->hash < right->hash ? -1 : 1;
    return strcmp((char *)names + left->at, (char *)names + right->at);
}

/* Sorts the names, and drops those that the file system listed twice. */
static void window_sort(struct hostfs_window *w)
{
    size_t kept = 0;

    if (w->count == 0)
        return;
    qsort_r(w->entries, w->count, sizeof(w->entries[0]), by_hash, w->names);
    for (size_t i = 0; i < w->count; i++) {
        const struct name *last = kept > 0 ? &w->entries[kept - 1] : NULL;
        if (!last || strcmp(w->names + last->at, w->names + w->entries[i].at) != 0)
            w->entries[kept++] = w->entries[i];
    }
    w->count = kept;
}

/* Gives each name of a sorted window its shift. */
static void window_shift(struct hostfs_window *w)
{
    for (size_t i = 1; i < w->count; i++) {
        struct name *name = &w->entries[i];
        uint64_t last = lower_half(&w->entries[i - 1]);
        while (lower_half(name) <= last && name->shift < SHIFT_MAX)
            name->shift++;
    }
}

/* Keeps the first KEPT names or a few less, so that names of one hash stay together. Names with
 * higher hashes are not taken from now on. */
static int window_trim(struct hostfs_window *w)
{
    size_t used = 0;

    window_sort(w);
    if (w->count <= KEPT)
        return 0;
    size_t kept = KEPT;
    while (kept > 1 && w->entries[kept].hash == w->entries[kept - 1].hash)
        kept--;
    w->count = kept;
    w->to = w->entries[kept - 1].hash;
    char *names = malloc(w->size);
    if (!names)
        return ENOMEM;
    for (size_t i = 0; i < kept; i++) {
        size_t len = strlen(w->names + w->entries[i].at) + 1;
        memcpy(names + used, w->names + w->entries[i].at, len);
        w->entries[i].at = (uint32_t)used;
        used += len;
    }
    free(w->names);
    w->names = names;
    w->used = used;
    return 0;
}

static int window_reserve(struct hostfs_window *w, size_t len)
{
    if (w->count == w->room) {
        size_t room = w->room ? w->room * 2 : 256;
        void *grown = reallocarray(w->entries, room, sizeof(w->entries[0]));
        if (!grown)
            return ENOMEM;
        w->entries = grown;
        w->room = room;
    }
    if (w->size - w->used < len) {
        size_t size = w->size ? w->size * 2 : 8192;
        void *grown = realloc(w->names, size);
        if (!grown)
            return ENOMEM;
        w->names = grown;
        w->size = size;
    }
    return 0;
}

static int window_add(struct hostfs_window *w, const struct dirent64 *entry)
{
    size_t len = strlen(entry->d_name);
    uint64_t hash = name_hash(entry->d_name, len);

    if (hash < w->from || hash > w->to)
        return 0;
    int err = w->count == 2 * KEPT ? window_trim(w) : 0;
    if (err != 0 || hash > w->to)
        return err;
    err = window_reserve(w, len + 1);
    if (err != 0)
        return err;
    w->entries[w->count++] = (struct name){
        .hash = hash, .ino = entry->d_ino, .at = (uint32_t)w->used, .type = entry->d_type};
    memcpy(w->names + w->used, entry->d_name, len + 1);
    w->used += len + 1;
    return 0;
}

static int add_all(struct hostfs_window *w, struct vnode *dir, const char *buf, ssize_t size)
{
    int err = 0;

    for (ssize_t at = 0; at < size && err == 0;) {
        const struct dirent64 *entry = (const void *)(buf + at);
        at += entry->d_reclen;
        if (hostfs_may_list(dir, entry->d_name))
            err = window_add(w, entry);
    }
    return err;
}

static int window_read(struct hostfs_window *w, struct vnode *dir, int fd)
{
    char *buf = malloc(SCAN_BYTES);
    int err = buf ? 0 : ENOMEM;
    uint64_t read = 0;

    while (err == 0) {
        ssize_t got = getdents64(fd, buf, SCAN_BYTES);
        if (got == 0)
            break;
        err = got < 0 ? errno : add_all(w, dir, buf, got);
        read += got > 0 ? (uint64_t)got / sizeof(struct dirent64) + 1 : 0;
        if (read > LONG_ENTRIES)
            vfs_will_sleep();
        if (read > ENTRIES_MAX)
            err = EIO;
    }
    free(buf);
    if (err == 0)
        err = window_trim(w);
    window_shift(w);
    return err == ENOENT ? ESTALE : err;
}

/* --- those that are kept --- */

static size_t bytes_of(const struct hostfs_window *w)
{
    return sizeof(*w) + w->room * sizeof(w->entries[0]) + w->size;
}

static void window_free(struct hostfs_window *w)
{
    free(w->entries);
    free(w->names);
    free(w);
}

/* To be called with the lock held. */
static void window_drop(struct hostfs_window *w)
{
    list_remove(&w->link);
    w->kept = false;
    window_count--;
    window_bytes -= bytes_of(w);
    if (--w->users == 0)
        window_free(w);
}

static bool is_of(const struct hostfs_window *w, const struct hostfs_window *key)
{
    return w->serial == key->serial && w->caller == key->caller &&
           hostfs_id_equal(&w->dir, &key->dir);
}

static bool has_next(const struct hostfs_window *w, uint64_t cookie)
{
    return hash_of(cookie) >= w->from &&
           (w->to == HASH_LAST || (w->count > 0 && is_after(&w->entries[w->count - 1], cookie)));
}

/* Finds a window that has the names behind the cookie, with a use for the caller; NULL: there is
 * none. Drops windows that are too old. */
static struct hostfs_window *window_find(const struct hostfs_window *key, uint64_t cookie)
{
    struct hostfs_window *found = NULL;
    struct list *pos, *next;
    int64_t now = now_ns();

    pthread_mutex_lock(&lock);
    list_for_each_safe (pos, next, &windows) {
        struct hostfs_window *w = list_entry(pos, struct hostfs_window, link);
        if (!is_of(w, key))
            continue;
        if (cookie == 0 || now > w->good_until)
            window_drop(w);
        else if (has_next(w, cookie))
            found = w;
    }
    if (found) {
        found->users++;
        list_remove(&found->link);
        list_insert_after(&windows, &found->link);
    }
    pthread_mutex_unlock(&lock);
    return found;
}

int hostfs_window_get(const struct vctx *ctx, struct vnode *dir, int fd, uint64_t cookie,
                      struct hostfs_window **out)
{
    struct hostfs_window key = {.serial = hostfs_of(dir)->own.serial,
                                .caller = ctx->cred->hash,
                                .from = cookie ? hash_of(cookie) : 0,
                                .to = HASH_LAST,
                                .users = 1};

    key.dir.len = dir->id_len;
    memcpy(key.dir.bytes, dir->id, dir->id_len);
    *out = window_find(&key, cookie);
    if (*out)
        return 0;
    struct hostfs_window *w = malloc(sizeof(*w));
    if (!w)
        return ENOMEM;
    *w = key;
    int64_t begun = now_ns();
    int err = lseek(fd, 0, SEEK_SET) < 0 ? errno : window_read(w, dir, fd);
    if (err != 0) {
        window_free(w);
        return err;
    }
    int64_t now = now_ns();
    int64_t good = (now - begun) * FRESH_FOR;
    w->good_until = now + (good > FRESH_NS ? good : FRESH_NS);
    *out = w;
    return 0;
}

bool hostfs_window_next(const struct hostfs_window *w, uint64_t cookie, size_t *index,
                        struct hostfs_listed *out)
{
    if (*index == SIZE_MAX) {
        size_t low = 0, high = w->count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (is_after(&w->entries[middle], cookie))
                high = middle;
            else
                low = middle + 1;
        }
        *index = low;
    }
    if (*index >= w->count)
        return false;
    const struct name *name = &w->entries[(*index)++];
    *out = (struct hostfs_listed){.name = w->names + name->at,
                                  .fileid = name->ino,
                                  .cookie = cookie_of(name),
                                  .type = name->type};
    return true;
}

bool hostfs_window_is_last(const struct hostfs_window *w)
{
    return w->to == HASH_LAST;
}

/* To be called with the lock held. */
static void window_keep(struct hostfs_window *w)
{
    list_insert_after(&windows, &w->link);
    w->kept = true;
    w->users++;
    window_count++;
    window_bytes += bytes_of(w);
    while (window_count > WINDOWS || window_bytes > CACHED_BYTES)
        window_drop(list_entry(windows.prev, struct hostfs_window, link));
}

void hostfs_window_put(struct hostfs_window *w, bool more)
{
    pthread_mutex_lock(&lock);
    if (more && !w->kept && now_ns() <= w->good_until)
        window_keep(w);
    bool last = --w->users == 0;
    pthread_mutex_unlock(&lock);
    if (last)
        window_free(w);
}

static void drop_windows(uint32_t serial, int64_t now)
{
    struct list *pos, *next;

    pthread_mutex_lock(&lock);
    list_for_each_safe (pos, next, &windows) {
        struct hostfs_window *w = list_entry(pos, struct hostfs_window, link);
        if (w->serial == serial || now > w->good_until)
            window_drop(w);
    }
    pthread_mutex_unlock(&lock);
}

void hostfs_windows_tick(void)
{
    drop_windows(0, now_ns());
}

void hostfs_windows_finish(const struct hostfs *h)
{
    drop_windows(h->own.serial, 0);
}
