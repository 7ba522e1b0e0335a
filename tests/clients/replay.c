/*
 * replay.c - reads scripts and does what they say.
 *
 * Called by the tests of this folder through replay.h. Knows the place in the script; what is a
 * statement is a row of `statements`.
 */
#include "tests/clients/replay_internal.h"
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- statements: the text is what follows the statement's name ---- */

static void do_define(struct replay *replay, const char *text)
{
    char name[64];
    const char *rest = replay_token(replay, text, name, sizeof(name));
    if (!rest || replay->nmacros == sizeof(replay->macros) / sizeof(replay->macros[0]))
        replay_fail(replay, "define NAME TOKENS, and not too many");
    struct replay_macro *macro = &replay->macros[replay->nmacros++];
    macro->name = strdup(name);
    macro->tokens = strdup(rest);
}

/* A port, or anything else that is a number or the $name of a word. */
static uint32_t number(struct replay *replay, const char *text)
{
    return text[0] == '$' ? replay_word(replay, text + 1) : (uint32_t)strtoul(text, NULL, 0);
}

static void open_socket(struct replay *replay, const char *text, bool is_datagram)
{
    char name[16], port[64];
    const char *rest = replay_token(replay, text, name, sizeof(name));
    if (!rest || !replay_token(replay, rest, port, sizeof(port)))
        replay_fail(replay, "the statement is: tcp|udp NAME PORT");
    replay_open(replay, name, is_datagram, (uint16_t)number(replay, port));
}

static void do_tcp(struct replay *replay, const char *text)
{
    open_socket(replay, text, false);
}

static void do_udp(struct replay *replay, const char *text)
{
    open_socket(replay, text, true);
}

static void do_use(struct replay *replay, const char *text)
{
    char name[16];
    if (!replay_token(replay, text, name, sizeof(name)))
        replay_fail(replay, "use which socket?");
    replay_use(replay, name);
}

static void do_source(struct replay *replay, const char *text)
{
    char which[16];
    if (!replay_token(replay, text, which, sizeof(which)))
        replay_fail(replay, "source reserved|ordinary");
    replay->reserved_source = strcmp(which, "reserved") == 0;
}

static void do_fragments(struct replay *replay, const char *text)
{
    replay->fragment = strtoul(text, NULL, 0);
}

static void do_call(struct replay *replay, const char *text)
{
    replay->call.len = replay->reply.len = 0;
    replay_build(replay, text);
    replay_send(replay);
}

static void do_again(struct replay *replay, const char *text)
{
    (void)text;
    replay_send(replay);
}

static void do_reply(struct replay *replay, const char *text)
{
    replay_receive(replay, true);
    replay_match(replay, text);
}

static void do_silence(struct replay *replay, const char *text)
{
    (void)text;
    replay_receive(replay, false);
}

static void do_closed(struct replay *replay, const char *text)
{
    (void)text;
    replay_expect_closed(replay);
}

static bool is_listed(const struct replay *replay, const char *name)
{
    for (size_t i = 0; i < replay->nlisted; i++)
        if (strcmp(replay->listed[i].name, name) == 0)
            return true;
    replay_fail(replay, "%s is not listed", name);
}

/* Names; NAME*COUNT stands for NAME000, NAME001, ...; a $name at the end is put in as a number, or
 * as its text. */
static size_t check_listed(struct replay *replay, const char *text)
{
    char token[1024], name[2048];
    size_t count = 0;
    while ((text = replay_token(replay, text, token, sizeof(token)))) {
        char *star = strrchr(token, '*'), *dollar = strchr(token, '$');
        if (star) {
            *star = '\0';
            for (unsigned long i = 0, n = strtoul(star + 1, NULL, 10); i < n; i++, count++) {
                snprintf(name, sizeof(name), "%s%03lu", token, i);
                is_listed(replay, name);
            }
            continue;
        }
        if (dollar) {
            *dollar = '\0';
            const struct replay_variable *variable = replay_need(replay, dollar + 1);
            if (variable->counted)
                snprintf(name, sizeof(name), "%s%.*s", token, (int)variable->len,
                         (const char *)variable->bytes);
            else
                snprintf(name, sizeof(name), "%s%u", token, replay_word(replay, dollar + 1));
        } else {
            snprintf(name, sizeof(name), "%s", token);
        }
        is_listed(replay, name);
        count++;
    }
    return count;
}

static void do_listed(struct replay *replay, const char *text)
{
    size_t count = check_listed(replay, text);
    if (count != replay->nlisted)
        replay_fail(replay, "%zu names are listed, not %zu; the last is %s", replay->nlisted, count,
                    replay->nlisted ? replay->listed[replay->nlisted - 1].name : "none");
    replay_list_clear(replay);
}

static void do_lists(struct replay *replay, const char *text)
{
    check_listed(replay, text);
    replay_list_clear(replay);
}

static void do_unlisted(struct replay *replay, const char *text)
{
    (void)text;
    if (replay->nlisted)
        replay_fail(replay, "%s is listed where nothing should be", replay->listed[0].name);
}

