/*
 * check.c - see check.h.
 *
 * Reads without the assertions of tests/lib/bytes.h: libFuzzer's target has no test to fail.
 */
#include "tests/fuzz/check.h"
#include "tests/fuzz/shape.h"
#include <string.h>

/* What is left of the reply, and the first thing that was wrong. */
struct reading {
    const uint8_t *at, *end;
    const char *wrong;
    struct handles *handles;
};

static void wrong(struct reading *r, const char *what)
{
    if (r->wrong == NULL)
        r->wrong = what;
    r->at = r->end;
}

static const uint8_t *read_bytes(struct reading *r, size_t len)
{
    static const uint8_t nothing[64];
    const uint8_t *at = r->at;

    if ((size_t)(r->end - r->at) < ((len + 3) & ~(size_t)3)) {
        wrong(r, "the reply ends early");
        return len <= sizeof(nothing) ? nothing : NULL;
    }
    for (size_t i = len; i % 4 != 0; i++)
        if (at[i] != 0)
            wrong(r, "padding is not 0");
    if (r->wrong == NULL)
        r->at += (len + 3) & ~(size_t)3;
    return at;
}

static uint32_t read_word(struct reading *r)
{
    const uint8_t *at = read_bytes(r, 4);

    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool read_bool(struct reading *r)
{
    uint32_t value = read_word(r);

    if (value > 1)
        wrong(r, "a bool is neither 0 nor 1");
    return value == 1;
}

static void read_opaque(struct reading *r, uint32_t max)
{
    uint32_t len = read_word(r);

    if (len > max)
        wrong(r, "an opaque is too long");
    else
        read_bytes(r, len);
}

static void read_handle(struct reading *r)
{
    uint32_t len = read_word(r);

    if (len == 0 || len > 64) {
        wrong(r, "a handle's length is not 1..64");
        return;
    }
    const uint8_t *bytes = read_bytes(r, len);
    if (r->wrong == NULL && r->handles != NULL)
        handles_add(r->handles, bytes, len);
}

static void read_fattr(struct reading *r)
{
    uint32_t type = read_word(r);

    if (type < 1 || type > 7)
        wrong(r, "no such type of file");
    if (read_word(r) > 07777)
        wrong(r, "a mode has more than the permission bits");
    read_bytes(r, 19 * 4);
}

static void read_post_attr(struct reading *r)
{
    if (read_bool(r))
        read_fattr(r);
}

static void read_entries(struct reading *r, bool plus)
{
    while (read_bool(r)) {
        read_bytes(r, 8);
        read_opaque(r, 255);
        read_bytes(r, 8);
        if (!plus)
            continue;
        read_post_attr(r);
        if (read_bool(r))
            read_handle(r);
    }
    read_bool(r);
}

/* The lists of MOUNT and of the portmapper. */
static void read_list(struct reading *r, char letter)
{
    while (read_bool(r)) {
        switch (letter) {
        case 'm':
            read_opaque(r, 255);
            read_opaque(r, 1024);
            break;
        case 'x':
            read_opaque(r, 1024);
            while (read_bool(r))
                read_opaque(r, 255);
            break;
        case '2':
            read_bytes(r, 16);
            break;
        case '3':
            read_bytes(r, 8);
            read_opaque(r, 255);
            read_opaque(r, 255);
            read_opaque(r, 255);
            break;
        case '4':
            read_opaque(r, 255);
            read_opaque(r, 255);
            read_bytes(r, 4);
            read_opaque(r, 255);
            read_opaque(r, 255);
            break;
        }
    }
}

static void read_flavors(struct reading *r)
{
    uint32_t count = read_word(r);

    if (count == 0 || count > 8)
        wrong(r, "MNT offers no flavors, or too many");
    else
        read_bytes(r, (size_t)count * 4);
}

static void read_result(struct reading *r, char letter)
{
    switch (letter) {
    case 'F':
        read_fattr(r);
        break;
    case 'P':
        read_post_attr(r);
        break;
    case 'W':
        if (read_bool(r))
            read_bytes(r, 24);
        read_post_attr(r);
        break;
    case 'h':
        read_handle(r);
        break;
    case 'H':
        if (read_bool(r))
            read_handle(r);
        break;
    case 'o':
        read_opaque(r, 1024 * 1024);
        break;
    case 'w':
        read_word(r);
        break;
    case 'b':
        read_bool(r);
        break;
    case 'l':
        read_bytes(r, 8);
        break;
    case 'e':
    case 'E':
        read_entries(r, letter == 'E');
        break;
    case 'z':
        if (r->handles != NULL && r->end - r->at >= 32)
            handles_add(r->handles, r->at, 32);
        read_bytes(r, 32);
        break;
    case 'f':
        read_flavors(r);
        break;
    case 'S': /* one version's counts of rpcbind: two empty lists at their end */
        read_bytes(r, 15 * 4);
        if (read_bool(r) || read_bool(r))
            wrong(r, "a list of counts is not empty");
        break;
    default:
        read_list(r, letter);
    }
}

/* One of RFC 1813 sections 2.6 and 5.1.5; MOUNT version 1 has the errnos among them. */
static bool status_is_known(uint32_t status)
{
    static const uint32_t known[] = {0,  1,     2,     5,     6,     13,    17,    18,    19,   20,
                                     21, 22,    27,    28,    30,    31,    63,    66,    69,   70,
                                     71, 10001, 10002, 10003, 10004, 10005, 10006, 10007, 10008};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i] == status)
            return true;
    return false;
}

