/*
 * data.c - a file's content: a tree of chunks of 64 KiB, in which only written parts take memory.
 *
 * A chunk has memory for a window [from, to) of its 64 KiB; the rest of it is a hole. A small file
 * takes little more than its bytes, a large one whole chunks, and a byte that is written far out
 * takes one small window. Bytes of a window that were not written, and bytes beyond the file's
 * size, are zero. The tree has 64 branches at each level and is as high as the file needs
 * (node.height; 0: `top` is the only chunk). Chunks and tables count as `used`, and against
 * `size=`.
 *
 * All functions are called under the lock of the file's node.
 */
#include "memfs.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES (1u << MEMFS_CHUNK_BITS)
#define BRANCH_BITS 6
#define BRANCHES    (1u << BRANCH_BITS)
#define TABLE_BYTES (BRANCHES * sizeof(void *))
/* A window of up to SMALL_WINDOW bytes is a multiple of SMALL_STEP, a larger one of
 * SMALL_WINDOW. */
#define SMALL_WINDOW 4096u
#define SMALL_STEP   64u
/* Giving back more bytes than this takes long enough to call vfs_will_sleep() first. */
#define SLOW_BYTES (16u << 20)

struct chunk {
    uint32_t from, to;
    uint8_t *bytes; /* to - from bytes: `own`, or a block where the chunk is whole */
    /* The bytes of a window. In a chunk with a block the first byte says whether the block was
     * spliced; atomic, since readers set it. */
    uint8_t own[];
};

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t round_up(uint32_t value, uint32_t step)
{
    return (value + step - 1) / step * step;
}

static int charge(struct memfs *m, struct memfs_node *node, uint64_t bytes)
{
    int err = memfs_charge(m, bytes);
    if (err == 0)
        node->file.used += bytes;
    return err;
}

static void uncharge(struct memfs *m, struct memfs_node *node, uint64_t bytes)
{
    memfs_uncharge(m, bytes);
    node->file.used -= bytes;
}

/* --- the tree --- */

static struct chunk *chunk_find(const struct memfs_node *node, uint64_t index)
{
    void *at = node->file.top;

    if (index >> (BRANCH_BITS * node->height) != 0)
        return NULL;
    for (unsigned level = node->height; level > 0 && at != NULL; level--)
        at = ((void **)at)[(index >> (BRANCH_BITS * (level - 1))) % BRANCHES];
    return at;
}

static int table_make(struct memfs *m, struct memfs_node *node, void ***out)
{
    int err = charge(m, node, TABLE_BYTES);

    if (err != 0)
        return err;
    *out = calloc(BRANCHES, sizeof(void *));
    if (*out == NULL)
        uncharge(m, node, TABLE_BYTES);
    return *out == NULL ? ENOMEM : 0;
}

/* Finds the place in the tree for a chunk, and makes all tables on the way. */
static int place_make(struct memfs *m, struct memfs_node *node, uint64_t index, void ***out)
{
    void **table, **at;

    while (index >> (BRANCH_BITS * node->height) != 0) {
        if (node->file.top != NULL) {
            int err = table_make(m, node, &table);
            if (err != 0)
                return err;
            table[0] = node->file.top;
            node->file.top = table;
        }
        node->height++;
    }
    at = &node->file.top;
    for (unsigned level = node->height; level > 0; level--) {
        if (*at == NULL) {
            int err = table_make(m, node, &table);
            if (err != 0)
                return err;
            *at = table;
        }
        at = &((void **)*at)[(index >> (BRANCH_BITS * (level - 1))) % BRANCHES];
    }
    *out = at;
    return 0;
}

/* --- chunks --- */

static bool has_block(const struct chunk *chunk)
{
    return chunk->bytes != chunk->own;
}

static struct chunk *chunk_create(struct memfs *m, uint32_t from, uint32_t to)
{
    uint8_t *block = to - from == CHUNK_BYTES ? memfs_block_get(&m->blocks) : NULL;
    struct chunk *chunk = malloc(sizeof(*chunk) + (block != NULL ? 1 : to - from));

    if (chunk == NULL) {
        if (block != NULL)
            memfs_block_put(&m->blocks, block, false);
        return NULL;
    }
    chunk->from = from;
    chunk->to = to;
    chunk->bytes = block != NULL ? block : chunk->own;
    if (block != NULL)
        chunk->own[0] = 0;
    return chunk;
}

static void chunk_destroy(struct memfs *m, struct chunk *chunk)
{
    if (has_block(chunk))
        memfs_block_put(&m->blocks, chunk->bytes, chunk->own[0] != 0);
    free(chunk);
}

/* Makes a chunk in place of `old`, with the bytes that both have, and frees `old`. NULL: no memory,
 * and `old` is unchanged. */
static struct chunk *chunk_replace(struct memfs *m, struct chunk *old, uint32_t from, uint32_t to)
{
    struct chunk *chunk = chunk_create(m, from, to);

