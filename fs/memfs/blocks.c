/*
 * blocks.c - see blocks.h.
 *
 * The memfd is as long as all blocks that may ever be; a page of it takes memory from when its
 * block is given out until it is punched out again. Pages are asked for beforehand (fallocate), so
 * that a system without memory says so, instead of ending the process when it writes.
 */
#include "blocks.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCKS_MAX (1u << 24)
/* So many unused blocks keep their pages, for the next files. */
#define KEPT 256

void memfs_blocks_init(struct memfs_blocks *blocks, uint64_t bytes)
{
    uint64_t max = bytes / MEMFS_BLOCK_BYTES + 1;

    *blocks = (struct memfs_blocks){.max = max < BLOCKS_MAX ? (uint32_t)max : BLOCKS_MAX};
    pthread_mutex_init(&blocks->lock, NULL);
    size_t size = (size_t)blocks->max * MEMFS_BLOCK_BYTES;
    blocks->fd = memfd_create("memfs", MFD_CLOEXEC);
    if (blocks->fd < 0)
        return;
    blocks->base = MAP_FAILED;
    if (ftruncate(blocks->fd, (off_t)size) == 0)
        blocks->base =
            mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, blocks->fd, 0);
    if (blocks->base != MAP_FAILED)
        return;
    close(blocks->fd);
    blocks->fd = -1;
}

void memfs_blocks_finish(struct memfs_blocks *blocks)
{
    if (blocks->fd >= 0) {
        munmap(blocks->base, (size_t)blocks->max * MEMFS_BLOCK_BYTES);
        close(blocks->fd);
    }
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

/* Room for one more unused block: made when a block is, so that giving back can't fail. */
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

/* *with: it has pages. False: there is none. */
static bool number_get(struct memfs_blocks *blocks, uint32_t *number, bool *with)
{
    bool got = true;

    pthread_mutex_lock(&blocks->lock);
    *with = blocks->nwith > 0;
    if (*with) {
        *number = blocks->unused[--blocks->nwith];
        blocks->unused[blocks->nwith] = blocks->unused[--blocks->nunused];
    } else if (blocks->nunused > 0) {
        *number = blocks->unused[--blocks->nunused];
    } else if (blocks->made < blocks->max && reserve(blocks)) {
        *number = blocks->made++;
    } else {
        got = false;
    }
    pthread_mutex_unlock(&blocks->lock);
    return got;
}

/* With pages if wanted, and not too many have; returns whether it was. */
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

static void number_put_without(struct memfs_blocks *blocks, uint32_t number)
{
    pthread_mutex_lock(&blocks->lock);
    blocks->unused[blocks->nunused++] = number;
    pthread_mutex_unlock(&blocks->lock);
}

uint8_t *memfs_block_get(struct memfs_blocks *blocks)
{
    uint32_t number;
    bool with;

    if (blocks->fd < 0 || !number_get(blocks, &number, &with))
        return NULL;
    if (!with &&
        fallocate(blocks->fd, FALLOC_FL_KEEP_SIZE, place(number), MEMFS_BLOCK_BYTES) != 0) {
        punch(blocks, number); /* what it got before it failed */
        number_put_without(blocks, number);
        return NULL;
    }
    return blocks->base + place(number);
}

void memfs_block_put(struct memfs_blocks *blocks, uint8_t *block, bool spliced)
{
    uint32_t number = (uint32_t)(memfs_block_offset(blocks, block) / MEMFS_BLOCK_BYTES);

    if (number_put(blocks, number, !spliced))
        return;
    /* Before anybody can have it again. */
    punch(blocks, number);
    number_put_without(blocks, number);
}
