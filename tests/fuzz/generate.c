/*
 * generate.c - see generate.h.
 */
#include "tests/fuzz/generate.h"
#include <string.h>

void handles_add_dir(struct handles *handles, const struct fh *fh)
{
    handles->list[handles->dirs++] = *fh;
    handles->count = handles->next = handles->dirs;
}

void handles_add(struct handles *handles, const uint8_t *data, size_t len)
{
    struct fh *fh = &handles->list[handles->next];

    if (len > sizeof(fh->data))
        return;
    fh->len = (uint32_t)len;
    memcpy(fh->data, data, len);
    if (handles->count < HANDLES_MAX)
        handles->count++;
    if (++handles->next == HANDLES_MAX)
        handles->next = handles->dirs;
}

static void put_handle(struct generator *g, struct bytes *b, bool dir)
{
    const struct handles *handles = g->handles;
    static const uint8_t nothing[32];

    if (handles->count == 0)
        put_opaque(b, nothing, sizeof(nothing));
    else if (dir && handles->dirs > 0 && !random_one_in(g->random, 8))
        put_fh(b, &handles->list[random_below(g->random, handles->dirs)]);
    else
        put_fh(b, &handles->list[random_below(g->random, handles->count)]);
}

static const char *const names[] = {
    "file",      "dir",
    "big",       "link",
    "out",       "absolute",
    "fifo",      "sock",
    "private",   "empty",
    "hard",      "new",
    "b",         "c",
    "sub",       "ro",
    "entry 7",   ".",
    "..",        "",
    "a/b",       "../outside/secret",
    "/",         "\xff\xfe\x80",
    "new\nline", "d",
    "e",         "dir",
    "f",         "./file",
    "file/",     "...",
};

static void put_name(struct generator *g, struct bytes *b)
{
    char bytes[300];
    uint32_t n = random_below(g->random, sizeof(names) / sizeof(names[0]) + 4);

    memset(bytes, 'x', sizeof(bytes));
    if (n < sizeof(names) / sizeof(names[0])) {
        put_string(b, names[n]);
    } else if (random_one_in(g->random, 2)) {
        put_opaque(b, bytes, 253 + random_below(g->random, 6));
    } else {
        memcpy(bytes, "file\0x", 6);
        put_opaque(b, bytes, 6);
    }
}

/* A position or a size: mostly small. */
static uint64_t choose_offset(struct random *random)
{
    switch (random_below(random, 8)) {
    case 0:
        return (uint64_t)random_edge(random) << 32 | random_edge(random);
    case 1:
        return random_edge(random);
    default:
        return random_below(random, 256) * 997u;
    }
}

static void put_set(struct random *random, struct bytes *b)
{
    struct sattr set = {.set_mode = random_one_in(random, 2),
                        .set_uid = random_one_in(random, 8),
                        .set_gid = random_one_in(random, 8),
                        .set_size = random_one_in(random, 4),
                        .mode = random_one_in(random, 4) ? random_u32(random) : 0755,
                        .uid = random_below(random, 4) * 1000,
                        .gid = random_edge(random),
                        .size = choose_offset(random),
                        .set_atime = random_below(random, 3),
                        .set_mtime = random_below(random, 3)};

    set.atime = (struct nfs_time){random_edge(random), random_below(random, 256)};
    set.mtime = (struct nfs_time){random_u32(random), random_edge(random)};
    put_sattr(b, &set);
}

static void put_guard(struct random *random, struct bytes *b)
{
    bool guarded = random_one_in(random, 4);

    put_u32(b, guarded);
    if (guarded)
        put_u64(b, random_u32(random));
}

/* What WRITE writes: count, stable_how, data. */
static void put_data(struct random *random, struct bytes *b)
{
    static uint8_t data[1024 * 1024];
    uint32_t len = random_below(random, 256);

    if (random_one_in(random, 16))
        len = random_below(random, 80000);
    if (random_one_in(random, 250))
        len = sizeof(data);
    put_u32(b, random_one_in(random, 10) ? random_edge(random) : len);
    put_u32(b, random_below(random, 3));
    memset(data, (int)(len % 251), len);
    put_opaque(b, data, len);
}

static void put_how(struct random *random, struct bytes *b)
{
    uint32_t mode = random_below(random, 3);

    put_u32(b, mode);
    if (mode == H_EXCLUSIVE)
        put_u64(b, random_below(random, 4) | (uint64_t)random_edge(random) << 32);
    else
        put_set(random, b);
}

