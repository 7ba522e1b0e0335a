/*
 * cli_values.c - every option of --help with every kind of bad value: exit status 2, and one line
 * that names the option and says what is expected.
 *
 * The options are taken from --help, so that a new one is in here by itself.
 */
#include "base/address.h"
#include "tests/wire/wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OPTIONS_MAX 40
#define TEXT_MAX    200

struct cli_option {
    char name[40];
    char value[TEXT_MAX]; /* as --help names it; "" where it takes none */
};

struct cli {
    struct server server;
    char state_arg[120];
    struct cli_option options[OPTIONS_MAX];
    size_t count;
};

/* "  -l, --listen=ADDR[:PORT]   listen here" */
static void option_read(struct cli *cli, const char *line)
{
    const char *at = line + strspn(line, " ");

    if (at[0] == '-' && at[1] != '-')
        at += strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ, ") + 1;
    if (strncmp(at, "--", 2) != 0 && (at - line < 2 || strncmp(at - 2, "--", 2) != 0))
        return;
    at += strspn(at, "-");
    size_t len = strcspn(at, "= \n");
    assert_true(cli->count < OPTIONS_MAX && len < sizeof(cli->options[0].name));
    struct cli_option *option = &cli->options[cli->count++];
    memcpy(option->name, at, len);
    if (at[len] == '=')
        snprintf(option->value, TEXT_MAX, "%.*s", (int)strcspn(at + len + 1, " \n"), at + len + 1);
}

