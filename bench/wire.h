/*
 * wire.h - ONC RPC and NFSv3 as bytes, for the load generator and its yardstick.
 *
 * Knows just enough of RFC 5531 and RFC 1813 to build messages and to take them apart; nfsbench
 * builds calls with it, limit builds replies. It shares nothing with the server, so that a slow
 * spot there is not also one here. Nothing is owned: all of it points into the caller's buffers.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_FH_MAX 64
#define WIRE_ATTR   84 /* a fattr3 */
#define WIRE_FILEID 52 /* where in it the fileid is */

#define NFS_PROGRAM   100003
#define MOUNT_PROGRAM 100005

/* RFC 1813's numbers of the procedures that are used here. */
enum nfs3_number {
    NFS3_NULL = 0,
    NFS3_GETATTR = 1,
    NFS3_LOOKUP = 3,
    NFS3_ACCESS = 4,
    NFS3_READ = 6,
    NFS3_WRITE = 7,
    NFS3_CREATE = 8,
    NFS3_MKDIR = 9,
    NFS3_REMOVE = 12,
    NFS3_RMDIR = 13,
    NFS3_READDIR = 16,
    NFS3_READDIRPLUS = 17,
};

struct wire_fh {
    uint32_t len;
    uint8_t bytes[WIRE_FH_MAX];
};

/* A message being built: `at` is its end so far. Room is the caller's business: running out of it
 * is a mistake in a size, and aborts. */
struct wire {
    uint8_t *base, *at, *end;
};

/* The credential of all calls to come; uid and gid 0 until then. */
void wire_credential(uint32_t uid, uint32_t gid);
/* Begins a call: room for the record mark, header, AUTH_SYS. */
void wire_begin_call(struct wire *wire, uint8_t *buf, size_t size, uint32_t xid, uint32_t program,
                     uint32_t version, uint32_t procedure);
/* Begins an accepted, successful reply. */
void wire_begin_reply(struct wire *wire, uint8_t *buf, size_t size, uint32_t xid);
void wire_u32(struct wire *wire, uint32_t value);
void wire_u64(struct wire *wire, uint64_t value);
void wire_opaque(struct wire *wire, const void *data, size_t len);
void wire_fh(struct wire *wire, const struct wire_fh *fh);
/* Sets the record mark for what was built and `more` bytes that follow from elsewhere; returns the
 * length of what was built. */
size_t wire_end(struct wire *wire, size_t more);

/* A message being read. Past its end everything is 0 and `bad` is set. */
struct wire_reader {
    const uint8_t *at, *end;
    bool bad;
};

/* The head of a reply; false unless it was accepted with success. Leaves the reader at the
 * results. */
bool wire_reply(struct wire_reader *reader, const uint8_t *message, size_t len);
uint32_t wire_get_u32(struct wire_reader *reader);
uint64_t wire_get_u64(struct wire_reader *reader);
void wire_skip(struct wire_reader *reader, size_t len);
/* A counted opaque, where it is; NULL where it is not whole. */
const uint8_t *wire_get_opaque(struct wire_reader *reader, uint32_t *len);
bool wire_get_fh(struct wire_reader *reader, struct wire_fh *fh);
/* Of a fattr3, the fileid. */
uint64_t wire_get_fileid(struct wire_reader *reader);
/* A post_op_attr, and a wcc_data: passed over. */
void wire_skip_attr(struct wire_reader *reader);
void wire_skip_wcc(struct wire_reader *reader);

/* Four bytes of a message, as a number. */
uint32_t wire_peek(const uint8_t *at);

#endif