static void put_mknod(struct random *random, struct bytes *b)
{
    uint32_t type = random_below(random, 9);

    put_u32(b, type);
    if (type != T_BLK && type != T_CHR && type != T_SOCK && type != T_FIFO)
        return;
    put_set(random, b);
    if (type == T_BLK || type == T_CHR) {
        put_u32(b, random_below(random, 12));
        put_u32(b, random_edge(random));
    }
}

static void put_path(struct generator *g, struct bytes *b)
{
    static const char *const tails[] = {
        "",         "/dir",    "/dir/sub", "/..",    "/../outside",   "/file", "/out",
        "/missing", "//dir//", "/.",       "/out/x", "/../../../etc", "2",     "/private"};
    struct bytes path = {0};
    size_t count = 0;

    while (g->paths[count] != NULL)
        count++;
    const char *begin = g->paths[random_below(g->random, (uint32_t)count)];
    const char *tail = tails[random_below(g->random, sizeof(tails) / sizeof(tails[0]))];
    put_raw(&path, begin, strlen(begin));
    if (random_one_in(g->random, 2))
        put_raw(&path, tail, strlen(tail));
    if (random_one_in(g->random, 20))
        while (path.len < 1000 + random_below(g->random, 40))
            put_raw(&path, "/dir", 4);
    put_opaque(b, path.data, path.len);
    bytes_free(&path);
}

static const char *pick(struct random *random, const char *const *list, uint32_t count)
{
    return list[random_below(random, count)];
}
#define PICK(random, list) pick((random), (list), sizeof(list) / sizeof((list)[0]))

static void put_netbuf(struct random *random, struct bytes *b)
{
    uint8_t sockaddr[28];
    static const uint32_t sizes[] = {0, 1, 2, 15, 16, 17, 27, 28};

    random_fill(random, sockaddr, sizeof(sockaddr));
    sockaddr[0] = random_one_in(random, 3) ? 10 : 2; /* AF_INET6, AF_INET */
    sockaddr[1] = 0;
    put_u32(b, random_edge(random));
    put_opaque(b, sockaddr, sizes[random_below(random, 8)]);
}

static void put_portmap(struct random *random, char letter, struct bytes *b)
{
    static const char *const netids[] = {"tcp", "udp", "tcp6", "udp6", "", "ticotsord", "tcp66"};
    static const char *const uaddrs[] = {"127.0.0.1.8.1", "0.0.0.0.0.111", "::.8.1",
                                         "::1.255.255",   "1.2.3.4.256.1", "",
                                         "....",          "127.0.0.1.8",   "fe80::1%lo.1.1"};
    static const uint32_t programs[] = {100000, 100003, 100005, 100021, 100024, 0x20000000};
    static const uint32_t protocols[] = {6, 17, 0, 1};

    switch (letter) {
    case 'G':
        put_u32(b, programs[random_below(random, 6)] + random_below(random, 3));
        break;
    case 'V':
        put_u32(b, random_below(random, 6));
        break;
    case 'T':
        put_u32(b, protocols[random_below(random, 4)]);
        break;
    case 'i':
        put_string(b, PICK(random, netids));
        break;
    case 'u':
        put_string(b, PICK(random, uaddrs));
        break;
    case 'a':
        put_netbuf(random, b);
        break;
    }
}

static void put_text(struct random *random, struct bytes *b)
{
    static const char *const texts[] = {"file", "../outside/secret", "/etc/passwd",
                                        "",     "superuser",         "dir/../../.."};
    struct bytes text = {0};
    const char *begin = PICK(random, texts);

    put_raw(&text, begin, strlen(begin));
    if (random_one_in(random, 10))
        while (text.len < 4080 + random_below(random, 32))
            put_raw(&text, "./a", 3);
    put_opaque(b, text.data, text.len);
    bytes_free(&text);
}

static void put_argument(struct generator *g, const char *letters, struct bytes *b)
{
    struct random *random = g->random;

    switch (*letters) {
    case 'h':
        put_handle(g, b, letters[1] == 'n' || letters[1] == 'C');
        break;
    case 'n':
        put_name(g, b);
        break;
    case 's':
        put_set(random, b);
        break;
    case 'g':
        put_guard(random, b);
        break;
    case 'w':
        put_u32(b, random_edge(random));
        break;
    case 'c':
        put_u32(b, random_one_in(random, 2) ? random_edge(random) : random_below(random, 9000));
        break;
    case 'o':
        put_u64(b, choose_offset(random));
        break;
    case 'C':
        put_u64(b, random_one_in(random, 2) ? 0 : choose_offset(random));
        break;
    case 'v':
        put_u64(b, random_one_in(random, 2) ? 0 : random_u32(random));
        break;
    case 'd':
        put_data(random, b);
        break;
    case 'k':
        put_how(random, b);
        break;
    case 'm':
        put_mknod(random, b);
        break;
    case 't':
        put_text(random, b);
        break;
    case 'p':
        put_path(g, b);
        break;
    default:
        put_portmap(random, *letters, b);
    }
}

