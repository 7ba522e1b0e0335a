/*
 * replay_state.c - what a replay knows while it plays: tokens, variables, macros, listed names, and
 * how it fails.
 *
 * Called by the other replay files; see replay_internal.h.
 */
#include "tests/clients/replay_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTED_MAX 100000

/* ---- words, tokens, the pattern ---- */

uint32_t replay_get_word(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

void replay_put_word(uint8_t *bytes, uint32_t word)
{
    bytes[0] = (uint8_t)(word >> 24);
    bytes[1] = (uint8_t)(word >> 16);
    bytes[2] = (uint8_t)(word >> 8);
    bytes[3] = (uint8_t)word;
}

uint8_t replay_pattern(uint64_t offset)
{
    return (uint8_t)(offset * 7 % 251 + offset / 4096);
}

const char *replay_token(const struct replay *replay, const char *text, char *token, size_t size)
{
    text += strspn(text, " \t\n");
    if (!*text)
        return NULL;
    size_t len;
    if (*text == '"') {
        const char *end = strchr(text + 1, '"');
        if (!end)
            replay_fail(replay, "a quote is missing");
        len = (size_t)(end + 1 - text);
    } else {
        len = strcspn(text, " \t\n");
    }
    if (len >= size)
        replay_fail(replay, "a token of %zu bytes", len);
    memcpy(token, text, len);
    token[len] = '\0';
    return text + len;
}

/* ---- failing ---- */

static void dump(const char *what, const struct replay_message *message)
{
    size_t len = message->len < 512 ? message->len : 512;
    fprintf(stderr, "%s, %zu bytes:", what, message->len);
    for (size_t i = 0; i < len; i++)
        fprintf(stderr, "%s%02x", i % 32 == 0 ? "\n  " : i % 4 == 0 ? " " : "", message->bytes[i]);
    fprintf(stderr, "%s\n", len < message->len ? " ..." : "");
}

void replay_fail(const struct replay *replay, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    dump("call", &replay->call);
    dump("reply", &replay->reply);
    fprintf(stderr, "%s:%d: %s\n", replay->script ? replay->script : "?", replay->line, text);
    fail_msg("%s:%d: %s", replay->script ? replay->script : "?", replay->line, text);
    abort(); /* fail_msg() does not come back */
}

/* ---- variables, macros, the listing ---- */

struct replay_variable *replay_find(struct replay *replay, const char *name)
{
    for (size_t i = 0; i < replay->nvariables; i++)
        if (strcmp(replay->variables[i].name, name) == 0)
            return &replay->variables[i];
    return NULL;
}

struct replay_variable *replay_need(struct replay *replay, const char *name)
{
    struct replay_variable *variable = replay_find(replay, name);
    if (!variable)
        replay_fail(replay, "nothing is remembered as %s", name);
    return variable;
}

void replay_remember(struct replay *replay, const char *name, bool counted, const void *bytes,
                     size_t len)
{
    struct replay_variable *variable = replay_find(replay, name);
    if (!variable) {
        size_t size = (replay->nvariables + 1) * sizeof(*variable);
        replay->variables = realloc(replay->variables, size);
        assert_non_null(replay->variables);
        variable = &replay->variables[replay->nvariables++];
        snprintf(variable->name, sizeof(variable->name), "%s", name);
    }
    if (len > sizeof(variable->bytes))
        replay_fail(replay, "%s: %zu bytes are too many", name, len);
    variable->counted = counted;
    variable->len = len;
    memcpy(variable->bytes, bytes, len);
}

void replay_list_name(struct replay *replay, const char *name, uint32_t cookie)
{
    for (size_t i = 0; i < replay->nlisted; i++) {
        if (strcmp(replay->listed[i].name, name) == 0)
            replay_fail(replay, "%s is listed twice", name);
        if (cookie && replay->listed[i].cookie == cookie)
            replay_fail(replay, "%s and %s have one cookie in 32 bits", name,
                        replay->listed[i].name);
    }
    if (replay->nlisted == LISTED_MAX)
        replay_fail(replay, "the list does not end");
    replay->listed = realloc(replay->listed, (replay->nlisted + 1) * sizeof(*replay->listed));
    assert_non_null(replay->listed);
    replay->listed[replay->nlisted++] =
        (struct replay_name){.name = strdup(name), .cookie = cookie};
}

void replay_list_clear(struct replay *replay)
{
    for (size_t i = 0; i < replay->nlisted; i++)
        free(replay->listed[i].name);
    free(replay->listed);
    replay->listed = NULL;
    replay->nlisted = 0;
}

const char *replay_macro_find(struct replay *replay, const char *name)
{
    for (size_t i = 0; i < replay->nmacros; i++)
        if (strcmp(replay->macros[i].name, name) == 0)
            return replay->macros[i].tokens;
    replay_fail(replay, "@%s is not defined", name);
}

void replay_macros_clear(struct replay *replay)
{
    for (size_t i = 0; i < replay->nmacros; i++) {
        free(replay->macros[i].name);
        free(replay->macros[i].tokens);
    }
    replay->nmacros = 0;
}

void replay_set_word(struct replay *replay, const char *name, uint32_t value)
{
    uint8_t bytes[4];
    replay_put_word(bytes, value);
    replay_remember(replay, name, false, bytes, sizeof(bytes));
}

void replay_set_string(struct replay *replay, const char *name, const char *value)
{
    replay_remember(replay, name, true, value, strlen(value));
}

uint32_t replay_word(struct replay *replay, const char *name)
{
    const struct replay_variable *variable = replay_need(replay, name);
    if (variable->counted || variable->len != 4)
        replay_fail(replay, "%s is no word", name);
    return replay_get_word(variable->bytes);
}
