/*
 * works.c - the works nfsbench knows, how each kind of call is built, and when its reply is right.
 *
 * Pure: bytes in and out. load.c calls it for every call, so it is written to cost little.
 */
#include "bench/nfsbench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCESS_ALL     0x3f
#define NAME_MAX_BENCH 64

static const struct work works[] = {
    {.name = "null", .shares = {{KIND_NULL, 100}}},
    {.name = "getattr", .shares = {{KIND_GETATTR, 100}}},
    {.name = "access", .shares = {{KIND_ACCESS, 100}}},
    {.name = "lookup", .shares = {{KIND_LOOKUP, 100}}},
    {.name = "read4k", .size = 4096, .shares = {{KIND_READ, 100}}},
    {.name = "read64k", .size = 65536, .shares = {{KIND_READ, 100}}},
    {.name = "read1m", .size = 1048576, .shares = {{KIND_READ, 100}}},
    {.name = "write4k", .size = 4096, .shares = {{KIND_WRITE, 100}}},
    {.name = "write64k", .size = 65536, .shares = {{KIND_WRITE, 100}}},
    {.name = "write1m", .size = 1048576, .shares = {{KIND_WRITE, 100}}},
    {.name = "create", .shares = {{KIND_CHURN, 100}}},
    {.name = "readdirplus", .entries = 1000, .shares = {{KIND_LIST, 100}}},
    {.name = "readdirplus100k", .entries = 100000, .shares = {{KIND_LIST, 100}}},
    {.name = "readdirplus1m", .entries = 1000000, .shares = {{KIND_LIST, 100}}},
    {.name = "mix",
     .size = 4096,
     .shares = {{KIND_LOOKUP, 30},
                {KIND_GETATTR, 25},
                {KIND_ACCESS, 15},
                {KIND_READ, 18},
                {KIND_WRITE, 8},
                {KIND_CHURN, 4}}},
};

const struct work *work_find(const char *name)
{
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
        if (strcmp(works[i].name, name) == 0)
            return &works[i];
    return NULL;
}

void work_list(FILE *to)
{
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
        fprintf(to, " %s", works[i].name);
    fputc('\n', to);
}

void block_fill(uint8_t *block)
{
    for (uint64_t at = 0; at < BLOCK_SIZE; at += sizeof(at))
        memcpy(block + at, &at, sizeof(at));
}

void churn_name(const struct slot *slot, char name[64])
{
    snprintf(name, NAME_MAX_BENCH, "c%u.%lu", slot->unique, (unsigned long)slot->sequence);
}

void fill_name(uint64_t number, char name[64])
{
    snprintf(name, NAME_MAX_BENCH, "file%08lu", (unsigned long)number);
}

static uint64_t next_random(struct run *run)
{
    uint64_t x = run->random;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return run->random = x;
}

static enum kind choose(struct run *run)
{
    const struct share *share = run->work->shares;

    if (share->percent == 100)
        return share->kind;
    unsigned at = (unsigned)(next_random(run) >> 32) % 100;
    while (at >= share->percent)
        at -= share++->percent;
    return share->kind;
}

static void put_name(struct wire *wire, const struct wire_fh *directory, const char *name)
{
    wire_fh(wire, directory);
    wire_opaque(wire, name, strlen(name));
}

/* UNCHECKED, with mode 0644 and nothing else. */
static void put_create(struct wire *wire, const struct wire_fh *directory, const char *name)
{
    put_name(wire, directory, name);
    wire_u32(wire, 0);
    wire_u32(wire, 1);
    wire_u32(wire, 0644);
    for (int i = 0; i < 5; i++) /* uid, gid, size, atime, mtime */
        wire_u32(wire, 0);
}

static void put_read(struct wire *wire, const struct wire_fh *fh, uint64_t offset, uint32_t size)
{
    wire_fh(wire, fh);
    wire_u64(wire, offset);
    wire_u32(wire, size);
}

/* UNSTABLE; the data follows the head. */
static void put_write(struct run *run, struct wire *wire, uint64_t offset, uint32_t size,
                      struct message *out)
{
    wire_fh(wire, &run->site->data);
    wire_u64(wire, offset);
    wire_u32(wire, size);
    wire_u32(wire, 0);
    wire_u32(wire, size);
    out->data = run->block + offset % BLOCK_SIZE;
    out->data_len = size;
}

