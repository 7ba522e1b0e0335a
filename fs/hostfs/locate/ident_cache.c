/*
 * ident_cache.c - which node an object is, told by its inode number and its birth time.
 *
 * One statx() of a name gives attributes and these two. That spares the system call that asks for
 * the kernel's handle, and the check that both results are about one object. lookup.c asks here
 * before it asks the kernel, and notes here what the kernel told it.
 *
 * When two objects can't be confused: file systems use an inode number again, but the birth time of
 * the new object comes from a clock that moves in ticks. A pair is therefore noted only when the
 * birth was more than a tick ago at the time when the handle was asked for. Every object that gets
 * the number later has a later birth. (tmpfs counts its numbers up; it would have to make 2^32
 * files within a tick.) Only file systems where all this is known take part. btrfs does not, since
 * its snapshots have the numbers and births of what they were made from, and network file systems
 * don't either.
 *
 * The cache owns nothing: an entry holds no node, only its id, and may be lost at any time. Its
 * size depends on how many nodes the vnode table may keep. A node whose handle turns out to be
 * stale takes its entry with it (hostfs_forget), so nothing wrong can last. Pages of the cache that
 * are not used take no memory.
 *
 * There is no lock. An entry's sequence is odd while the entry is written. A thread that reads it
 * meanwhile, or finds the sequence changed afterwards, has found nothing.
 */
#include "base/hash.h"
#include "fs/hostfs/disk.h"
#include "fs/hostfs/hostfs.h"
#include "fs/hostfs/locate/locate.h"
#include <string.h>
#include <sys/sysmacros.h>

#define ENTRIES_MAX (1u << 20) /* 64 MiB if all are used */
#define ENTRIES_MIN 1024u
/* Entries for each node that the vnode table may keep: more objects are listed than are used. */
#define ENTRIES_PER_NODE 4
#define ID_WORDS         4 /* kernel handles of ext4, XFS and tmpfs take 10 to 26 bytes */
/* Nanoseconds: twice the step of the coarsest kernel clock (HZ=100). */
#define SETTLED_NS 20000000

struct ident {
    _Atomic uint32_t sequence;
    _Atomic uint32_t mount; /* the mount's serial; 0: the entry is empty */
    _Atomic uint64_t ino, born;
    _Atomic uint64_t id_len;
    _Atomic uint64_t id[ID_WORDS];
};
_Static_assert(sizeof(struct ident) == 64, "a cache line");

static struct ident memo[ENTRIES_MAX] __attribute__((aligned(64)));
/* The number of entries in use, less one. When it changes, older entries are not found any more,
 * which does no harm. */
static _Atomic uint32_t memo_mask = ENTRIES_MIN - 1;

void hostfs_ident_init(void)
{
    uint32_t nodes = vnode_nodes_max(), entries = ENTRIES_MIN;

    while (entries < ENTRIES_MAX && entries / ENTRIES_PER_NODE < nodes)
        entries *= 2;
    atomic_store_explicit(&memo_mask, entries - 1, memory_order_relaxed);
}

/* Objects with neighbouring numbers are made, listed and used together, so they get neighbouring
 * entries. */
static struct ident *entry_of(const struct hostfs_mount *mount, uint64_t ino)
{
    uint32_t mask = atomic_load_explicit(&memo_mask, memory_order_relaxed);
    return &memo[(ino + mount->serial * 40503u) & mask];
}

void hostfs_ident_fetch(const struct hostfs_mount *mount, uint64_t ino)
{
    __builtin_prefetch(entry_of(mount, ino));
}

static uint64_t born_at(const struct statx *st)
{
    return (uint64_t)hostfs_ns(st->stx_btime.tv_sec, st->stx_btime.tv_nsec);
}

static bool tells(const struct hostfs_mount *mount, const struct statx *st)
{
    return mount->below->births != BIRTHS_UNKNOWN && st->stx_mask & STATX_BTIME &&
           st->stx_mnt_id == mount->id &&
           makedev(st->stx_dev_major, st->stx_dev_minor) == mount->dev;
}

bool hostfs_ident_settled(const struct hostfs_mount *mount, const struct statx *st)
{
    struct timespec now;

    if (!tells(mount, st))
        return false;
    if (mount->below->births == BIRTHS_UNIQUE)
        return true;
    clock_gettime(CLOCK_REALTIME, &now);
    return hostfs_ns(now.tv_sec, (uint32_t)now.tv_nsec) - (int64_t)born_at(st) > SETTLED_NS;
}

bool hostfs_ident_same(const struct statx *a, const struct statx *b)
{
    return a->stx_ino == b->stx_ino && born_at(a) == born_at(b) && a->stx_mnt_id == b->stx_mnt_id &&
           a->stx_dev_major == b->stx_dev_major && a->stx_dev_minor == b->stx_dev_minor;
}

