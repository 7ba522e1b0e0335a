/*
 * flush.h - brings a file's data to stable storage, and keeps account of what is lost when that
 * fails.
 *
 * For file systems that write host files by a descriptor of their own: hostfs, etfs, srvfs. A file
 * has a struct flush_state, and its mount has a write verifier (RFC 1813 section 3.3.7): 64 random
 * bits. A client that has not yet committed its data learns from a changed verifier that some of
 * the data may be lost.
 *
 * The kernel reports a write-back error once for each opening, to the next flush. So the flushes of
 * one file are made one after the other, and flushes that wait share the next one. When a flush
 * fails while there are unstable writes that no flush has covered, the verifier is renewed before
 * any caller is answered. When a flush fails and there are no such writes, only its own caller's
 * data is lost, and that caller gets the error.
 */
#ifndef BASE_FLUSH_H
#define BASE_FLUSH_H

#include <stdbool.h>
#include <stdint.h>

/* What is known of one file's flushes; zeroed at first. The counts wrap around. */
struct flush_state {
    _Atomic uint32_t written;  /* unstable writes that have begun */
    _Atomic uint32_t flushed;  /* of those writes: on stable storage, or reported lost by a new
                                * verifier */
    _Atomic uint32_t failures; /* flushes that have failed */
};

/* How a kind of file system brings data to stable storage. */
enum flush_how {
    FLUSH_NOTHING = 1,   /* its files have no such operation: fsync() says EINVAL */
    FLUSH_AT_CLOSE = 2,  /* errors of writes may be reported by close() only */
    FLUSH_DATA_ONLY = 4, /* flush only those attributes that are needed to read the data */
};

/* A random verifier that is neither `other` nor 0. */
uint64_t flush_verifier_fresh(uint64_t other);
void flush_verifier_renew(_Atomic uint64_t *verifier);

/* Notes that an unstable write begins. Called after the caller has read the verifier that it will
 * report to its client, and before the write itself. */
static inline void flush_write_begins(struct flush_state *state)
{
    state->written++;
}

/* Whether there are unstable writes that may not be on stable storage yet. */
static inline bool flush_is_due(struct flush_state *state)
{
    return state->written != state->flushed;
}

/*
 * For a write that is flushed before it is answered: the caller asks before the write and again
 * after its own flush. Where the two numbers differ, another caller's flush has failed meanwhile,
 * and the kernel may have reported the loss of this write to that flush. The kernel does not report
 * it again, so this write must fail, even though its own flush did not.
 */
static inline uint32_t flush_failures(struct flush_state *state)
{
    return state->failures;
}

/*
 * Flushes the file behind fd. The writes must have gone through fd itself or through a descriptor
 * that was opened later. Sleeps; the caller has called vfs_will_sleep(). Returns 0 or the host's
 * error. Where it returns an error and the data of other callers was lost, too, the verifier has
 * been renewed.
 */
int flush_file(struct flush_state *state, int fd, unsigned how, _Atomic uint64_t *verifier);

/* Flushes a descriptor that nothing was written by, such as a directory's. 0, or the host's
 * error. */
int flush_fd(int fd, unsigned how);

/* FLUSH_NOTHING where fsync() would mean nothing: fd is neither a regular file nor a directory, or
 * its file system has no storage or can't be changed. Else 0. For callers that have no better way
 * to know. */
unsigned flush_how_of(int fd);

#endif
