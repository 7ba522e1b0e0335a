/*
 * births.c - which node an object is, told by its inode number and its birth time.
 *
 * One statx() of a name gives attributes and these two; that spares the system call that asks for
 * the kernel's handle, and the doubt whether both are of the same object. lookup.c asks here before
 * it asks the kernel, and notes here what it learnt from it.
 *
 * When two objects can't be confused: file systems use an inode number again, but the new object's
 * birth time is that of a clock that moves in ticks. So a pair is noted only when the birth was
 * longer ago than a tick at the time the handle was asked for: whatever gets the number later has a
 * later birth. (tmpfs counts its numbers up; it would have to make 2^32 files within a tick.) Only
 * file systems where all this is known take part: no btrfs, whose snapshots have the same
 * numbers and births as what they were made from, and no network file systems.
 *
 * What is kept is a memo of fixed size, not an owner: an entry may be lost at any time, and holds
 * no node, only the id to look for in the vnode table. Where that does not have it (it was evicted,
 * or forgotten since its handle turned out to be stale) the kernel is asked again, so nothing wrong
 * could last. Pages of the memo that are not used take no memory.
 *
 * No lock: an entry's sequence is odd while it is written; who reads it meanwhile, or finds it
 * changed afterwards, has found nothing.
 */
#include "hostfs.h"
#include <string.h>
#include <sys/sysmacros.h>

#define ENTRIES  (1u << 18) /* 16 MiB if all are used */
#define ID_WORDS 4          /* kernel handles of ext4, XFS and tmpfs take 10 to 26 bytes */
/* Twice what the coarsest kernel clock (HZ=100) takes for a step. */
#define SETTLED_NS 20000000

struct birth {
    _Atomic uint32_t sequence;
    _Atomic uint32_t mount; /* its serial; 0: empty */
    _Atomic uint64_t ino, born;
    _Atomic uint64_t id_len;
    _Atomic uint64_t id[ID_WORDS];
};
_Static_assert(sizeof(struct birth) == 64, "a cache line");

static struct birth memo[ENTRIES] __attribute__((aligned(64)));

/* Neighbours by number are made, listed and used together: they get neighbouring entries. */
static struct birth *entry_of(const struct hostfs_mount *mount, uint64_t ino)
{
    return &memo[(ino + mount->serial * 40503u) % ENTRIES];
}

static uint64_t born_at(const struct statx *st)
{
    return (uint64_t)hostfs_ns(st->stx_btime.tv_sec, st->stx_btime.tv_nsec);
}

static bool tells(const struct hostfs_mount *mount, const struct statx *st)
{
    return mount->births != BIRTHS_UNKNOWN && st->stx_mask & STATX_BTIME &&
           st->stx_mnt_id == mount->id &&
           makedev(st->stx_dev_major, st->stx_dev_minor) == mount->dev;
}

bool hostfs_birth_settled(const struct hostfs_mount *mount, const struct statx *st)
{
    struct timespec now;

    if (!tells(mount, st))
        return false;
    if (mount->births == BIRTHS_UNIQUE)
        return true;
    clock_gettime(CLOCK_REALTIME, &now);
    return hostfs_ns(now.tv_sec, (uint32_t)now.tv_nsec) - (int64_t)born_at(st) > SETTLED_NS;
}

bool hostfs_birth_same(const struct statx *a, const struct statx *b)
{
    return a->stx_ino == b->stx_ino && born_at(a) == born_at(b) && a->stx_mnt_id == b->stx_mnt_id &&
           a->stx_dev_major == b->stx_dev_major && a->stx_dev_minor == b->stx_dev_minor;
}

struct vnode *hostfs_birth_find(struct hostfs *h, const struct hostfs_mount *mount,
                                const struct statx *st)
{
    struct vnode_id id;
    uint64_t words[ID_WORDS];

    if (!tells(mount, st))
        return NULL;
    struct birth *entry = entry_of(mount, st->stx_ino);
    uint32_t sequence = atomic_load_explicit(&entry->sequence, memory_order_acquire);
    /* Acquired one by one, so that the second look at the sequence comes after all of them. */
    bool ours = atomic_load_explicit(&entry->mount, memory_order_acquire) == mount->serial &&
                atomic_load_explicit(&entry->ino, memory_order_acquire) == st->stx_ino &&
                atomic_load_explicit(&entry->born, memory_order_acquire) == born_at(st);
    if (!ours || sequence & 1)
        return NULL;
    uint64_t len = atomic_load_explicit(&entry->id_len, memory_order_acquire);
    for (int i = 0; i < ID_WORDS; i++)
        words[i] = atomic_load_explicit(&entry->id[i], memory_order_acquire);
    if (atomic_load_explicit(&entry->sequence, memory_order_relaxed) != sequence)
        return NULL;
    id.len = (uint8_t)len;
    memcpy(id.bytes, words, sizeof(words));
    return vnode_find(h->fs, &id);
}

void hostfs_birth_note(const struct statx *st, struct vnode *vn)
{
    const struct hostfs_mount *mount = hostfs_node(vn)->mount;
    uint64_t words[ID_WORDS] = {0};

    if (!mount || !tells(mount, st) || vn->id_len > sizeof(words))
        return;
    memcpy(words, vn->id, vn->id_len);
    struct birth *entry = entry_of(mount, st->stx_ino);
    uint32_t sequence = atomic_load_explicit(&entry->sequence, memory_order_relaxed);
    /* Somebody writes it: one of the two notes is lost. */
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
