/*
 * replay_build.c - the tokens of a call become the bytes that are sent.
 *
 * Called by replay.c for every `call`. The tokens are described in scripts/README.md.
 */
#include "tests/clients/replay_internal.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void append(struct replay *replay, const void *bytes, size_t len)
{
    struct replay_message *call = &replay->call;
    if (len > REPLAY_MESSAGE_MAX - call->len)
        replay_fail(replay, "the call is too long");
    memcpy(call->bytes + call->len, bytes, len);
    call->len += len;
}

static void append_word(struct replay *replay, uint32_t word)
{
    uint8_t bytes[4];
    replay_put_word(bytes, word);
    append(replay, bytes, sizeof(bytes));
}

static void append_padding(struct replay *replay)
{
    static const uint8_t zeros[4];
    append(replay, zeros, (4 - replay->call.len % 4) % 4);
}

static void append_counted(struct replay *replay, const void *bytes, size_t len)
{
    append_word(replay, (uint32_t)len);
    append(replay, bytes, len);
    append_padding(replay);
}

/* data:LENGTH@OFFSET: a stretch of the pattern, counted. */
static void append_data(struct replay *replay, const char *what)
{
    char *at;
    size_t len = strtoul(what, &at, 10);
    uint64_t offset = *at == '@' ? strtoull(at + 1, NULL, 10) : 0;
    append_word(replay, (uint32_t)len);
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = replay_pattern(offset + i);
        append(replay, &byte, 1);
    }
    append_padding(replay);
}

static void append_variable(struct replay *replay, const char *name)
{
    const struct replay_variable *variable = replay_need(replay, name);
    if (variable->counted)
        append_counted(replay, variable->bytes, variable->len);
    else
        append(replay, variable->bytes, variable->len);
}

static bool is_word(const char *token)
{
    return strlen(token) == 8 && strspn(token, "0123456789abcdefABCDEF") == 8;
}

static void build_token(struct replay *replay, char *token)
{
    size_t len = strlen(token);
    if (token[0] == '"') {
        append_counted(replay, token + 1, len - 2);
    } else if (token[0] == '$') {
        append_variable(replay, token + 1);
    } else if (token[0] == '@') {
        replay_build(replay, replay_macro_find(replay, token + 1));
    } else if (strcmp(token, "xid") == 0) {
        append_word(replay, ++replay->xid);
    } else if (strncmp(token, "data:", 5) == 0) {
        append_data(replay, token + 5);
    } else if (is_word(token)) {
        append_word(replay, (uint32_t)strtoul(token, NULL, 16));
    } else {
        replay_fail(replay, "`%s` can't be part of a call", token);
    }
}

void replay_build(struct replay *replay, const char *tokens)
{
    char token[1024];
    while ((tokens = replay_token(replay, tokens, token, sizeof(token))))
        build_token(replay, token);
}
