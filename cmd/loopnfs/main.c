/*
 * main.c - the user's tool: sends commands to a running loopnfsd over its control socket.
 *
 *     loopnfs [--control PATH] [--export PATH] COMMAND [ARG...]
 *
 * The commands are rows of a table. Most of them pass their words on to a file system, which has a
 * language of its own (loopnfs(1)).
 */
#include "base/option_words.h"
#include "ctl/message.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define STATUS_FAILURE 1
#define STATUS_USAGE   2

struct options {
    const char *control, *export;
    int fd; /* --fd: the descriptor to post, or the number for a taken one; -1: default */
    int argc;
    char **argv; /* the command and its words */
};

struct command;

/* A command. `fs` NULL: it goes to the server itself. */
struct command {
    const char *name, *fs;
    int words_min, words_max; /* after the name */
    int (*run)(const struct options *options, const struct command *command);
    const char *usage, *what;
};

__attribute__((format(printf, 2, 3), noreturn)) static void die(int status, const char *format, ...)
{
    va_list ap;

    fputs("loopnfs: ", stderr);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(status);
}

/* --- the server --- */

/* Fills in the socket's address. 0, or an errno: no server can be asked there. */
static int socket_at(const char *path, struct sockaddr_un *address)
{
    struct stat st;

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address->sun_path))
        return ENAMETOOLONG;
    strcpy(address->sun_path, path);
    if (stat(path, &st) != 0)
        return errno;
    return S_ISSOCK(st.st_mode) ? 0 : ENOTSOCK;
}

/* Tries the places where loopnfsd listens without --control, in this order. */
static bool socket_find(struct sockaddr_un *address)
{
    char path[PATH_MAX];
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (socket_at("/run/loopnfs/control", address) == 0 ||
        socket_at("/var/lib/loopnfs/control", address) == 0)
        return true;
    if (state != NULL)
        snprintf(path, sizeof(path), "%s/loopnfs/control", state);
    else
        snprintf(path, sizeof(path), "%s/.local/state/loopnfs/control", home != NULL ? home : "");
    return socket_at(path, address) == 0;
}

static int dial(const struct options *options)
{
    struct sockaddr_un address;
    const char *path = options->control != NULL ? options->control : getenv("LOOPNFS_CONTROL");

    if (path == NULL && !socket_find(&address))
        die(STATUS_FAILURE, "no control socket found: is loopnfsd running? "
                            "Name its socket with --control PATH (STATE_DIR/control)");
    int err = path != NULL ? socket_at(path, &address) : 0;
    if (err == ENAMETOOLONG)
        die(STATUS_USAGE,
            "--control=%.40s...: it has more than %zu bytes; give the path of a socket", path,
            sizeof(address.sun_path) - 1);
    if (err != 0)
        die(STATUS_FAILURE, "%s: no control socket: %s", path, strerror(err));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die(STATUS_FAILURE, "%s: %s", address.sun_path, strerror(errno));
    return fd;
}

static void lines_print(struct json_object *answer)
{
    struct json_object *lines;

    if (!json_object_object_get_ex(answer, "lines", &lines))
        return;
    for (size_t i = 0; i < json_object_array_length(lines); i++)
        puts(json_object_get_string(json_object_array_get_idx(lines, i)));
}

/* Sends `words` and prints the answer's lines. Ends the program if the answer is an error. Returns
 * the descriptor that came back, or -1. */
static int ask(const struct options *options, const char *fs, int count, char **words, int fd)
{
    struct json_object *request = json_object_new_object(), *argv = json_object_new_array();
    struct json_object *answer, *value;
    int back;

    for (int i = 0; i < count; i++)
        json_object_array_add(argv, json_object_new_string(words[i]));
    json_object_object_add(request, "argv", argv);
    if (fs != NULL)
        json_object_object_add(request, "fs", json_object_new_string(fs));
    if (options->export != NULL)
        json_object_object_add(request, "export", json_object_new_string(options->export));
    int socket = dial(options);
    int err = message_send(socket, request, fd);
    /* A server that turns the tool away says so before it has read anything. */
    if (err == 0 || err == EPIPE) {
        int got = message_receive(socket, MESSAGE_MAX, &answer, &back);
        err = got == 0 || err == 0 ? got : err;
    }
    if (err != 0)
        die(STATUS_FAILURE, "the server did not answer: %s", strerror(err));
    lines_print(answer);
    err = json_object_object_get_ex(answer, "error", &value) ? json_object_get_int(value) : EPROTO;
    if (err != 0) {
        const char *message = "";
        if (json_object_object_get_ex(answer, "message", &value))
            message = json_object_get_string(value);
        die(err == EINVAL ? STATUS_USAGE : STATUS_FAILURE, "%s: %s", words[0],
            *message != '\0' ? message : strerror(err));
    }
    close(socket);
    json_object_put(answer);
    json_object_put(request);
    return back;
}

/* --- commands --- */

static int run_plain(const struct options *options, const struct command *command)
{
    int back = ask(options, command->fs, options->argc, options->argv, -1);

    if (back >= 0)
        close(back);
    return 0;
}

static int run_post(const struct options *options, const struct command *command)
{
    int fd = options->fd >= 0 ? options->fd : STDIN_FILENO;

    if (fcntl(fd, F_GETFD) < 0)
        die(STATUS_USAGE, "descriptor %d is not open", fd);
    ask(options, command->fs, options->argc, options->argv, fd);
    return 0;
}

/* Moves `fd` to `number` for the program. If it is there already, it must not be closed by exec. */
static int give(int fd, int number)
{
    return fd == number ? fcntl(fd, F_SETFD, 0) : dup2(fd, number);
}

