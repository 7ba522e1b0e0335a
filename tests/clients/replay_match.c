/*
 * replay_match.c - a reply is held against the tokens of `reply`, field by field.
 *
 * Called by replay.c. Each token takes its bytes from the reply; what no token takes is a trailing
 * byte, and fails. The tokens are described in scripts/README.md.
 */
#include "tests/clients/replay_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FH_MAX         64
#define NAME_MAX_BYTES 255

/* The reply, and how much of it has been taken. */
struct reader {
    struct replay *replay;
    size_t at;
};

static const uint8_t *take(struct reader *reader, size_t len, const char *what)
{
    const struct replay_message *reply = &reader->replay->reply;
    if (len > reply->len - reader->at)
        replay_fail(reader->replay, "%s at byte %zu: the reply ends at byte %zu", what, reader->at,
                    reply->len);
    const uint8_t *bytes = reply->bytes + reader->at;
    reader->at += len;
    return bytes;
}

static uint32_t take_word(struct reader *reader, const char *what)
{
    return replay_get_word(take(reader, 4, what));
}

static uint64_t take_double(struct reader *reader, const char *what)
{
    uint64_t high = take_word(reader, what);
    return high << 32 | take_word(reader, what);
}

static bool take_bool(struct reader *reader, const char *what)
{
    uint32_t word = take_word(reader, what);
    if (word > 1)
        replay_fail(reader->replay, "%s at byte %zu: %08x is no bool", what, reader->at - 4, word);
    return word;
}

/* Counted bytes; their padding must be zeros. */
static const uint8_t *take_counted(struct reader *reader, size_t max, size_t *len, const char *what)
{
    *len = take_word(reader, what);
    if (*len > max)
        replay_fail(reader->replay, "%s at byte %zu: %zu bytes long", what, reader->at - 4, *len);
    const uint8_t *bytes = take(reader, *len, what);
    size_t padding = (4 - *len % 4) % 4;
    const uint8_t *pad = take(reader, padding, what);
    for (size_t i = 0; i < padding; i++)
        if (pad[i] != 0)
            replay_fail(reader->replay, "%s: padding that is not zero", what);
    return bytes;
}

static void take_text(struct reader *reader, size_t max, char *text, const char *what)
{
    size_t len;
    const uint8_t *bytes = take_counted(reader, max, &len, what);
    memcpy(text, bytes, len);
    text[len] = '\0';
}

static void expect_word(struct reader *reader, uint32_t wanted, const char *token)
{
    uint32_t word = take_word(reader, token);
    if (word != wanted)
        replay_fail(reader->replay, "byte %zu: %08x, but `%s` is %08x", reader->at - 4, word, token,
                    wanted);
}

/* ---- attributes: 84 bytes (RFC 1813 section 2.5, fattr3) ---- */

struct attributes {
    uint32_t type, mode, nlink, uid, gid;
    uint64_t size, fileid;
};

static const char *const types[] = {"", "reg", "dir", "blk", "chr", "lnk", "sock", "fifo"};

static void take_time(struct reader *reader, const char *what)
{
    take_word(reader, what);
    uint32_t nanoseconds = take_word(reader, what);
    if (nanoseconds >= 1000000000)
        replay_fail(reader->replay, "%s has %u ns", what, nanoseconds);
}

static void take_attributes(struct reader *reader, struct attributes *attr)
{
    attr->type = take_word(reader, "type");
    attr->mode = take_word(reader, "mode");
    attr->nlink = take_word(reader, "nlink");
    attr->uid = take_word(reader, "uid");
    attr->gid = take_word(reader, "gid");
    attr->size = take_double(reader, "size");
    take_double(reader, "used");
    take_double(reader, "rdev");
    take_double(reader, "fsid");
    attr->fileid = take_double(reader, "fileid");
    take_time(reader, "atime");
    take_time(reader, "mtime");
    take_time(reader, "ctime");
    if (attr->type < 1 || attr->type > 7)
        replay_fail(reader->replay, "file type %u", attr->type);
    if (attr->mode > 07777)
        replay_fail(reader->replay, "mode %o has more than permissions", attr->mode);
    if (attr->nlink == 0 || attr->fileid == 0)
        replay_fail(reader->replay, "nlink %u, fileid %llu", attr->nlink,
                    (unsigned long long)attr->fileid);
}

