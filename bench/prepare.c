/*
 * prepare.c - gives a work its files in the export, and takes them away again.
 *
 * Everything is done by NFS calls, so that the server may be on another host. What is many (names,
 * data) goes through load.c; the rest is one call after the other, on a connection of its own.
 * Called by nfsbench.c.
 */
#include "bench/nfsbench.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPLY_MAX 4096

struct talk {
    int fd;
    uint32_t xid;
    uint8_t call[CALL_MAX + 1024], reply[REPLY_MAX];
};

static int receive_all(int fd, uint8_t *to, size_t len)
{
    while (len > 0) {
        ssize_t n = recv(fd, to, len, MSG_WAITALL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : ECONNRESET;
        to += n;
        len -= (size_t)n;
    }
    return 0;
}

static void talk_call(struct talk *talk, struct wire *wire, uint32_t program, uint32_t procedure)
{
    wire_begin_call(wire, talk->call, sizeof(talk->call), ++talk->xid, program, 3, procedure);
}

/* Sends a call, waits for its reply. EREMOTEIO: the server said no, and *status what. */
static int talk_wait(struct talk *talk, struct wire *wire, struct wire_reader *r, uint32_t *status)
{
    size_t len = wire_end(wire, 0);
    uint8_t mark[4];

    *status = 0;
    if (send(talk->fd, talk->call, len, MSG_NOSIGNAL) != (ssize_t)len)
        return errno != 0 ? errno : EIO;
    int err = receive_all(talk->fd, mark, 4);
    if (err != 0)
        return err;
    len = wire_peek(mark) & 0x7fffffff;
    if (len > REPLY_MAX)
        return EPROTO;
    err = receive_all(talk->fd, talk->reply, len);
    if (err != 0)
        return err;
    if (!wire_reply(r, talk->reply, len))
        return EPROTO;
    *status = wire_get_u32(r);
    return *status == 0 ? 0 : EREMOTEIO;
}

static int complain(int err, uint32_t status, const char *what)
{
    if (err == EREMOTEIO)
        fprintf(stderr, "nfsbench: %s: the server answered status %u\n", what, status);
    else if (err != 0)
        fprintf(stderr, "nfsbench: %s: %s\n", what, strerror(err));
    return err;
}

int site_mount(const struct target *target, uint16_t port, const char *path, struct wire_fh *root)
{
    struct sockaddr_storage address = target->address;
    struct talk talk = {.xid = (uint32_t)time(NULL) << 8};
    struct wire_reader r;
    struct wire wire;
    uint32_t status = 0;

    ((struct sockaddr_in *)&address)->sin_port = htons(port);
    talk.fd = load_connect(&address, target->address_len, true);
    if (talk.fd < 0)
        return complain(-talk.fd, 0, "connect for MOUNT");
    talk_call(&talk, &wire, MOUNT_PROGRAM, 1);
    wire_opaque(&wire, path, strlen(path));
    int err = talk_wait(&talk, &wire, &r, &status);
    if (err == 0 && !wire_get_fh(&r, root))
        err = EPROTO;
    close(talk.fd);
    return complain(err, status, "MNT");
}

/* MKDIR, or CREATE of an empty file. */
static int make(struct talk *talk, const struct wire_fh *directory, const char *name,
                uint32_t procedure, struct wire_fh *made)
{
    struct wire_reader r;
    struct wire wire;
    uint32_t status;

    talk_call(talk, &wire, NFS_PROGRAM, procedure);
    wire_fh(&wire, directory);
    wire_opaque(&wire, name, strlen(name));
    if (procedure == NFS3_CREATE)
        wire_u32(&wire, 0); /* UNCHECKED */
    wire_u32(&wire, 1);
    wire_u32(&wire, procedure == NFS3_MKDIR ? 0755 : 0644);
    for (int i = 0; i < 5; i++)
        wire_u32(&wire, 0);
    int err = talk_wait(talk, &wire, &r, &status);
    if (err == 0 && (wire_get_u32(&r) == 0 || !wire_get_fh(&r, made)))
        err = EPROTO;
    return complain(err, status, name);
}

static int unmake(struct talk *talk, const struct wire_fh *directory, const char *name,
                  uint32_t procedure)
{
    struct wire_reader r;
    struct wire wire;
    uint32_t status;

    talk_call(talk, &wire, NFS_PROGRAM, procedure);
    wire_fh(&wire, directory);
    wire_opaque(&wire, name, strlen(name));
    int err = talk_wait(talk, &wire, &r, &status);
    return complain(err, status, name);
}

/* Runs one kind of call so often, on one connection. */
static int repeat(struct site *site, const struct target *target, enum kind kind, uint64_t count,
                  const struct wire_fh *directory, const char *what)
{
    const struct work work = {.size = 65536, .shares = {{kind, 100}}};
    const struct target once = {.address = target->address,
                                .address_len = target->address_len,
                                .connections = 1,
                                .depth = 32};
    struct run run = {
        .work = &work, .site = site, .directory = directory, .count = count, .random = 1};
    struct outcome outcome;
    uint8_t *block = malloc(BLOCK_SIZE);

    if (block == NULL)
        return ENOMEM;
    block_fill(block);
    run.block = block;
    int err = count == 0 ? 0 : load_run(&once, &run, 0, &outcome);
    if (err == 0 && count > 0 && outcome.errors > 0)
        err = EREMOTEIO;
    free(block);
    return complain(err, err == EREMOTEIO ? outcome.first_error : 0, what);
}

static int talk_begin(struct talk *talk, const struct target *target)
{
    talk->xid = (uint32_t)time(NULL) << 8 ^ (uint32_t)getpid();
    talk->fd = load_connect(&target->address, target->address_len, true);
    return talk->fd < 0 ? complain(-talk->fd, 0, "connect") : 0;
}

int site_prepare(struct site *site, const struct target *target, uint16_t mount_port,
                 const char *path, const struct work *work)
{
    struct talk talk;
    int err = site_mount(target, mount_port, path, &site->root);

    if (err == 0)
        err = talk_begin(&talk, target);
    if (err != 0)
        return err;
    if (site->top_name[0] == '\0')
        snprintf(site->top_name, sizeof(site->top_name), "nfsbench.%d", (int)getpid());
    err = make(&talk, &site->root, site->top_name, NFS3_MKDIR, &site->top);
    if (err == 0)
        err = make(&talk, &site->top, "names", NFS3_MKDIR, &site->names);
    if (err == 0)
        err = make(&talk, &site->top, "churn", NFS3_MKDIR, &site->churn);
    if (err == 0)
        err = make(&talk, &site->top, "list", NFS3_MKDIR, &site->list);
    if (err == 0)
        err = make(&talk, &site->top, "data", NFS3_CREATE, &site->data);
    close(talk.fd);
    if (err == 0)
        err = repeat(site, target, KIND_FILL, NAMES, &site->names, "files to look up");
    if (err == 0 && work->size != 0)
        err = repeat(site, target, KIND_STORE, DATA_SIZE / 65536, NULL, "data");
    site->entries = work->entries;
    if (err == 0)
        err = repeat(site, target, KIND_FILL, work->entries, &site->list, "files to list");
    return err;
}

/* Goes on after an error: the less is left the better. Returns the first. */
int site_remove(struct site *site, const struct target *target, const struct work *work)
{
    struct talk talk;
    int first = 0;

    if (site->top.len == 0)
        return 0;
    const int bulk[] = {
        repeat(site, target, KIND_DRAIN, NAMES, &site->names, "removing files"),
        repeat(site, target, KIND_DRAIN, work->entries, &site->list, "removing files"),
    };
    int err = talk_begin(&talk, target);
    if (err != 0)
        return err;
    const int rest[] = {
        unmake(&talk, &site->top, "names", NFS3_RMDIR),
        unmake(&talk, &site->top, "churn", NFS3_RMDIR),
        unmake(&talk, &site->top, "list", NFS3_RMDIR),
        unmake(&talk, &site->top, "data", NFS3_REMOVE),
        unmake(&talk, &site->root, site->top_name, NFS3_RMDIR),
    };
    close(talk.fd);
    for (size_t i = 0; i < sizeof(bulk) / sizeof(bulk[0]) && first == 0; i++)
        first = bulk[i];
    for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]) && first == 0; i++)
        first = rest[i];
    return first;
}