/* Runs a program with the descriptor that was taken, as its standard input and output or as
 * --fd. */
static int run_take(const struct options *options, const struct command *command)
{
    int fd = ask(options, command->fs, 2, options->argv, -1);
    char **program = options->argv + 2;

    if (fd < 0)
        die(STATUS_FAILURE, "the server sent no descriptor");
    if (options->fd >= 0) {
        if (give(fd, options->fd) < 0)
            die(STATUS_FAILURE, "descriptor %d: %s", options->fd, strerror(errno));
    } else if (give(fd, STDIN_FILENO) < 0 || give(fd, STDOUT_FILENO) < 0) {
        die(STATUS_FAILURE, "%s", strerror(errno));
    }
    execvp(program[0], program);
    die(STATUS_FAILURE, "%s: %s", program[0], strerror(errno));
}

/* A relative path of a host file starts in the tool's directory, not in the server's. */
static int run_etfs(const struct options *options, const struct command *command)
{
    static char path[PATH_MAX + 1];
    char **words = options->argv + 1;
    int count = options->argc - 1;

    if (strcmp(words[0], "add") == 0 && count >= 3 && words[2][0] != '/') {
        char cwd[PATH_MAX];
        if (getcwd(cwd, sizeof(cwd)) == NULL ||
            snprintf(path, sizeof(path), "%s/%s", cwd, words[2]) >= (int)sizeof(path))
            die(STATUS_FAILURE, "%s: path too long", words[2]);
        words[2] = path;
    }
    ask(options, command->fs, count, words, -1);
    return 0;
}

static const struct command commands[] = {
    {"status", NULL, 0, 0, run_plain, "status", "what the server is doing"},
    {"post", "srvfs", 1, 2, run_post, "post [--fd N] NAME [mode=MODE]",
     "post a descriptor (default: standard input) under a name"},
    {"take", "srvfs", 2, INT_MAX, run_take, "take [--fd N] NAME PROGRAM [ARG...]",
     "run a program with the posted descriptor as its standard input and output"},
    {"list", "srvfs", 0, 0, run_plain, "list", "what is posted, by whom, since when"},
    {"remove", "srvfs", 1, 1, run_plain, "remove NAME", "take a posted name away"},
    {"etfs", "etfs", 1, 16, run_etfs,
     "etfs add KEY PATH [type=reg|blk|chr] [offset=N] [size=N] [as=reg] [ro]\n"
     "  loopnfs etfs remove KEY\n  loopnfs etfs list",
     "map keys to host files"},
};

static const struct option rows[] = {
    {"control", required_argument, NULL, 'c'}, {"export", required_argument, NULL, 'e'},
    {"fd", required_argument, NULL, 'f'},      {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},       {0},
};

static const char help[] =
    "Usage: loopnfs [OPTION...] COMMAND [WORD...]\n"
    "Asks a running loopnfsd; loopnfs(1) has the details. The options, before the command or "
    "after:\n\n"
    "  -c, --control=PATH  the server's control socket (or $LOOPNFS_CONTROL)\n"
    "  -e, --export=PATH   the export meant, where there are several of its kind\n"
    "  -f, --fd=N          post: the descriptor; take: the number the program finds it under\n"
    "  -h, --help          print this and exit\n"
    "  -V, --version       print the version and exit\n\n"
    "Commands:\n\n";

_Noreturn static void help_print(void)
{
    fputs(help, stdout);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        printf("  loopnfs %s\n      %s\n", commands[i].usage, commands[i].what);
    exit(0);
}

static const char *expected(int key)
{
    return key == 'f'   ? "give a descriptor's number"
           : key == 'e' ? "give the path of an export"
                        : "give the path of the server's socket";
}

static bool repeats(int key)
{
    (void)key;
    return false;
}

static int fd_number(const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value > INT_MAX)
        die(STATUS_USAGE, "--fd=%s: %s", text, expected('f'));
    return (int)value;
}

/* Reads the options after argv[0], which is the program or the command. Returns the number of
 * arguments read, with argv[0]. */
static int options_read(struct options *options, int argc, char **argv)
{
    char message[1024];
    int key;

    if (option_words_check(argc, argv, rows, expected, repeats, true, message, sizeof(message)) !=
        0)
        die(STATUS_USAGE, "%s", message);
    optind = 0; /* makes getopt_long() begin again */
    while ((key = getopt_long(argc, argv, "+c:e:f:hV", rows, NULL)) >= 0)
        switch (key) {
        case 'c':
            options->control = optarg;
            break;
        case 'e':
            options->export = optarg;
            break;
        case 'f':
            options->fd = fd_number(optarg);
            break;
        case 'V':
            puts("loopnfs " LOOPNFS_VERSION);
            exit(0);
        default:
            help_print();
        }
    return optind;
}

#define COMMAND_NAMES "give status, post, take, list, remove or etfs; see loopnfs --help"

int main(int argc, char **argv)
{
    struct options options = {.fd = -1};

    int first = options_read(&options, argc, argv);
    if (first >= argc)
        die(STATUS_USAGE, "a command is missing; " COMMAND_NAMES);
    char *name = argv[first];
    int words = options_read(&options, argc - first, argv + first);
    options.argv = argv + first + words - 1;
    options.argc = argc - first - words + 1;
    options.argv[0] = name;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        const struct command *command = &commands[i];
        if (strcmp(command->name, name) != 0)
            continue;
        words = options.argc - 1;
        if (words < command->words_min || words > command->words_max)
            die(STATUS_USAGE, "%s has too %s words; see loopnfs --help", name,
                words < command->words_min ? "few" : "many");
        return command->run(&options, command);
    }
    die(STATUS_USAGE, "%s: no such command; " COMMAND_NAMES, name);
}