/* One of `mode=0644`, `size=12`, ...; or the type's name. */
static void check_attribute(struct reader *reader, const struct attributes *attr, const char *claim)
{
    const char *equals = strchr(claim, '=');
    if (!equals) {
        if (strcmp(types[attr->type], claim) != 0)
            replay_fail(reader->replay, "the file's type is %s, not %s", types[attr->type], claim);
        return;
    }
    const struct {
        const char *name;
        uint64_t value;
    } fields[] = {{"mode", attr->mode},
                  {"nlink", attr->nlink},
                  {"uid", attr->uid},
                  {"gid", attr->gid},
                  {"size", attr->size}};
    uint64_t wanted = strtoull(equals + 1, NULL, 0);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strncmp(claim, fields[i].name, (size_t)(equals - claim)) != 0)
            continue;
        if (fields[i].value != wanted)
            replay_fail(reader->replay, "%s is %llu (0%llo), not %s", fields[i].name,
                        (unsigned long long)fields[i].value, (unsigned long long)fields[i].value,
                        equals + 1);
        return;
    }
    replay_fail(reader->replay, "no attribute is called %s", claim);
}

/* attr:reg,mode=0644,... */
static void match_attributes(struct reader *reader, const char *claims)
{
    struct attributes attr;
    take_attributes(reader, &attr);
    char copy[256];
    snprintf(copy, sizeof(copy), "%s", claims);
    char *rest = copy;
    for (char *claim; (claim = strsep(&rest, ","));)
        if (*claim)
            check_attribute(reader, &attr, claim);
}

/* post_op_attr that must be there. */
static void match_post(struct reader *reader, const char *claims)
{
    if (!take_bool(reader, "post_op_attr"))
        replay_fail(reader->replay, "attributes are missing");
    match_attributes(reader, claims);
}

/* wcc_data: before or not, after always. */
static void match_wcc(struct reader *reader, const char *claims)
{
    if (take_bool(reader, "pre_op_attr")) {
        take_double(reader, "size before");
        take_time(reader, "mtime before");
        take_time(reader, "ctime before");
    }
    match_post(reader, claims);
}

/* ---- lists ---- */

static void remember_double(struct reader *reader, const char *name, uint64_t value)
{
    uint8_t bytes[8];
    replay_put_word(bytes, (uint32_t)(value >> 32));
    replay_put_word(bytes + 4, (uint32_t)value);
    replay_remember(reader->replay, name, false, bytes, sizeof(bytes));
}

/* Below 2^63, and 1 and 2 only for what they are reserved for. */
static void list_entry(struct reader *reader, const char *name, uint64_t cookie)
{
    uint64_t least = strcmp(name, ".") == 0 ? 1 : strcmp(name, "..") == 0 ? 2 : 3;
    if (cookie < least || cookie >> 63)
        replay_fail(reader->replay, "%s has cookie %llu", name, (unsigned long long)cookie);
    replay_list_name(reader->replay, name, (uint32_t)cookie);
}

/* dirlist3 without its eof; the last cookie is remembered as `cookie_name`. */
static void match_entries(struct reader *reader, const char *cookie_name)
{
    uint64_t cookie = 0;
    while (take_bool(reader, "entry")) {
        char name[NAME_MAX_BYTES + 1];
        if (take_double(reader, "fileid") == 0)
            replay_fail(reader->replay, "fileid 0");
        take_text(reader, NAME_MAX_BYTES, name, "name");
        cookie = take_double(reader, "cookie");
        list_entry(reader, name, cookie);
    }
    if (cookie)
        remember_double(reader, cookie_name, cookie);
}

/* A handle whose length some clients rely on to be a multiple of 4 (U-Boot sends no padding). */
static void match_handle(struct reader *reader, const char *name)
{
    size_t len;
    const uint8_t *bytes = take_counted(reader, FH_MAX, &len, "file handle");
    if (len == 0 || len % 4)
        replay_fail(reader->replay, "a file handle of %zu bytes", len);
    if (*name)
        replay_remember(reader->replay, name, true, bytes, len);
}