static void put_list(struct wire *wire, const struct wire_fh *fh, const struct slot *slot)
{
    wire_fh(wire, fh);
    wire_u64(wire, slot->cookie);
    wire_u64(wire, slot->verifier);
    wire_u32(wire, LISTING_MAX);
    if (slot->kind == KIND_LIST)
        wire_u32(wire, LISTING_MAX);
}

static const uint32_t numbers[] = {
    [KIND_NULL] = NFS3_NULL,     [KIND_GETATTR] = NFS3_GETATTR,  [KIND_ACCESS] = NFS3_ACCESS,
    [KIND_LOOKUP] = NFS3_LOOKUP, [KIND_READ] = NFS3_READ,        [KIND_WRITE] = NFS3_WRITE,
    [KIND_CHURN] = NFS3_CREATE,  [KIND_LIST] = NFS3_READDIRPLUS, [KIND_FILL] = NFS3_CREATE,
    [KIND_DRAIN] = NFS3_REMOVE,  [KIND_STORE] = NFS3_WRITE,      [KIND_SCAN] = NFS3_READDIR,
    [KIND_FIND] = NFS3_LOOKUP,   [KIND_TOUCH] = NFS3_GETATTR,
};

static void put_arguments(struct run *run, struct slot *slot, struct wire *wire,
                          struct message *out)
{
    struct site *site = run->site;
    const struct work *work = run->work;
    const struct wire_fh *file = &site->files[(next_random(run) >> 32) % NAMES];
    char name[NAME_MAX_BENCH];

    switch (slot->kind) {
    case KIND_NULL:
        break;
    case KIND_GETATTR:
        wire_fh(wire, file);
        break;
    case KIND_ACCESS:
        wire_fh(wire, file);
        wire_u32(wire, ACCESS_ALL);
        break;
    case KIND_LOOKUP:
        fill_name((uint64_t)(file - site->files), name);
        put_name(wire, &site->names, name);
        break;
    case KIND_READ:
    case KIND_WRITE:
        slot->argument = (next_random(run) >> 32) % (DATA_SIZE / work->size) * work->size;
        if (slot->kind == KIND_READ)
            put_read(wire, &site->data, slot->argument, work->size);
        else
            put_write(run, wire, slot->argument, work->size, out);
        break;
    case KIND_CHURN:
        churn_name(slot, name);
        if (slot->created)
            put_name(wire, &site->churn, name);
        else
            put_create(wire, &site->churn, name);
        break;
    case KIND_LIST:
    case KIND_SCAN:
        put_list(wire, &site->list, slot);
        break;
    case KIND_FIND:
        slot->argument = (next_random(run) >> 32) % run->files;
        fill_name(slot->argument, name);
        put_name(wire, run->directory, name);
        break;
    case KIND_TOUCH:
        slot->argument = run->order[run->issued % run->files];
        wire_fh(wire, &run->known[slot->argument].fh);
        break;
    case KIND_FILL:
    case KIND_DRAIN:
        slot->argument = run->issued;
        fill_name(slot->argument, name);
        if (slot->kind == KIND_FILL)
            put_create(wire, run->directory, name);
        else
            put_name(wire, run->directory, name);
        break;
    case KIND_STORE:
        slot->argument = run->issued * work->size;
        put_write(run, wire, slot->argument, work->size, out);
        break;
    }
}

void call_build(struct run *run, struct slot *slot, uint8_t buf[CALL_MAX], struct message *out)
{
    struct wire wire;

    slot->kind = choose(run);
    *out = (struct message){0};
    uint32_t number = numbers[slot->kind];
    if (slot->kind == KIND_CHURN) {
        if (slot->created)
            number = NFS3_REMOVE;
        else
            slot->sequence++;
    }
    wire_begin_call(&wire, buf, CALL_MAX, slot->xid, NFS_PROGRAM, 3, number);
    put_arguments(run, slot, &wire, out);
    out->head_len = wire_end(&wire, out->data_len);
}

bool call_wants_whole(const struct slot *slot)
{
    return slot->kind == KIND_LIST || slot->kind == KIND_SCAN;
}

static uint32_t check_read(const struct run *run, const struct slot *slot, struct wire_reader *r,
                           uint64_t *units)
{
    uint64_t word = 0;

    wire_skip_attr(r);
    uint32_t count = wire_get_u32(r);
    wire_skip(r, 4);
    if (count != run->work->size || wire_get_u32(r) != count)
        return CALL_BAD;
    if (r->end - r->at < (ptrdiff_t)sizeof(word))
        return CALL_BAD;
    memcpy(&word, r->at, sizeof(word));
    *units = count;
    return word == slot->argument % BLOCK_SIZE ? 0 : CALL_BAD;
}

