/*
 * buffer.c - see buffer.h.
 */
#include "net/buffer.h"
#include "net/loop.h"
#include <stdlib.h>
#include <sys/mman.h>

/* A buffer is large once more than this many bytes of it were touched. */
#define SMALL_MAX (128u * 1024)
/* How many free buffers a pool keeps: at most 2 MiB in small ones, 4 MiB in large ones. */
#define SMALL_KEPT 16
#define LARGE_KEPT 2

void buffer_pool_init(struct buffer_pool *pool)
{
    list_init(&pool->small);
    list_init(&pool->large);
    pool->nsmall = pool->nlarge = 0;
}

static void buffer_free(struct buffer *buffer)
{
    munmap(buffer->data, BUFFER_SIZE);
    free(buffer);
}

void buffer_pool_finish(struct buffer_pool *pool)
{
    struct list *item;

    while ((item = list_pop(&pool->small)) != NULL || (item = list_pop(&pool->large)) != NULL)
        buffer_free(list_entry(item, struct buffer, link));
}

struct buffer *buffer_get(struct buffer_pool *pool)
{
    struct list *item = pool->small.next;
    struct buffer *buffer;

    if (item != &pool->small) {
        pool->nsmall--;
    } else if ((item = pool->large.next) != &pool->large) {
        pool->nlarge--;
    } else {
        buffer = malloc(sizeof(*buffer));
        if (buffer == NULL)
            return NULL;
        buffer->data = mmap(NULL, BUFFER_SIZE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (buffer->data == MAP_FAILED) {
            free(buffer);
            return NULL;
        }
        list_init(&buffer->link);
        buffer->touched = 0;
        buffer->refs = 1;
        net.buffers++;
        return buffer;
    }
    list_remove(item);
    buffer = list_entry(item, struct buffer, link);
    buffer->refs = 1;
    net.buffers++;
    return buffer;
}

void buffer_put(struct buffer_pool *pool, struct buffer *buffer, size_t touched)
{
    if (buffer == NULL)
        return;
    if (touched > buffer->touched)
        buffer->touched = touched;
    if (--buffer->refs > 0)
        return;
    net.buffers--;
    if (buffer->touched <= SMALL_MAX && pool->nsmall < SMALL_KEPT) {
        pool->nsmall++;
        list_insert_after(&pool->small, &buffer->link);
    } else if (buffer->touched > SMALL_MAX && pool->nlarge < LARGE_KEPT) {
        pool->nlarge++;
        list_insert_after(&pool->large, &buffer->link);
    } else {
        buffer_free(buffer);
    }
}