/* dirlistplus3: each entry's handle is remembered as entry/NAME. */
static void match_entries_plus(struct reader *reader, const char *cookie_name)
{
    uint64_t cookie = 0;
    while (take_bool(reader, "entry")) {
        char variable[NAME_MAX_BYTES + 16] = "entry/";
        char *name = variable + strlen(variable);
        uint64_t fileid = take_double(reader, "fileid");
        take_text(reader, NAME_MAX_BYTES, name, "name");
        cookie = take_double(reader, "cookie");
        if (take_bool(reader, "name_attributes")) {
            struct attributes attr;
            take_attributes(reader, &attr);
            if (attr.fileid != fileid && strcmp(name, "..") != 0)
                replay_fail(reader->replay, "%s: two fileids", name);
        }
        if (take_bool(reader, "name_handle"))
            match_handle(reader, variable);
        list_entry(reader, name, cookie);
    }
    if (cookie)
        remember_double(reader, cookie_name, cookie);
}

/* pmaplist: names like 100003.3.6.2049 */
static void match_mappings(struct reader *reader)
{
    while (take_bool(reader, "mapping")) {
        uint32_t word[4];
        for (int i = 0; i < 4; i++)
            word[i] = take_word(reader, "mapping");
        char name[64];
        snprintf(name, sizeof(name), "%u.%u.%u.%u", word[0], word[1], word[2], word[3]);
        replay_list_name(reader->replay, name, 0);
    }
}

/* rpcblist: names like 100003.3.tcp */
static void match_bindings(struct reader *reader)
{
    while (take_bool(reader, "binding")) {
        uint32_t program = take_word(reader, "program");
        uint32_t version = take_word(reader, "version");
        char netid[64], uaddr[128], owner[128], name[160];
        take_text(reader, sizeof(netid) - 1, netid, "netid");
        take_text(reader, sizeof(uaddr) - 1, uaddr, "uaddr");
        take_text(reader, sizeof(owner) - 1, owner, "owner");
        snprintf(name, sizeof(name), "%u.%u.%s", program, version, netid);
        replay_list_name(reader->replay, name, 0);
    }
}

/* exports of MOUNT: the directories; their groups are skipped. */
static void match_exports(struct reader *reader)
{
    while (take_bool(reader, "export")) {
        char directory[1025], group[256];
        take_text(reader, 1024, directory, "directory");
        while (take_bool(reader, "group"))
            take_text(reader, 255, group, "group");
        replay_list_name(reader->replay, directory, 0);
    }
}

/* The flavors of MNT. FreeBSD takes the first that it knows, and fails where AUTH_SYS is missing;
 * macOS takes at most 5. */
static void match_flavors(struct reader *reader)
{
    uint32_t count = take_word(reader, "flavors");
    if (count == 0 || count > 5)
        replay_fail(reader->replay, "%u flavors", count);
    expect_word(reader, 1, "AUTH_SYS first");
    for (uint32_t i = 1; i < count; i++)
        if (take_word(reader, "flavor") > 1)
            replay_fail(reader->replay, "a flavor that is not served");
}

/* mountlist of MOUNT: the directories; their hosts are skipped. */
static void match_mounts(struct reader *reader)
{
    while (take_bool(reader, "mount")) {
        char host[256], directory[1025];
        take_text(reader, 255, host, "host name");
        take_text(reader, 1024, directory, "directory");
        replay_list_name(reader->replay, directory, 0);
    }
}

/* ---- single fields ---- */

static void match_text(struct reader *reader, const char *text, size_t wanted_len)
{
    size_t len;
    const uint8_t *bytes = take_counted(reader, REPLAY_MESSAGE_MAX, &len, "string");
    if (len != wanted_len || memcmp(bytes, text, len) != 0)
        replay_fail(reader->replay, "`%.*s` instead of `%.*s`", (int)len, (const char *)bytes,
                    (int)wanted_len, text);
}

static void match_data(struct reader *reader, const char *what)
{
    char *at;
    size_t wanted = strtoul(what, &at, 10), len;
    uint64_t offset = *at == '@' ? strtoull(at + 1, NULL, 10) : 0;
    const uint8_t *bytes = take_counted(reader, REPLAY_MESSAGE_MAX, &len, "data");
    if (len != wanted)
        replay_fail(reader->replay, "%zu bytes of data instead of %zu", len, wanted);
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != replay_pattern(offset + i))
            replay_fail(reader->replay, "wrong data at byte %zu", i);
}