/* Keeps what a listing says of a file. */
static void note(const struct run *run, const uint8_t *name, uint32_t len, uint64_t fileid,
                 const struct wire_fh *fh)
{
    char text[NAME_MAX_BENCH] = "";

    if (run->known == NULL || name == NULL || len < 5 || len >= sizeof(text))
        return;
    memcpy(text, name, len);
    unsigned long number = strtoul(text + strlen("file"), NULL, 10);
    if (number < run->files)
        run->known[number] = (struct known){.fileid = fileid, .fh = *fh};
}

/* What of an entry is READDIRPLUS only. */
static bool take_plus(const struct run *run, struct wire_reader *r, const uint8_t *name,
                      uint32_t len, uint64_t fileid)
{
    struct wire_fh fh;

    wire_skip_attr(r);
    if (wire_get_u32(r) == 0)
        return true;
    if (!wire_get_fh(r, &fh))
        return false;
    note(run, name, len, fileid, &fh);
    return true;
}

/* Counts the entries of a listing, and at its end whether it was complete. */
static uint32_t check_list(struct run *run, struct slot *slot, struct wire_reader *r,
                           uint64_t *units)
{
    uint32_t entries = 0, len;

    wire_skip_attr(r);
    slot->verifier = wire_get_u64(r);
    for (; wire_get_u32(r) != 0; entries++) {
        uint64_t fileid = wire_get_u64(r);
        const uint8_t *name = wire_get_opaque(r, &len);
        slot->cookie = wire_get_u64(r);
        if (slot->kind == KIND_LIST && !take_plus(run, r, name, len, fileid))
            return CALL_BAD;
    }
    bool eof = wire_get_u32(r) != 0;
    if (r->bad || (entries == 0 && !eof))
        return CALL_BAD;
    *units = entries;
    slot->listed += entries;
    if (!eof)
        return 0;
    if (run->listings != 0 && --run->listings == 0)
        run->count = run->issued;
    /* With or without `.` and `..`. */
    bool complete = slot->listed == run->site->entries || slot->listed == run->site->entries + 2;
    slot->cookie = slot->verifier = 0;
    slot->listed = 0;
    return complete ? 0 : CALL_BAD;
}

/* Of FIND and TOUCH: is it the file that is known by this number? */
static uint32_t check_known(const struct run *run, const struct slot *slot, struct wire_reader *r)
{
    struct wire_fh fh;

    if (slot->kind == KIND_FIND && (!wire_get_fh(r, &fh) || wire_get_u32(r) == 0))
        return CALL_BAD;
    uint64_t fileid = wire_get_fileid(r);
    bool right = run->known == NULL || fileid == run->known[slot->argument].fileid;
    return right && !r->bad ? 0 : CALL_BAD;
}

uint32_t call_check(struct run *run, struct slot *slot, const uint8_t *reply, size_t len,
                    uint64_t *units)
{
    struct wire_reader r;
    struct wire_fh fh;

    *units = 0;
    if (!wire_reply(&r, reply, len))
        return CALL_BAD;
    if (slot->kind == KIND_NULL)
        return 0;
    uint32_t status = wire_get_u32(&r);
    if (status != 0 || r.bad)
        return r.bad ? CALL_BAD : status;
    switch (slot->kind) {
    case KIND_LOOKUP:
        return wire_get_fh(&r, &fh) ? 0 : CALL_BAD;
    case KIND_READ:
        return check_read(run, slot, &r, units);
    case KIND_WRITE:
    case KIND_STORE:
        wire_skip_wcc(&r);
        *units = wire_get_u32(&r);
        return *units == run->work->size ? 0 : CALL_BAD;
    case KIND_CHURN:
        slot->created = !slot->created;
        return 0;
    case KIND_LIST:
    case KIND_SCAN:
        return check_list(run, slot, &r, units);
    case KIND_FIND:
    case KIND_TOUCH:
        return check_known(run, slot, &r);
    case KIND_FILL:
        if (wire_get_u32(&r) == 0 || !wire_get_fh(&r, &fh))
            return CALL_BAD;
        if (run->directory == &run->site->names && slot->argument < NAMES)
            run->site->files[slot->argument] = fh;
        return 0;
    default:
        return 0;
    }
}
