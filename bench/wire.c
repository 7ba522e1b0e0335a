/*
 * wire.c - ONC RPC and NFSv3 as bytes; see wire.h. Used by nfsbench and limit.
 */
#include "bench/wire.h"
#include <arpa/inet.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define LAST_FRAGMENT 0x80000000u
#define AUTH_SYS_LEN  28 /* stamp, "bench", uid, gid, no groups */

static uint32_t credential_uid, credential_gid;

static void room(struct wire *wire, size_t len)
{
    if ((size_t)(wire->end - wire->at) < len)
        abort();
}

void wire_credential(uint32_t uid, uint32_t gid)
{
    credential_uid = htonl(uid);
    credential_gid = htonl(gid);
}

static void begin(struct wire *wire, uint8_t *buf, size_t size, const void *head, size_t len)
{
    wire->base = wire->at = buf;
    wire->end = buf + size;
    room(wire, len);
    memcpy(buf, head, len);
    wire->at += len;
}

void wire_begin_call(struct wire *wire, uint8_t *buf, size_t size, uint32_t xid, uint32_t program,
                     uint32_t version, uint32_t procedure)
{
    /* mark, xid, CALL, RPC version, what is called; AUTH_SYS; verifier AUTH_NONE */
    const uint32_t head[] = {0,
                             htonl(xid),
                             0,
                             htonl(2),
                             htonl(program),
                             htonl(version),
                             htonl(procedure),
                             htonl(1),
                             htonl(AUTH_SYS_LEN),
                             0,
                             htonl(5),
                             htonl(0x62656e63),
                             htonl(0x68000000),
                             credential_uid,
                             credential_gid,
                             0,
                             0,
                             0};

    begin(wire, buf, size, head, sizeof(head));
}

void wire_begin_reply(struct wire *wire, uint8_t *buf, size_t size, uint32_t xid)
{
    /* mark, xid, REPLY, accepted; verifier AUTH_NONE; success */
    const uint32_t head[] = {0, htonl(xid), htonl(1), 0, 0, 0, 0};

    begin(wire, buf, size, head, sizeof(head));
}

void wire_u32(struct wire *wire, uint32_t value)
{
    room(wire, 4);
    value = htonl(value);
    memcpy(wire->at, &value, 4);
    wire->at += 4;
}

void wire_u64(struct wire *wire, uint64_t value)
{
    room(wire, 8);
    value = htobe64(value);
    memcpy(wire->at, &value, 8);
    wire->at += 8;
}

void wire_opaque(struct wire *wire, const void *data, size_t len)
{
    size_t padded = (len + 3) & ~(size_t)3;

    wire_u32(wire, (uint32_t)len);
    room(wire, padded);
    memcpy(wire->at, data, len);
    memset(wire->at + len, 0, padded - len);
    wire->at += padded;
}

void wire_fh(struct wire *wire, const struct wire_fh *fh)
{
    wire_opaque(wire, fh->bytes, fh->len);
}

size_t wire_end(struct wire *wire, size_t more)
{
    size_t len = (size_t)(wire->at - wire->base);
    uint32_t mark = htonl((uint32_t)(len + more - 4) | LAST_FRAGMENT);

    memcpy(wire->base, &mark, 4);
    return len;
}

uint32_t wire_peek(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, 4);
    return ntohl(value);
}

/* Where the next `len` bytes are; NULL and `bad` where they are not. */
static const uint8_t *take(struct wire_reader *reader, size_t len)
{
    const uint8_t *at = reader->at;

    if ((size_t)(reader->end - at) < len) {
        reader->bad = true;
        reader->at = reader->end;
        return NULL;
    }
    reader->at += len;
    return at;
}

uint32_t wire_get_u32(struct wire_reader *reader)
{
    const uint8_t *at = take(reader, 4);

    return at == NULL ? 0 : wire_peek(at);
}

uint64_t wire_get_u64(struct wire_reader *reader)
{
    const uint8_t *at = take(reader, 8);
    uint64_t value = 0;

    if (at != NULL)
        memcpy(&value, at, 8);
    return be64toh(value);
}

void wire_skip(struct wire_reader *reader, size_t len)
{
    take(reader, len);
}

const uint8_t *wire_get_opaque(struct wire_reader *reader, uint32_t *len)
{
    *len = wire_get_u32(reader);
    return take(reader, ((size_t)*len + 3) & ~(size_t)3);
}

bool wire_get_fh(struct wire_reader *reader, struct wire_fh *fh)
{
    const uint8_t *bytes = wire_get_opaque(reader, &fh->len);

    if (bytes == NULL || fh->len == 0 || fh->len > WIRE_FH_MAX)
        return false;
    memcpy(fh->bytes, bytes, fh->len);
    return true;
}

uint64_t wire_get_fileid(struct wire_reader *reader)
{
    wire_skip(reader, WIRE_FILEID);
    uint64_t fileid = wire_get_u64(reader);
    wire_skip(reader, WIRE_ATTR - WIRE_FILEID - 8);
    return fileid;
}

void wire_skip_attr(struct wire_reader *reader)
{
    if (wire_get_u32(reader) != 0)
        wire_skip(reader, WIRE_ATTR);
}

void wire_skip_wcc(struct wire_reader *reader)
{
    if (wire_get_u32(reader) != 0)
        wire_skip(reader, 24); /* size, mtime, ctime before */
    wire_skip_attr(reader);
}

bool wire_reply(struct wire_reader *reader, const uint8_t *message, size_t len)
{
    uint32_t verifier;

    *reader = (struct wire_reader){.at = message, .end = message + len};
    wire_skip(reader, 4); /* xid */
    if (wire_get_u32(reader) != 1 || wire_get_u32(reader) != 0)
        return false;
    wire_skip(reader, 4);
    wire_get_opaque(reader, &verifier);
    return wire_get_u32(reader) == 0 && !reader->bad;
}
