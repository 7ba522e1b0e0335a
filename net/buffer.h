/*
 * buffer.h - the memory in which messages and replies lie.
 *
 * Each loop has a pool. A connection borrows a buffer only while there is something in it, so an
 * idle connection costs no buffer. A buffer is 2 MiB of address space, of which only the pages that
 * were touched take memory. The pool gives out the buffer that was used last, whose pages are still
 * in the CPU's cache.
 *
 * All functions here are called by the thread that runs the loop.
 */
#ifndef NET_BUFFER_H
#define NET_BUFFER_H

#include "base/list.h"
#include <stdint.h>

#define BUFFER_SIZE (2u * 1024 * 1024)

struct buffer {
    struct list link; /* in the pool while free */
    uint32_t refs;
    size_t touched; /* bytes from the start that were ever written: what it costs while kept */
    uint8_t *data;  /* BUFFER_SIZE bytes, page-aligned */
};

struct buffer_pool {
    struct list small, large; /* free buffers, by how much of them was touched */
    unsigned nsmall, nlarge;
};

void buffer_pool_init(struct buffer_pool *pool);
void buffer_pool_finish(struct buffer_pool *pool);
/* Takes a buffer from the pool, or makes one; it has one reference, the caller's. NULL: no
 * memory. */
struct buffer *buffer_get(struct buffer_pool *pool);
static inline struct buffer *buffer_ref(struct buffer *buffer)
{
    buffer->refs++;
    return buffer;
}
/* Gives up one reference; the last one returns the buffer to the pool. `touched`: how many bytes
 * from the start the caller has written. NULL is accepted. */
void buffer_put(struct buffer_pool *pool, struct buffer *buffer, size_t touched);

#endif