static void cli_begin(struct cli *cli)
{
    const char *help[] = {"--help", NULL};
    char output[8192], *save = NULL;

    memset(cli, 0, sizeof(*cli));
    server_prepare(&cli->server, NULL);
    snprintf(cli->state_arg, sizeof(cli->state_arg), "--state-dir=%s", cli->server.state_dir);
    assert_int_equal(server_run_once(help, output, sizeof(output)), 0);
    for (char *line = strtok_r(output, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        option_read(cli, line);
    assert_true(cli->count > 15);
}

/* Runs `loopnfsd --check DIR WORD...`; the option `name` is to be in the one line it says, or, of a
 * DIR, only what is expected. */
static void refused(struct cli *cli, const char *name, const char *first, const char *second)
{
    const char *args[6] = {"--check", cli->server.export_dir};
    char output[8192], option[60];

    size_t n = 2;
    if (strcmp(name, "state-dir") != 0)
        args[n++] = cli->state_arg;
    args[n++] = first;
    if (second)
        args[n++] = second;
    int status = server_run_once(args, output, sizeof(output));
    const char *end = strchr(output, '\n');
    snprintf(option, sizeof(option), "--%s", name);
    test_note("%s %s: %d: %s", first, second ? second : "", status, output);
    assert_int_equal(status, 2);
    assert_true(end != NULL && end[1] == '\0');
    assert_true(strcmp(name, "DIR") == 0 || strstr(output, option) != NULL);
    if (!strstr(output, "give ") && !strstr(output, "see ") && !strstr(output, "once"))
        fail_msg("it does not say what is expected");
}

static bool is_number(const struct cli_option *option)
{
    return strcmp(option->value, "N") == 0 || strcmp(option->value, "USEC") == 0 ||
           strcmp(option->value, "PORT") == 0;
}

static bool is_word(const struct cli_option *option)
{
    return strchr(option->value, '|') != NULL;
}

static bool is_an_option(const struct cli *cli, const char *name)
{
    for (size_t i = 0; i < cli->count; i++)
        if (strcmp(cli->options[i].name, name) == 0)
            return true;
    return false;
}

TEST(an_option_without_its_value_or_with_an_empty_one_is_refused)
{
    struct cli cli;
    char word[TEXT_MAX];

    cli_begin(&cli);
    for (size_t i = 0; i < cli.count; i++) {
        const struct cli_option *option = &cli.options[i];
        if (!option->value[0])
            continue;
        snprintf(word, sizeof(word), "--%s", option->name);
        refused(&cli, option->name, word, NULL);
        refused(&cli, option->name, word, "");
        snprintf(word, sizeof(word), "--%s=", option->name);
        refused(&cli, option->name, word, NULL);
    }
    refused(&cli, "DIR", "", NULL);
    server_finish(&cli.server);
}

TEST(an_option_that_takes_no_value_is_refused_with_one)
{
    struct cli cli;
    char word[TEXT_MAX];

    cli_begin(&cli);
    for (size_t i = 0; i < cli.count; i++) {
        if (cli.options[i].value[0])
            continue;
        snprintf(word, sizeof(word), "--%s=yes", cli.options[i].name);
        refused(&cli, cli.options[i].name, word, NULL);
    }
    server_finish(&cli.server);
}

TEST(an_option_can_not_be_abbreviated_or_go_on)
{
    struct cli cli;
    char word[TEXT_MAX];

    cli_begin(&cli);
    for (size_t i = 0; i < cli.count; i++) {
        const struct cli_option *option = &cli.options[i];
        for (size_t len = 1; len <= strlen(option->name) + 1; len++) {
            snprintf(word, sizeof(word), "--%.*s%s", (int)len, option->name,
                     len > strlen(option->name) ? "x" : "");
            if (is_an_option(&cli, word + 2))
                continue;
            refused(&cli, word + 2, word, "1");
            strcat(word, "=1");
            refused(&cli, "", word, NULL);
        }
    }
    server_finish(&cli.server);
}

TEST(a_value_that_is_not_one_is_refused)
{
    static const char *const bad_numbers[] = {
        "none", "-1", "1x", "0x10", " 1", "1 ", "1.5", "4294967296000", "99999999999999999999999"};
    static const char *const bad_words[] = {"magic", "AUTO", "auto,off", "aut"};
    static const char *const bad_addresses[] = {"127.0.0.1:99999",
                                                "127.0.0.1:",
                                                "127.0.0.1:x",
                                                "192.0.2",
                                                "300.0.0.1",
                                                "[::1",
                                                "::1]",
                                                "[]",
                                                ":2049",
                                                "no such host",
                                                "localhost:x",
                                                "localhost:",
                                                "1:2:3",
                                                "-",
                                                "127.0.0.1/8"};
    struct cli cli;
    char word[TEXT_MAX];

    cli_begin(&cli);
    for (size_t i = 0; i < cli.count; i++) {
        const struct cli_option *option = &cli.options[i];
        const char *const *bad = is_number(option) ? bad_numbers
                                 : is_word(option) ? bad_words
                                                   : NULL;
        size_t n = is_number(option) ? sizeof(bad_numbers) / sizeof(bad_numbers[0])
                                     : sizeof(bad_words) / sizeof(bad_words[0]);
        if (strcmp(option->name, "listen") == 0) {
            bad = bad_addresses;
            n = sizeof(bad_addresses) / sizeof(bad_addresses[0]);
        }
        for (size_t k = 0; bad && k < n; k++) {
            snprintf(word, sizeof(word), "--%s=%s", option->name, bad[k]);
            refused(&cli, option->name, word, NULL);
        }
    }
    server_finish(&cli.server);
}

TEST(a_path_that_is_too_long_is_refused)
{
    static char path[6000];
    static char word[sizeof(path) + TEXT_MAX];
    struct cli cli;

    cli_begin(&cli);
    memset(path, 'x', sizeof(path) - 1);
    for (size_t i = 0; i < cli.count; i++) {
        const struct cli_option *option = &cli.options[i];
        bool is_export = strcmp(option->name, "export") == 0;
        if (!is_export && strcmp(option->value, "FILE") != 0 && strcmp(option->value, "DIR") != 0 &&
            strcmp(option->value, "PATH") != 0)
            continue;
        for (path[0] = 'x';; path[0] = '/') {
            snprintf(word, sizeof(word), "--%s=%s", option->name, path);
            refused(&cli, option->name, word, NULL);
            if (path[0] == '/')
                break;
        }
    }
    refused(&cli, "DIR", path, NULL);
    server_finish(&cli.server);
}

/* Two values of an option, both of them right. */
static void two_values(const struct cli_option *option, char first[TEXT_MAX], char second[TEXT_MAX])
{
    bool large = strcmp(option->name, "cache-nodes") == 0 || strcmp(option->name, "waiting") == 0;

    if (is_number(option)) {
        snprintf(first, TEXT_MAX, "--%s=%d", option->name, large ? 300 : 20);
        snprintf(second, TEXT_MAX, "--%s=%d", option->name, large ? 400 : 30);
    } else if (is_word(option)) {
        size_t len = strcspn(option->value, "|");
        snprintf(first, TEXT_MAX, "--%s=%.*s", option->name, (int)len, option->value);
        snprintf(second, TEXT_MAX, "--%s=%.*s", option->name,
                 (int)strcspn(option->value + len + 1, "|"), option->value + len + 1);
    } else {
        snprintf(first, TEXT_MAX, "--%s=/a", option->name);
        snprintf(second, TEXT_MAX, "--%s=/b", option->name);
    }
}

TEST(what_can_be_said_once_is_refused_with_two_values)
{
    struct cli cli;
    char first[TEXT_MAX], second[TEXT_MAX];

    cli_begin(&cli);
    for (size_t i = 0; i < cli.count; i++) {
        const struct cli_option *option = &cli.options[i];
        if (!option->value[0] || strcmp(option->name, "listen") == 0 ||
            strcmp(option->name, "export") == 0 || strcmp(option->name, "module") == 0)
            continue;
        two_values(option, first, second);
        refused(&cli, option->name, first, second);
    }
    refused(&cli, "listen", "--listen=127.0.0.1:3000", "--listen=127.0.0.2:3001");
    refused(&cli, "port", "--listen=127.0.0.1:3000", "--port=3001");
    server_finish(&cli.server);
}

static bool answers(const char *host, uint16_t port)
{
    char url[100];

    snprintf(url, sizeof(url), "%s:%u", host, port);
    struct address a;
    assert_int_equal(address_parse(url, 0, &a), 0);
    int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool done = connect(fd, &a.any, address_len(&a)) == 0;
    close(fd);
    return done;
}

/* Starts a server that is only told where to listen; port 0 is another for each address, so the
 * first one's is asked for. */
static void listen_begin(struct server *server, const char *where)
{
    server_prepare(server, NULL);
    server->listen = where;
    server_start(server);
}

TEST(a_name_is_listened_on)
{
    struct server server;
    char log_line[60];

    server_prepare(&server, NULL);
    server.no_listen = true;
    server_add_arg(&server, "--listen=localhost");
    server_add_arg(&server, "--port=0");
    server_start(&server);
    snprintf(log_line, sizeof(log_line), "ready on 127.0.0.1:%u", server.port);
    assert_true(server_log_has(&server, log_line));
    assert_true(answers("127.0.0.1", server.port));
    server_finish(&server);
}

TEST(two_colons_are_all_addresses_of_both_kinds)
{
    struct server server;

    listen_begin(&server, "[::]");
    assert_true(answers("127.0.0.1", server.port));
    assert_true(answers("[::1]", server.port));
    server_finish(&server);
}

TEST(the_same_address_twice_is_one)
{
    struct server server;
    char arg[60];

    server_prepare(&server, NULL);
    server_add_arg(&server, "--listen=127.0.0.1");
    server_start(&server);
    snprintf(arg, sizeof(arg), "ready on 127.0.0.1:%u", server.port);
    assert_true(server_log_has(&server, arg));
    server_finish(&server);
}

TEST(sixteen_threads_are_sixteen)
{
    struct server server;
    char path[64], line[200];
    int threads = 0;

    server_prepare(&server, NULL);
    server_add_arg(&server, "--threads=16");
    server_start(&server);
    snprintf(path, sizeof(path), "/proc/%d/status", server.pid);
    FILE *in = fopen(path, "re");
    assert_non_null(in);
    while (fgets(line, sizeof(line), in))
        sscanf(line, "Threads: %d", &threads);
    fclose(in);
    assert_true(threads >= 17);
    server_finish(&server);
}