static void match_variable(struct reader *reader, const char *name)
{
    const struct replay_variable *variable = replay_need(reader->replay, name);
    size_t len = variable->len;
    const uint8_t *bytes = variable->counted
                               ? take_counted(reader, sizeof(variable->bytes), &len, name)
                               : take(reader, len, name);
    if (len != variable->len || memcmp(bytes, variable->bytes, len) != 0)
        replay_fail(reader->replay, "before byte %zu: not the same as $%s", reader->at, name);
}

/* FROM..TO, decimal */
static void match_range(struct reader *reader, const char *token)
{
    char *dots;
    uint32_t word = take_word(reader, token);
    unsigned long from = strtoul(token, &dots, 10), to = strtoul(dots + 2, NULL, 10);
    if (word < from || word > to)
        replay_fail(reader->replay, "byte %zu: %u is not %s", reader->at - 4, word, token);
}

static void remember_bytes(struct reader *reader, size_t len, const char *name)
{
    const uint8_t *bytes = take(reader, len, "word");
    if (*name)
        replay_remember(reader->replay, name, false, bytes, len);
}

static void remember_string(struct reader *reader, const char *name)
{
    size_t len;
    const uint8_t *bytes = take_counted(reader, 1000, &len, "string");
    if (*name)
        replay_remember(reader->replay, name, true, bytes, len);
}

/* Tokens that begin with a word of the language. `rest` is what follows the word, after its '>'
 * or ':'. */
static bool match_keyword(struct reader *reader, const char *word, const char *rest)
{
    if (strcmp(word, "?") == 0)
        remember_bytes(reader, 4, rest);
    else if (strcmp(word, "??") == 0)
        remember_bytes(reader, 8, rest);
    else if (strcmp(word, "fh") == 0)
        match_handle(reader, rest);
    else if (strcmp(word, "string") == 0)
        remember_string(reader, rest);
    else if (strcmp(word, "data") == 0)
        match_data(reader, rest);
    else if (strcmp(word, "attr") == 0)
        match_attributes(reader, rest);
    else if (strcmp(word, "post") == 0)
        match_post(reader, rest);
    else if (strcmp(word, "wcc") == 0)
        match_wcc(reader, rest);
    else if (strcmp(word, "entries") == 0)
        match_entries(reader, rest);
    else if (strcmp(word, "entriesplus") == 0)
        match_entries_plus(reader, rest);
    else if (strcmp(word, "mappings") == 0)
        match_mappings(reader);
    else if (strcmp(word, "bindings") == 0)
        match_bindings(reader);
    else if (strcmp(word, "exports") == 0)
        match_exports(reader);
    else if (strcmp(word, "flavors") == 0)
        match_flavors(reader);
    else if (strcmp(word, "mounts") == 0)
        match_mounts(reader);
    else
        return false;
    return true;
}

static void match_tokens(struct reader *reader, const char *tokens);

static void match_token(struct reader *reader, char *token)
{
    if (token[0] == '"') {
        match_text(reader, token + 1, strlen(token) - 2);
        return;
    }
    if (token[0] == '$') {
        match_variable(reader, token + 1);
        return;
    }
    if (token[0] == '@') {
        match_tokens(reader, replay_macro_find(reader->replay, token + 1));
        return;
    }
    if (strcmp(token, "xid") == 0) {
        expect_word(reader, reader->replay->xid, token);
        return;
    }
    if (strlen(token) == 8 && strspn(token, "0123456789abcdefABCDEF") == 8) {
        expect_word(reader, (uint32_t)strtoul(token, NULL, 16), token);
        return;
    }
    if (strstr(token, "..")) {
        match_range(reader, token);
        return;
    }
    char word[16];
    size_t len = strcspn(token, ">:");
    snprintf(word, sizeof(word), "%.*s", (int)len, token);
    if (!match_keyword(reader, word, token[len] ? token + len + 1 : ""))
        replay_fail(reader->replay, "`%s` can't be part of a reply", token);
}

static void match_tokens(struct reader *reader, const char *tokens)
{
    char token[1024];
    while ((tokens = replay_token(reader->replay, tokens, token, sizeof(token))))
        match_token(reader, token);
}

void replay_match(struct replay *replay, const char *tokens)
{
    struct reader reader = {.replay = replay};
    match_tokens(&reader, tokens);
    if (reader.at != replay->reply.len)
        replay_fail(replay, "%zu bytes follow what the reply should have ended with",
                    replay->reply.len - reader.at);
}