static void do_set(struct replay *replay, const char *text)
{
    char name[64], value[64];
    const char *rest = replay_token(replay, text, name, sizeof(name));
    if (!rest || !replay_token(replay, rest, value, sizeof(value)))
        replay_fail(replay, "set NAME WORD");
    /* 8 zero bytes are the first cookie, the first cookie verifier. */
    static const uint8_t zeros[8];
    if (strcmp(value, "zeros") == 0)
        replay_remember(replay, name, false, zeros, sizeof(zeros));
    else
        replay_set_word(replay, name, number(replay, value));
}

static const struct {
    const char *name;
    void (*run)(struct replay *replay, const char *text);
} statements[] = {
    {"define", do_define},     {"set", do_set},
    {"source", do_source},     {"tcp", do_tcp},
    {"udp", do_udp},           {"use", do_use},
    {"call", do_call},         {"fragments", do_fragments},
    {"again", do_again},       {"reply", do_reply},
    {"silence", do_silence},   {"closed", do_closed},
    {"listed", do_listed},     {"lists", do_lists},
    {"unlisted", do_unlisted},
};

static void run_statement(struct replay *replay, const char *text)
{
    char name[32];
    const char *rest = replay_token(replay, text, name, sizeof(name));
    if (!rest)
        return;
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        if (strcmp(statements[i].name, name) == 0) {
            statements[i].run(replay, rest);
            return;
        }
    }
    replay_fail(replay, "`%s` is no statement", name);
}

/* ---- scripts ---- */

/* A statement: its first line, and those that follow and begin with a blank. */
struct statement {
    char *text;
    int line;
};

struct script {
    struct statement *list;
    size_t count;
};

static void cut_comment(char *line)
{
    bool quoted = false;
    for (char *at = line; *at; at++) {
        if (*at == '"')
            quoted = !quoted;
        if ((*at == '#' && !quoted) || *at == '\n') {
            *at = '\0';
            return;
        }
    }
}

static void add_line(struct script *script, const char *line, int number_of_line)
{
    if (isspace((unsigned char)line[0]) && script->count > 0) {
        struct statement *last = &script->list[script->count - 1];
        char *joined = NULL;
        assert_true(asprintf(&joined, "%s %s", last->text, line) > 0);
        free(last->text);
        last->text = joined;
        return;
    }
    script->list = realloc(script->list, (script->count + 1) * sizeof(*script->list));
    assert_non_null(script->list);
    script->list[script->count++] =
        (struct statement){.text = strdup(line), .line = number_of_line};
}

/* Opened before a test becomes a user who need not reach the folder of the sources. */
static int scripts = -1;

static void __attribute__((constructor)) scripts_open(void)
{
    scripts = open(REPLAY_SCRIPTS, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void script_read(struct script *script, const char *name)
{
    int fd = openat(scripts, name, O_RDONLY | O_CLOEXEC);
    FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (!file)
        fail_msg("%s/%s can't be opened", REPLAY_SCRIPTS, name);
    char *line = NULL;
    size_t size = 0;
    for (int number_of_line = 1; getline(&line, &size, file) > 0; number_of_line++) {
        cut_comment(line);
        if (line[strspn(line, " \t")])
            add_line(script, line, number_of_line);
    }
    free(line);
    fclose(file);
}

static void script_free(struct script *script)
{
    for (size_t i = 0; i < script->count; i++)
        free(script->list[i].text);
    free(script->list);
}

static bool is_statement(const char *text, const char *name)
{
    size_t len = strlen(name);
    return strncmp(text, name, len) == 0 && (text[len] == ' ' || text[len] == '\0');
}

void replay_run(struct replay *replay, const char *script_name)
{
    struct script script = {0};
    script_read(&script, script_name);
    replay->script = script_name;
    replay_macros_clear(replay);
    size_t loop = 0;
    for (size_t i = 0; i < script.count; i++) {
        const char *text = script.list[i].text;
        replay->line = script.list[i].line;
        if (is_statement(text, "loop")) {
            loop = i;
        } else if (is_statement(text, "until")) {
            char variable[64];
            if (!replay_token(replay, text + strlen("until"), variable, sizeof(variable)))
                replay_fail(replay, "until which word?");
            if (replay_word(replay, variable) == 0)
                i = loop;
        } else {
            run_statement(replay, text);
        }
    }
    test_note("%s: %zu statements", script_name, script.count);
    script_free(&script);
    replay_close_all(replay);
}

struct replay *replay_create(const char *server)
{
    struct replay *replay = calloc(1, sizeof(*replay));
    assert_non_null(replay);
    snprintf(replay->server, sizeof(replay->server), "%s", server);
    replay->call.bytes = malloc(REPLAY_MESSAGE_MAX);
    replay->reply.bytes = malloc(REPLAY_MESSAGE_MAX);
    assert_non_null(replay->call.bytes);
    assert_non_null(replay->reply.bytes);
    replay->xid = 0x4c4e0000;
    return replay;
}

void replay_destroy(struct replay *replay)
{
    if (!replay)
        return;
    replay_close_all(replay);
    replay_macros_clear(replay);
    replay_list_clear(replay);
    free(replay->variables);
    free(replay->call.bytes);
    free(replay->reply.bytes);
    free(replay);
}
