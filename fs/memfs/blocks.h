/*
 * blocks.h - memory for whole chunks of files: blocks of 64 KiB in one memfd.
 *
 * Data in a memfd can be sent to a socket without a copy (splice(2)); data from malloc() can't. The
 * pages then also belong to the reply until the client has received it. So a block that was spliced
 * gets new pages before another file may use it.
 *
 * data.c takes and gives back blocks. The lock is taken last of all, and never held during a system
 * call.
 */
#ifndef MEMFS_BLOCKS_H
#define MEMFS_BLOCKS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMFS_BLOCK_BYTES 65536u

struct memfs_blocks {
    int fd;        /* -1: there are no blocks */
    uint8_t *base; /* where the memfd is mapped */
    uint32_t max;
    pthread_mutex_t lock; /* guards what follows */
    uint32_t made;        /* blocks that were ever given out */
    uint32_t *unused;     /* numbers: first those with pages, then those without */
    uint32_t nwith, nunused, room;
};

/* Makes blocks for content of `bytes` bytes. Where the system has no such memory, there are no
 * blocks. */
void memfs_blocks_init(struct memfs_blocks *blocks, uint64_t bytes);
/* Unmaps all blocks. They may still be given back afterwards, but not read or written. */
void memfs_blocks_finish(struct memfs_blocks *blocks);
/* Takes a block, with any content. NULL: there is none; use malloc(). */
uint8_t *memfs_block_get(struct memfs_blocks *blocks);
void memfs_block_put(struct memfs_blocks *blocks, uint8_t *block, bool spliced);
/* The offset in the memfd, in bytes, of a byte of a block. */
static inline int64_t memfs_block_offset(const struct memfs_blocks *blocks, const uint8_t *at)
{
    return at - blocks->base;
}

#endif
