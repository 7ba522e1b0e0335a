/*
 * blocks.h - memory for whole chunks of files: blocks of 64 KiB in one memfd.
 *
 * What lies in a memfd can be sent to a socket without a copy (splice(2)); what malloc() gave
 * can't. The pages then belong to the reply, too, until the client has taken it: so a block that
 * was spliced gets new pages before another file may have it.
 *
 * data.c takes and gives back; the lock is a leaf, and never held during a system call.
 */
#ifndef MEMFS_BLOCKS_H
#define MEMFS_BLOCKS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMFS_BLOCK_BYTES 65536u

struct memfs_blocks {
    int fd;        /* -1: there are none, and nobody has any */
    uint8_t *base; /* of the mapping */
    uint32_t max;
    pthread_mutex_t lock; /* guards what follows */
    uint32_t made;        /* blocks that were ever given out */
    uint32_t *unused;     /* numbers: first those with pages, then those without */
    uint32_t nwith, nunused, room;
};

/* For content of so many bytes. Where the system has no memory of this kind, there are none. */
void memfs_blocks_init(struct memfs_blocks *blocks, uint64_t bytes);
/* Blocks may still be given back afterwards, but not touched. */
void memfs_blocks_finish(struct memfs_blocks *blocks);
/* A block, with anything in it; NULL: use malloc(). */
uint8_t *memfs_block_get(struct memfs_blocks *blocks);
void memfs_block_put(struct memfs_blocks *blocks, uint8_t *block, bool spliced);
/* Where in the memfd a byte of a block is. */
static inline int64_t memfs_block_offset(const struct memfs_blocks *blocks, const uint8_t *at)
{
    return at - blocks->base;
}

#endif
