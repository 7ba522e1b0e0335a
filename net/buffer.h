/*
 * buffer.h - the memory messages and replies lie in.
 *
 * A loop has a pool; connections borrow a buffer only while there is something in it, so an idle
 * connection costs none. Buffers are large but mapped lazily: only pages that were touched take
 * memory. The pool gives out the one used last, whose pages are still in the CPU's cache.
 *
 * Everything here is used by the thread that runs the loop.
 */
#ifndef NET_BUFFER_H
#define NET_BUFFER_H

#include "base/list.h"
#include <stdint.h>

#define BUFFER_SIZE (2u * 1024 * 1024)

struct buffer {
    struct list link; /* in the pool while free */
    uint32_t refs;
    size_t touched; /* how far it was ever written: its cost when kept */
    uint8_t *data;  /* BUFFER_SIZE bytes, page-aligned */
};

struct buffer_pool {
    struct list small, large; /* free ones, by what they cost */
    unsigned nsmall, nlarge;
};

void buffer_pool_init(struct buffer_pool *pool);
void buffer_pool_finish(struct buffer_pool *pool);
/* With one reference; NULL without memory. */
struct buffer *buffer_get(struct buffer_pool *pool);
static inline struct buffer *buffer_ref(struct buffer *buffer)
{
    buffer->refs++;
    return buffer;
}
/* `touched`: how far the giver has written. NULL is accepted. */
void buffer_put(struct buffer_pool *pool, struct buffer *buffer, size_t touched);

#endif