    if (chunk == NULL || old == NULL)
        return chunk;
    uint32_t a = from > old->from ? from : old->from, b = smaller(to, old->to);
    if (a < b)
        memcpy(chunk->bytes + (a - from), old->bytes + (a - old->from), b - a);
    chunk_destroy(m, old);
    return chunk;
}

/* Makes a chunk longer or shorter at its end, without moving it if possible. */
static struct chunk *chunk_resize(struct memfs *m, struct chunk *old, uint32_t to)
{
    if (has_block(old) || to - old->from == CHUNK_BYTES)
        return chunk_replace(m, old, old->from, to);
    struct chunk *chunk = realloc(old, sizeof(*chunk) + (to - old->from));
    if (chunk == NULL)
        return NULL;
    chunk->to = to;
    chunk->bytes = chunk->own;
    return chunk;
}

/* --- windows --- */

/* Clears [low, high) of a chunk, but for [a, b). */
static void clear_around(struct chunk *chunk, uint32_t low, uint32_t high, uint32_t a, uint32_t b)
{
    if (low < high && low < a)
        memset(chunk->bytes + (low - chunk->from), 0, smaller(high, a) - low);
    if (low < b)
        low = b;
    if (low < high)
        memset(chunk->bytes + (low - chunk->from), 0, high - low);
}

/* Makes the window [from, to), which includes the old one. Clears the new bytes but for [a, b),
 * which the caller writes next. */
static int window_set(struct memfs *m, struct memfs_node *node, void **place, uint32_t from,
                      uint32_t to, uint32_t a, uint32_t b)
{
    struct chunk *old = *place, *chunk;
    uint32_t old_from = old != NULL ? old->from : from, old_to = old != NULL ? old->to : from;
    uint64_t more = (to - from) - (old_to - old_from);
    int err = charge(m, node, more);

    if (err != 0)
        return err;
    if (old != NULL && old_from == from)
        chunk = chunk_resize(m, old, to);
    else
        chunk = chunk_replace(m, old, from, to);
    if (chunk == NULL) {
        uncharge(m, node, more);
        return ENOMEM;
    }
    *place = chunk;
    clear_around(chunk, from, old_from, a, b);
    clear_around(chunk, old_to, to, a, b);
    return 0;
}

/* Extends the window so that [a, b) of the chunk has memory. */
static int window_cover(struct memfs *m, struct memfs_node *node, void **place, uint32_t a,
                        uint32_t b)
{
    const struct chunk *old = *place;
    uint32_t from = a / SMALL_WINDOW * SMALL_WINDOW, to = b;

    if (old != NULL && old->from <= a && b <= old->to)
        return 0;
    if (old != NULL) {
        from = smaller(from, old->from);
        to = b > old->to ? b : old->to;
    }
    to = from + round_up(to - from, to - from <= SMALL_WINDOW ? SMALL_STEP : SMALL_WINDOW);
    to = smaller(to, CHUNK_BYTES);
    /* A window that is appended to doubles, so that it is not moved with each write. */
    if (old != NULL && old->to < b) {
        uint32_t ahead = smaller(CHUNK_BYTES, old->to + (old->to - old->from));
        if (ahead > to && window_set(m, node, place, from, ahead, a, b) == 0)
            return 0;
    }
    return window_set(m, node, place, from, to, a, b);
}

static void chunk_free(struct memfs *m, struct memfs_node *node, void **place)
{
    struct chunk *chunk = *place;

    uncharge(m, node, chunk->to - chunk->from);
    chunk_destroy(m, chunk);
    *place = NULL;
}

/* Frees or clears the bytes from `end` on. */
static void window_cut(struct memfs *m, struct memfs_node *node, void **place, uint32_t end)
{
    struct chunk *chunk = *place;

    if (chunk->to <= end)
        return;
    if (chunk->from >= end) {
        chunk_free(m, node, place);
        return;
    }
    uint32_t to = chunk->from + round_up(end - chunk->from, SMALL_STEP);
    if (to < chunk->to) {
        uint64_t less = chunk->to - to;
        struct chunk *cut = chunk_resize(m, chunk, to);
        if (cut != NULL) {
            uncharge(m, node, less);
            *place = chunk = cut;
        }
    }
    memset(chunk->bytes + (end - chunk->from), 0, chunk->to - end);
}

/* --- what io.c and attr.c call --- */

static void chunk_read(const struct chunk *chunk, uint32_t a, uint32_t b, uint8_t *buf)
{
    uint32_t low = a, high = a;

    if (chunk != NULL && chunk->from < b && a < chunk->to) {
        low = a > chunk->from ? a : chunk->from;
        high = smaller(b, chunk->to);
        memcpy(buf + (low - a), chunk->bytes + (low - chunk->from), high - low);
    }
    memset(buf, 0, low - a);
    memset(buf + (high - a), 0, b - high);
}

void memfs_data_read(const struct memfs_node *node, uint64_t offset, void *buf, size_t len)
{
    uint8_t *to = buf;

    while (len > 0) {
        uint32_t a = (uint32_t)(offset % CHUNK_BYTES);
        uint32_t n = len < CHUNK_BYTES - a ? (uint32_t)len : CHUNK_BYTES - a;
        chunk_read(chunk_find(node, offset / CHUNK_BYTES), a, a + n, to);
        to += n;
        offset += n;
        len -= n;
    }
}