static void entry_drop(struct ident *entry)
{
    uint32_t sequence = atomic_load(&entry->sequence);

    /* A thread that writes the entry in this moment has just met the object, so the entry is
     * right. */
    if (!(sequence & 1) &&
        atomic_compare_exchange_strong(&entry->sequence, &sequence, sequence + 1)) {
        atomic_store_explicit(&entry->mount, 0, memory_order_release);
        atomic_store_explicit(&entry->sequence, sequence + 2, memory_order_release);
    }
}

/* Hashes of ids that turned out to be stale when there was no node of them. An entry with such an
 * id is dropped, once. */
#define STALE 64
static _Atomic uint64_t stale[STALE];
static _Atomic bool any_stale;

void hostfs_ident_stale(const struct vnode_id *id)
{
    uint64_t hash = hash_bytes(id->bytes, id->len, STALE);

    atomic_store_explicit(&stale[hash % STALE], hash, memory_order_relaxed);
    atomic_store_explicit(&any_stale, true, memory_order_relaxed);
}

static bool is_stale(const struct vnode_id *id)
{
    if (!atomic_load_explicit(&any_stale, memory_order_relaxed))
        return false;
    uint64_t hash = hash_bytes(id->bytes, id->len, STALE);
    return atomic_compare_exchange_strong(&stale[hash % STALE], &hash, 0);
}

bool hostfs_ident_id(const struct hostfs_mount *mount, const struct statx *st, struct vnode_id *id)
{
    uint64_t words[ID_WORDS];

    if (!tells(mount, st))
        return false;
    struct ident *entry = entry_of(mount, st->stx_ino);
    uint32_t sequence = atomic_load_explicit(&entry->sequence, memory_order_acquire);
    /* Acquired one by one, so that the second look at the sequence comes after all other loads. */
    bool ours = atomic_load_explicit(&entry->mount, memory_order_acquire) == mount->serial &&
                atomic_load_explicit(&entry->ino, memory_order_acquire) == st->stx_ino &&
                atomic_load_explicit(&entry->born, memory_order_acquire) == born_at(st);
    if (!ours || sequence & 1)
        return false;
    uint64_t len = atomic_load_explicit(&entry->id_len, memory_order_acquire);
    for (int i = 0; i < ID_WORDS; i++)
        words[i] = atomic_load_explicit(&entry->id[i], memory_order_acquire);
    if (atomic_load_explicit(&entry->sequence, memory_order_relaxed) != sequence)
        return false;
    id->len = (uint8_t)len;
    memcpy(id->bytes, words, sizeof(words));
    if (!is_stale(id))
        return true;
    entry_drop(entry);
    return false;
}

int hostfs_ident_node(struct hostfs *h, struct hostfs_mount *mount, const struct statx *st,
                      struct vnode **out)
{
    struct hostfs_object object = {.mount = mount, .has_st = true, .st = *st};

    *out = NULL;
    if (!hostfs_ident_id(mount, st, &object.id))
        return 0;
    *out = vnode_find(h->fs, &object.id);
    /* Where the handle table is in use, nodes are made only by a caller that knows their names. */
    if (*out || hostfs_needs_table(h, &object.id))
        return 0;
    return hostfs_intern(h, &object, out);
}

static bool entry_is_of(struct ident *entry, const struct vnode *vn)
{
    const struct hostfs_node *node = hostfs_node((struct vnode *)(uintptr_t)vn);

    return node->mount && atomic_load(&entry->mount) == node->mount->serial &&
           atomic_load(&entry->ino) == node->ino;
}

void hostfs_forget(struct vnode *vn)
{
    const struct hostfs_node *node = hostfs_node(vn);

    if (node->mount) {
        struct ident *entry = entry_of(node->mount, node->ino);
        if (entry_is_of(entry, vn))
            entry_drop(entry);
    }
    vnode_forget(vn);
    hostfs_unpin(vn, true); /* nothing is left to flush */
}

void hostfs_ident_note(const struct statx *st, struct vnode *vn)
{
    const struct hostfs_mount *mount = hostfs_node(vn)->mount;
    uint64_t words[ID_WORDS] = {0};

    if (!mount || !tells(mount, st) || vn->id_len > sizeof(words))
        return;
    memcpy(words, vn->id, vn->id_len);
    struct ident *entry = entry_of(mount, st->stx_ino);
    uint32_t sequence = atomic_load_explicit(&entry->sequence, memory_order_relaxed);
    /* Another thread writes the entry: one of the two notes is lost. */
    if (sequence & 1 ||
        !atomic_compare_exchange_strong_explicit(&entry->sequence, &sequence, sequence + 1,
                                                 memory_order_acquire, memory_order_relaxed))
        return;
    atomic_store_explicit(&entry->mount, mount->serial, memory_order_release);
    atomic_store_explicit(&entry->ino, st->stx_ino, memory_order_release);
    atomic_store_explicit(&entry->born, born_at(st), memory_order_release);
    atomic_store_explicit(&entry->id_len, vn->id_len, memory_order_release);
    for (int i = 0; i < ID_WORDS; i++)
        atomic_store_explicit(&entry->id[i], words[i], memory_order_release);
    atomic_store_explicit(&entry->sequence, sequence + 2, memory_order_release);
}