static void read_results(struct reading *r, struct reading *call, bool *done)
{
    uint32_t program = read_word(call);
    uint32_t version = read_word(call);
    const struct shape *shape = shape_find(program, version, read_word(call));
    const char *letters;
    uint32_t status = 0;

    if (shape == NULL) {
        wrong(r, "a procedure that does not exist succeeds");
        return;
    }
    if (shape->has_status)
        status = read_word(r);
    if (!status_is_known(status))
        wrong(r, "the status is none of the RFC's");
    letters = status == 0 ? shape->ok : shape->fail;
    for (; *letters != '\0'; letters++)
        read_result(r, *letters);
    if (done != NULL)
        *done = status == 0;
}

static void read_accepted(struct reading *r, struct reading *call, bool *done)
{
    if (read_word(r) != 0 || read_word(r) != 0)
        wrong(r, "the verifier is not an empty AUTH_NONE");
    switch (read_word(r)) {
    case ACCEPT_SUCCESS:
        read_results(r, call, done);
        break;
    case ACCEPT_PROG_MISMATCH:
        read_bytes(r, 8);
        break;
    case ACCEPT_PROG_UNAVAIL:
    case ACCEPT_PROC_UNAVAIL:
    case ACCEPT_GARBAGE_ARGS:
        break;
    case ACCEPT_SYSTEM_ERR:
        wrong(r, "the call ends with SYSTEM_ERR");
        break;
    default:
        wrong(r, "no such accept_stat");
    }
}

const char *check_reply(const uint8_t *message, size_t message_len, const uint8_t *reply,
                        size_t reply_len, struct handles *handles, bool *done)
{
    struct reading call = {.at = message, .end = message + message_len};
    struct reading r = {.at = reply, .end = reply + reply_len, .handles = handles};

    if (done != NULL)
        *done = false;
    uint32_t xid = read_word(&call);
    bool is_call = read_word(&call) == 0 && call.wrong == NULL;
    if (reply_len == 0)
        return is_call ? "a call gets no reply" : NULL;
    if (!is_call)
        return "what is no call gets a reply";
    read_word(&call); /* RPC version */
    if (reply_len % 4 != 0)
        return "the reply's length is not a multiple of 4";
    if (read_word(&r) != xid || read_word(&r) != 1)
        return "xid or message type is wrong";
    switch (read_word(&r)) {
    case REPLY_ACCEPTED:
        read_accepted(&r, &call, done);
        break;
    case REPLY_DENIED:
        if (read_word(&r) == REJECT_RPC_MISMATCH)
            read_bytes(&r, 8);
        else if (read_word(&r) != 1)
            wrong(&r, "denied, but not for a bad credential");
        break;
    default:
        wrong(&r, "neither accepted nor denied");
    }
    if (r.wrong == NULL && r.at != r.end)
        return "the reply has bytes too many";
    return r.wrong;
}
