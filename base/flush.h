/*
 * flush.h - one way to bring a file's data to stable storage, and what is lost when that fails.
 *
 * For file systems that write host files by a descriptor of their own: hostfs, etfs, srvfs. A file
 * has a struct flush_state, and its mount a verifier (RFC 1813 section 3.3.7): 64 random bits,
 * by which a client that has not committed its data learns that some of it may be gone.
 *
 * The kernel tells of a write-back error once for each opening, to whoever flushes next. So the
 * flushes of one file are made one after the other, those that wait share the next one, and when
 * one fails while there are writes that nobody has flushed the verifier is renewed before anybody
 * is answered. A failed flush without such writes lost nothing but what its own caller knows of.
 */
#ifndef BASE_FLUSH_H
#define BASE_FLUSH_H

#include <stdbool.h>
#include <stdint.h>

/* Of one file; zeroed at first. Counts go round. */
struct flush_state {
    _Atomic uint32_t written;  /* unstable writes that have begun */
    _Atomic uint32_t flushed;  /* of these: stable, or told of by a new verifier */
    _Atomic uint32_t failures; /* flushes that have failed */
};

/* How a kind of file system brings data to stable storage. */
enum flush_how {
    FLUSH_NOTHING = 1,   /* its files have no such operation: fsync() says EINVAL */
    FLUSH_AT_CLOSE = 2,  /* errors of writes may be told by close() only */
    FLUSH_DATA_ONLY = 4, /* of the attributes only what is needed to read the data */
};

/* Random, and not `other`, nor 0. */
uint64_t flush_verifier_fresh(uint64_t other);
void flush_verifier_renew(_Atomic uint64_t *verifier);

/* An unstable write begins. The verifier that its caller is told was asked for before; the write
 * itself comes after. */
static inline void flush_write_begins(struct flush_state *state)
{
    state->written++;
}

/* Whether there are unstable writes that are not known to be flushed. */
static inline bool flush_is_due(struct flush_state *state)
{
    return state->written != state->flushed;
}

/*
 * For a write that is flushed before it is answered: asked before it and after its own flush. Where
 * the two differ somebody else's flush has failed meanwhile, which may have been told of the loss
 * of this write; the kernel does not tell it again, and the write must fail though its own flush
 * did not.
 */
static inline uint32_t flush_failures(struct flush_state *state)
{
    return state->failures;
}

/*
 * Flushes by fd, which must be the one that was written by, or one opened before. Sleeps; the
 * caller has said so. Returns 0 or what the host said, whatever it was, and then has renewed the
 * verifier if writes were lost that others were told of.
 */
int flush_file(struct flush_state *state, int fd, unsigned how, _Atomic uint64_t *verifier);

/* The flush alone, of a descriptor that nobody has written by: a directory's. */
int flush_fd(int fd, unsigned how);

/* FLUSH_NOTHING where fd is of such a file: one that is neither a regular file nor a directory, or
 * is on a file system that has no storage or can't be changed; else 0. For who has no better way to
 * know. */
unsigned flush_how_of(int fd);

#endif
