/*
 * written.c - large WRITEs, and what the file must have then; see written.h.
 */
#include "tests/wire/written.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const uint8_t *some_data(void)
{
    static uint8_t source[2 * MIB];
    static size_t at;

    if (at == 0)
        for (size_t i = 0; i < sizeof(source); i++)
            source[i] = (uint8_t)((uint32_t)i * 2654435761u >> 19);
    at = (at + 4099) % MIB;
    return source + at;
}

void model_put(struct model *model, uint64_t offset, const uint8_t *data, size_t len)
{
    assert_true(offset + len <= MODEL_MAX);
    memcpy(model->data + offset, data, len);
    if (len > 0 && model->len < offset + len)
        model->len = offset + len;
}

void expect_model(const struct model *model, const char *dir, const char *name)
{
    uint8_t *got = malloc(MODEL_MAX + 1);
    int fd = open(host_path(dir, name).text, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n;

    assert_return_code(fd, errno);
    while ((n = read(fd, got + len, MODEL_MAX + 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    if (len != model->len)
        fail_msg("%s has %zu bytes instead of %zu", name, len, model->len);
    for (size_t i = 0; i < len && memcmp(got, model->data, len) != 0; i++)
        if (got[i] != model->data[i])
            fail_msg("%s: byte %zu is wrong", name, i);
    free(got);
}

struct bytes *begin_write(struct client *client, const struct fh *fh, uint64_t offset,
                          uint32_t count, uint32_t stable, const void *data, uint32_t len)
{
    struct bytes *b = nfs3_begin(client, 7);

    put_fh(b, fh);
    put_u64(b, offset);
    put_u32(b, count);
    put_u32(b, stable);
    put_opaque(b, data, len);
    return b;
}

uint32_t take_written(struct cursor *results, struct nfs3_write *done)
{
    struct nfs3_write ignored;
    uint32_t status = get_u32(results);

    if (done == NULL)
        done = &ignored;
    *done = (struct nfs3_write){0};
    get_wcc(results, &done->wcc);
    if (status == NFS_OK) {
        done->count = get_u32(results);
        done->committed = get_u32(results);
        done->verifier = get_u64(results);
    }
    cursor_expect_end(results);
    return status;
}

void write_model(struct client *client, const struct fh *fh, struct model *model, uint64_t offset,
                 uint32_t len, uint32_t stable, struct nfs3_write *done)
{
    const uint8_t *data = some_data();
    struct nfs3_write ignored;

    if (done == NULL)
        done = &ignored;
    expect_ok(ask_write(client, fh, offset, data, len, stable, done));
    assert_int_equal(done->count, len);
    model_put(model, offset, data, len);
}

void put_write(struct client *client, struct bytes *stream, const struct fh *fh,
               struct model *model, uint64_t offset, uint32_t len, uint32_t stable)
{
    const uint8_t *data = some_data();

    client_put_record(stream, begin_write(client, fh, offset, len, stable, data, len));
    model_put(model, offset, data, len);
}

struct reply take_reply(struct client *client, uint32_t first, uint32_t calls, uint64_t *answered,
                        uint32_t *which)
{
    struct reply reply;

    assert_true(client_receive(client, &reply));
    *which = reply.xid - first - 1;
    assert_true(*which < calls && !(*answered & 1ull << *which));
    *answered |= 1ull << *which;
    assert_int_equal(reply.kind, REPLY_ACCEPTED);
    assert_int_equal(reply.status, ACCEPT_SUCCESS);
    return reply;
}

uint64_t written_from_memory(const struct mounted *m)
{
    char path[64];
    unsigned long long bytes = 0;

    snprintf(path, sizeof(path), "/proc/%d/io", (int)m->server.pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "rchar: %*u wchar: %llu", &bytes), 1);
    fclose(file);
    return bytes;
}

void warm(const struct mounted *m, struct client *client, const struct fh *fh, struct model *model)
{
    /* After a WRITE that could not be done so it is not tried for a while. */
    for (int i = 0; i < 300; i++) {
        const uint64_t before = written_from_memory(m);
        write_model(client, fh, model, 0, LARGE, S_UNSTABLE, NULL);
        if (written_from_memory(m) - before < LARGE)
            return;
    }
    fail_msg("none of 300 large WRITEs has gone by a pipe");
}