/* The chunk that has the byte at `offset`, if that chunk has a block. */
static struct chunk *block_find(const struct memfs_node *node, uint64_t offset)
{
    struct chunk *chunk = chunk_find(node, offset / CHUNK_BYTES);

    return chunk != NULL && has_block(chunk) ? chunk : NULL;
}

int memfs_data_splice(struct memfs *m, const struct memfs_node *node, uint64_t offset, int pipe,
                      size_t *len)
{
    size_t done = 0;

    for (uint64_t at = offset; at < offset + *len; at = (at / CHUNK_BYTES + 1) * CHUNK_BYTES)
        if (block_find(node, at) == NULL)
            return EOPNOTSUPP;
    while (done < *len) {
        struct chunk *chunk = block_find(node, offset + done);
        uint32_t a = (uint32_t)((offset + done) % CHUNK_BYTES);
        size_t n = *len - done < CHUNK_BYTES - a ? *len - done : CHUNK_BYTES - a;
        loff_t from = memfs_block_offset(&m->blocks, chunk->bytes + a);
        __atomic_store_n(&chunk->own[0], 1, __ATOMIC_RELAXED);
        ssize_t got = splice(m->blocks.fd, &from, pipe, NULL, n, SPLICE_F_NONBLOCK);
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    if (done == 0 && *len > 0)
        return EOPNOTSUPP;
    *len = done;
    return 0;
}

/* Frees all chunks from `first` on below a branch, and the branch itself if nothing is left in it.
 * Recursion is as deep as the tree is high. */
static void branch_cut(struct memfs *m, struct memfs_node *node, void **at, unsigned level,
                       uint64_t first)
{
    if (*at == NULL)
        return;
    if (level == 0) {
        if (first == 0)
            chunk_free(m, node, at);
        return;
    }
    void **table = *at;
    unsigned shift = BRANCH_BITS * (level - 1);
    bool empty = true;
    for (uint64_t i = first >> shift; i < BRANCHES; i++)
        branch_cut(m, node, &table[i], level - 1,
                   i == first >> shift ? first & (((uint64_t)1 << shift) - 1) : 0);
    for (unsigned i = 0; i < BRANCHES && empty; i++)
        empty = table[i] == NULL;
    if (empty) {
        free(table);
        uncharge(m, node, TABLE_BYTES);
        *at = NULL;
    }
}

void memfs_data_cut(struct memfs *m, struct memfs_node *node, uint64_t size)
{
    uint64_t index = size / CHUNK_BYTES;
    uint32_t end = (uint32_t)(size % CHUNK_BYTES);
    void **place;

    if (node->file.used > SLOW_BYTES && node->file.size > size + SLOW_BYTES)
        vfs_will_sleep();
    if (index >> (BRANCH_BITS * node->height) == 0) {
        branch_cut(m, node, &node->file.top, node->height, end > 0 ? index + 1 : index);
        /* All tables on the way to it exist, so this makes none. */
        if (end > 0 && chunk_find(node, index) != NULL && place_make(m, node, index, &place) == 0)
            window_cut(m, node, place, end);
    }
    if (node->file.top == NULL)
        node->height = 0;
}

/* Reads `len` bytes from a pipe that has them all. */
static int read_pipe(int pipe, uint8_t *to, size_t len)
{
    while (len > 0) {
        ssize_t n = read(pipe, to, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return EIO;
        to += n;
        len -= (size_t)n;
    }
    return 0;
}

int memfs_data_write(struct memfs *m, struct memfs_node *node, uint64_t offset, const void *buf,
                     int pipe, size_t *len)
{
    size_t done = 0;
    uint32_t most = CHUNK_BYTES;
    int err = 0;

    while (done < *len) {
        uint32_t a = (uint32_t)((offset + done) % CHUNK_BYTES);
        size_t left = *len - done;
        uint32_t n = smaller(most, CHUNK_BYTES - a);
        void **place = NULL;
        if (n > left)
            n = (uint32_t)left;
        err = place_make(m, node, (offset + done) / CHUNK_BYTES, &place);
        if (err == 0)
            err = window_cover(m, node, place, a, a + n);
        if (err == ENOSPC && n > SMALL_STEP) {
            most = n / 2; /* tries again with half, to use up the space that is left */
            continue;
        }
        if (err != 0)
            break;
        struct chunk *chunk = *place;
        uint8_t *to = chunk->bytes + (a - chunk->from);
        if (buf == NULL)
            err = read_pipe(pipe, to, n);
        else
            memcpy(to, (const uint8_t *)buf + done, n);
        if (err != 0)
            break;
        done += n;
    }
    /* Frees windows that were made for bytes that found no space. */
    if (err != 0 && offset + done >= node->file.size)
        memfs_data_cut(m, node, done > 0 ? offset + done : node->file.size);
    if (done == 0 && err != 0)
        return err;
    *len = done;
    return 0;
}