static void choose_caller(struct random *random, struct caller *who)
{
    static const uint8_t raw[460];

    *who = caller_root;
    switch (random_below(random, 10)) {
    case 0:
        *who = caller_nobody;
        break;
    case 1:
        *who = caller_uid(random_edge(random), random_edge(random));
        break;
    case 2: /* many groups; more than 16 are a bad credential */
        who->ngids = random_below(random, 33);
        for (uint32_t i = 0; i < who->ngids; i++)
            who->gids[i] = random_edge(random);
        break;
    case 3:
        who->flavor = random_below(random, 8);
        who->raw = raw;
        who->raw_len = random_below(random, sizeof(raw));
        break;
    case 4:
        *who = caller_uid(1000, 1000);
        break;
    }
}

void generate_call(struct generator *g, const struct shape *shape, struct bytes *out, size_t *head)
{
    struct caller who;
    /* Few xids, so that the reply cache finds some of them again. */
    uint32_t xid =
        random_one_in(g->random, 8) ? random_below(g->random, 16) : random_u32(g->random);

    choose_caller(g->random, &who);
    client_put_header(out, xid, shape->program, shape->version, shape->procedure, &who);
    *head = out->len;
    for (const char *letter = shape->args; *letter != '\0'; letter++) {
        put_argument(g, letter, out);
        if (letter == shape->args && *letter == 'h' && !random_one_in(g->random, 8))
            *head = out->len;
    }
}

const struct shape *generate_shape(struct random *random)
{
    if (!random_one_in(random, 6))
        return &shapes[random_below(random, 22)];
    return &shapes[random_below(random, (uint32_t)shape_count)];
}

/* --- mutations --- */

/* A position in the message: a word's, or (odd) any byte's. */
static size_t choose_place(struct random *random, const struct bytes *message, size_t head)
{
    size_t from = head < message->len && !random_one_in(random, 8) ? head : 0;

    return from + random_below(random, (uint32_t)(message->len - from));
}

static void message_insert(struct bytes *message, size_t at, const void *data, size_t len)
{
    struct bytes tail = {0};

    put_raw(&tail, message->data + at, message->len - at);
    message->len = at;
    put_raw(message, data, len);
    put_raw(message, tail.data, tail.len);
    bytes_free(&tail);
}

static void message_remove(struct bytes *message, size_t at, size_t len)
{
    if (len > message->len - at)
        len = message->len - at;
    memmove(message->data + at, message->data + at + len, message->len - at - len);
    message->len -= len;
}

static void mutate_once(struct random *random, struct bytes *message, size_t head)
{
    size_t place = choose_place(random, message, head);
    size_t word = place & ~(size_t)3;
    uint8_t junk[64];

    random_fill(random, junk, 16);
    switch (random_below(random, 9)) {
    case 0:
        message->data[place] ^= (uint8_t)(1u << random_below(random, 8));
        break;
    case 1: /* to its own length, where it was the last word */
    case 2:
        if (word + 4 <= message->len)
            bytes_patch_u32(message, word, random_edge(random));
        break;
    case 3:
        if (word + 4 <= message->len)
            message->data[word + 3] = (uint8_t)(message->data[word + 3] + (junk[0] & 1 ? 1 : -1));
        break;
    case 4:
        message->len = place;
        break;
    case 5:
        message_insert(message, word, junk, 4 * (1 + random_below(random, 4)));
        break;
    case 6:
        message_remove(message, word, 4 * (1 + random_below(random, 4)));
        break;
    case 7: /* trailing bytes */
        random_fill(random, junk, sizeof(junk));
        put_raw(message, junk, 1 + random_below(random, sizeof(junk)));
        break;
    case 8:
        for (size_t i = 0; i < 16 && place + i < message->len; i++)
            message->data[place + i] = junk[i];
        break;
    }
}

void generate_mutation(struct random *random, struct bytes *message, size_t head)
{
    uint32_t count = 1 + random_below(random, 4);

    for (uint32_t i = 0; i < count && message->len > 0; i++)
        mutate_once(random, message, head);
}
