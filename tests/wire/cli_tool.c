/*
 * cli_tool.c - the tool `loopnfs` with words and values that can only be a mistake: exit status 2,
 * and one line that has the word. Without a server, or with the wrong socket: 1, and one line, too.
 */
#include "tests/wire/wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct tool {
    struct server server;
    char control[160]; /* "--control '...'" */
};

static void tool_begin(struct tool *tool)
{
    server_prepare(&tool->server, NULL);
    server_add_arg(&tool->server, "--export=/srv,fs=srvfs,rw");
    server_add_arg(&tool->server, "--export=/disks,fs=etfs,rw");
    server_start(&tool->server);
    snprintf(tool->control, sizeof(tool->control), "--control='%s/control'",
             tool->server.state_dir);
}

/* Runs `loopnfs WORDS`, by the shell; its one line has `word`. */
static void tool_says(const char *words, int wanted, const char *word)
{
    char command[1024], output[4096];

    snprintf(command, sizeof(command), "HOME=/nonexistent '%s/bin/loopnfs' %s < /dev/null 2>&1",
             getenv("LOOPNFS_BUILD_DIR"), words);
    FILE *in = popen(command, "re");
    assert_non_null(in);
    output[fread(output, 1, sizeof(output) - 1, in)] = '\0';
    int status = pclose(in);
    test_note("%s: %d: %s", words, WEXITSTATUS(status), output);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), wanted);
    const char *end = strchr(output, '\n');
    assert_true(end != NULL && end[1] == '\0');
    assert_true(strncmp(output, "loopnfs: ", 9) == 0);
    assert_non_null(strstr(output, word));
}

TEST(the_tool_refuses_options_and_commands_that_it_does_not_know)
{
    static const char *const cases[][2] = {
        {"", "a command is missing"},
        {"''", "an argument is empty"},
        {"nonsense", "nonsense: no such command"},
        {"statu", "statu: no such command"},
        {"--", "a command is missing"},
        {"-x status", "-x: no such option"},
        {"--nothing status", "--nothing: no such option"},
        {"--contro=/x status", "--contro=/x: no such option"},
        {"status --nothing", "--nothing: no such option"},
        {"--help=yes", "--help"},
        {"--control", "--control: its value is missing"},
        {"--control= status", "--control: its value is empty"},
        {"-c '' status", "--control: its value is empty"},
        {"status --control", "--control: its value is missing"},
        {"--export '' list", "--export: its value is empty"},
        {"--fd", "--fd: its value is missing"},
        {"--fd x post y", "--fd=x"},
        {"--fd=-1 post y", "--fd=-1"},
        {"--fd ' 1' post y", "--fd= 1"},
        {"post --fd 1x y", "--fd=1x"},
        {"--fd 99999999999999999999 post y", "--fd=99999999999999999999"},
        {"--fd 99 post y", "descriptor 99"},
        {"--fd 1 --fd 2 post y", "--fd: 1 and 2"},
        {"status more", "status has too many words"},
        {"list more", "list has too many words"},
        {"post", "post has too few words"},
        {"post a mode=0600 c", "post has too many words"},
        {"take", "take has too few words"},
        {"take name", "take has too few words"},
        {"remove", "remove has too few words"},
        {"remove a b", "remove has too many words"},
        {"etfs", "etfs has too few words"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        tool_says(cases[i][0], 2, cases[i][1]);
}

TEST(the_tool_says_which_word_the_server_does_not_understand)
{
    static const char *const cases[][2] = {
        {"post a/b", "a/b"},
        {"post ''", "an argument is empty"},
        {"post name mode=9", "mode=9"},
        {"post name mode=07777", "mode=07777"},
        {"post name later", "later"},
        {"etfs nonsense", "nonsense"},
        {"etfs add", "add"},
        {"etfs add /key", "add"},
        {"etfs add /key /etc/passwd type=dir", "type=dir"},
        {"etfs add /key /etc/passwd offset=x", "offset=x"},
        {"etfs add /key /etc/passwd size=-1", "size=-1"},
        {"etfs add /key /etc/passwd as=blk", "as=blk"},
        {"etfs add /key /etc/passwd wr", "wr"},
        {"etfs remove", "remove"},
    };
    struct tool tool;
    char words[512];

    tool_begin(&tool);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(words, sizeof(words), "%s %s", tool.control, cases[i][0]);
        tool_says(words, 2, cases[i][1]);
    }
    snprintf(words, sizeof(words), "%s remove nothing", tool.control);
    tool_says(words, 1, "nothing");
    snprintf(words, sizeof(words), "%s take nothing true", tool.control);
    tool_says(words, 1, "nothing");
    snprintf(words, sizeof(words), "%s etfs remove nothing", tool.control);
    tool_says(words, 1, "nothing");
    snprintf(words, sizeof(words), "%s --export /none list", tool.control);
    tool_says(words, 1, "/none");
    server_finish(&tool.server);
}

TEST(the_tool_says_what_is_wrong_with_a_socket)
{
    char words[512], path[300];

    tool_says("--control /etc/passwd status", 1, "/etc/passwd: no control socket");
    tool_says("--control /nonexistent/x status", 1, "/nonexistent/x: no control socket: No such");
    tool_says("--control nonexistent status", 1, "nonexistent: no control socket: No such");
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    snprintf(words, sizeof(words), "--control %s status", path);
    tool_says(words, 2, "more than 107 bytes");
}

TEST(the_tool_says_what_to_do_where_too_many_ask)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct tool tool;
    char words[512];
    int silent[60];

    tool_begin(&tool);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/control", tool.server.state_dir);
    for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
        silent[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(silent[i], (struct sockaddr *)&address, sizeof(address)), 0);
        (void)!send(silent[i], "{", 1, MSG_NOSIGNAL);
    }
    snprintf(words, sizeof(words), "%s status", tool.control);
    tool_says(words, 1, "try again");
    for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
        close(silent[i]);
    server_finish(&tool.server);
}
