/*
 * written.h - large WRITEs, and what the file must have then: for spliced_writes.c and
 * spliced_odd_writes.c.
 *
 * From a connection's second large WRITE on the server moves the data from the socket to the file
 * by a pipe. The client can't see that, but who looks at the server's process can: what goes by a
 * pipe is not counted as written by write(2) and its like.
 */
#ifndef TESTS_WIRE_WRITTEN_H
#define TESTS_WIRE_WRITTEN_H

#include "tests/wire/wire.h"

#define MIB   (1024u * 1024u)
#define LARGE (512u * 1024u) /* of a WRITE that surely may go by the pipe */

#define MODEL_MAX (12u * MIB)
/* A file's bytes as they must be. */
struct model {
    size_t len;
    uint8_t data[MODEL_MAX];
};

/* At least a MiB, other bytes each time. */
const uint8_t *some_data(void);
void model_put(struct model *model, uint64_t offset, const uint8_t *data, size_t len);
/* That the file on the host is that. */
void expect_model(const struct model *model, const char *dir, const char *name);

/* Begins a WRITE whose count is not the data's length. */
struct bytes *begin_write(struct client *client, const struct fh *fh, uint64_t offset,
                          uint32_t count, uint32_t stable, const void *data, uint32_t len);
/* WRITE's results; `done` may be NULL. */
uint32_t take_written(struct cursor *results, struct nfs3_write *done);
/* All of it is written: in the model, too. */
void write_model(struct client *client, const struct fh *fh, struct model *model, uint64_t offset,
                 uint32_t len, uint32_t stable, struct nfs3_write *done);

/* Puts such a call into the stream, and what it will write into the model. */
void put_write(struct client *client, struct bytes *stream, const struct fh *fh,
               struct model *model, uint64_t offset, uint32_t len, uint32_t stable);
/* The next reply, to whichever of the `calls` behind the xid `first` has not been answered. */
struct reply take_reply(struct client *client, uint32_t first, uint32_t calls, uint64_t *answered,
                        uint32_t *which);

/* The bytes that the server has written from memory, to whatever. */
uint64_t written_from_memory(const struct mounted *m);
/* Large WRITEs to the file's beginning, until one has gone by the pipe: the next one will. */
void warm(const struct mounted *m, struct client *client, const struct fh *fh, struct model *model);

#endif
