/*
 * blocks.c - see blocks.h.
 *
 * The memfd is as long as all blocks that may ever exist. A page of it takes memory from when its
 * block is handed out until the page is punched out again. Pages are allocated beforehand
 * (fallocate), so that a system without memory reports an error there and does not end the process
 * when it writes.
 */
#include "blocks.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define BLOCKS_MAX (1u << 24)
/* This number of unused blocks keep their pages, for the next files. */
#define KEPT 256

/* Whether a file and a mapping of this size are possible. Where the process' address space is
 * limited, it is needed for other things. A file beyond the file size limit would raise SIGXFSZ. */
static bool may_have(uint64_t size)
{
    struct rlimit space, file;

    return size <= SIZE_MAX / 2 && getrlimit(RLIMIT_AS, &space) == 0 &&
           getrlimit(RLIMIT_FSIZE, &file) == 0 && space.rlim_cur == RLIM_INFINITY &&
           (file.rlim_cur == RLIM_INFINITY || file.rlim_cur >= size);
}

void memfs_blocks_init(struct memfs_blocks *blocks, uint64_t bytes)
{
    uint64_t max = bytes / MEMFS_BLOCK_BYTES + 1;

    *blocks = (struct memfs_blocks){.max = max < BLOCKS_MAX ? (uint32_t)max : BLOCKS_MAX};
    pthread_mutex_init(&blocks->lock, NULL);
    uint64_t size = (uint64_t)blocks->max * MEMFS_BLOCK_BYTES;
    blocks->fd = may_have(size) ? memfd_create("memfs", MFD_CLOEXEC) : -1;
    if (blocks->fd < 0)
        return;
    blocks->base = MAP_FAILED;
    if (ftruncate(blocks->fd, (off_t)size) == 0)
        blocks->base =
            mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, blocks->fd, 0);
    if (blocks->base != MAP_FAILED) {
        /* Reading for a core dump would allocate all pages that do not exist yet. */
        madvise(blocks->base, size, MADV_DONTDUMP);
        return;
    }
    close(blocks->fd);
    blocks->fd = -1;
}

void memfs_blocks_finish(struct memfs_blocks *blocks)
{
    if (blocks->fd >= 0) {
        munmap(blocks->base, (size_t)blocks->max * MEMFS_BLOCK_BYTES);
        close(blocks->fd);
    }
    blocks->fd = -1;
    free(blocks->unused);
    pthread_mutex_destroy(&blocks->lock);
}

static off_t place(uint32_t number)
{
    return (off_t)number * MEMFS_BLOCK_BYTES;
}

static void punch(const struct memfs_blocks *blocks, uint32_t number)
{
    fallocate(blocks->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, place(number),
              MEMFS_BLOCK_BYTES);
}

/* Makes room on the list of unused blocks for one more. Called when a block is made, so that giving
 * one back can't fail. */
static bool reserve(struct memfs_blocks *blocks)
{
    if (blocks->made < blocks->room)
        return true;
    uint32_t room = blocks->room > 0 ? 2 * blocks->room : 64;
    uint32_t *unused = realloc(blocks->unused, room * sizeof(*unused));
    if (unused == NULL)
        return false;
    blocks->unused = unused;
    blocks->room = room;
    return true;
}

static bool is_hole(const struct memfs_blocks *blocks, uint32_t number)
{
    off_t data = lseek(blocks->fd, place(number), SEEK_DATA);
    return data < 0 ? errno == ENXIO : data >= place(number + 1);
}

/* Gives a block's pages back. False: the block is part of a huge page
 * (transparent_hugepage/shmem_enabled, khugepaged) that a reply still uses. Punching then only
 * clears that part, and the reply would send the next file's data. */
static bool is_punched(const struct memfs_blocks *blocks, uint32_t number)
{
    if (is_hole(blocks, number))
        return true;
    punch(blocks, number);
    return is_hole(blocks, number);
}

enum kind { WITH, WITHOUT, FRESH };

/* Takes the number of a free block. *kind: whether it has pages, has none, or was never used.
 * False: there is none. */
static bool number_get(struct memfs_blocks *blocks, uint32_t *number, enum kind *kind)
{
    bool got = true;

    pthread_mutex_lock(&blocks->lock);
    *kind = blocks->nwith > 0 ? WITH : blocks->nunused > 0 ? WITHOUT : FRESH;
    if (*kind == WITH) {
        *number = blocks->unused[--blocks->nwith];
        blocks->unused[blocks->nwith] = blocks->unused[--blocks->nunused];
    } else if (*kind == WITHOUT) {
        *number = blocks->unused[--blocks->nunused];
    } else if (blocks->made < blocks->max && reserve(blocks)) {
        *number = blocks->made++;
    } else {
        got = false;
    }
    pthread_mutex_unlock(&blocks->lock);
    return got;
}

/* Gives a number back, with its pages if `with` and if fewer than KEPT have pages. Returns whether
 * it was given back. */
static bool number_put(struct memfs_blocks *blocks, uint32_t number, bool with)
{
    pthread_mutex_lock(&blocks->lock);
    with = with && blocks->nwith < KEPT;
    if (with) {
        blocks->unused[blocks->nunused++] = blocks->unused[blocks->nwith];
        blocks->unused[blocks->nwith++] = number;
    }
    pthread_mutex_unlock(&blocks->lock);
    return with;
}

/* Gives back a block without pages, to be handed out after all others, since allocating its pages
 * may fail. */
static void number_put_without(struct memfs_blocks *blocks, uint32_t number)
{
    pthread_mutex_lock(&blocks->lock);
    blocks->unused[blocks->nunused++] = blocks->unused[blocks->nwith];
    blocks->unused[blocks->nwith] = number;
    pthread_mutex_unlock(&blocks->lock);
}

uint8_t *memfs_block_get(struct memfs_blocks *blocks)
{
    uint32_t number;
    enum kind kind;

    if (blocks->fd < 0 || !number_get(blocks, &number, &kind))
        return NULL;
    if (kind == WITHOUT && !is_punched(blocks, number)) {
        number_put_without(blocks, number);
        return NULL;
    }
    if (kind != WITH &&
        fallocate(blocks->fd, FALLOC_FL_KEEP_SIZE, place(number), MEMFS_BLOCK_BYTES) != 0) {
        punch(blocks, number); /* gives back the pages it got before it failed */
        number_put_without(blocks, number);
        return NULL;
    }
    return blocks->base + place(number);
}

void memfs_block_put(struct memfs_blocks *blocks, uint8_t *block, bool spliced)
{
    if (blocks->fd < 0) /* all are gone */
        return;
    uint32_t number = (uint32_t)(memfs_block_offset(blocks, block) / MEMFS_BLOCK_BYTES);
    if (number_put(blocks, number, !spliced))
        return;
    /* Punched before another file can take the block. */
    punch(blocks, number);
    number_put_without(blocks, number);
}
