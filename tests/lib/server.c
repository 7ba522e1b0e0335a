/*
 * server.c - the real loopnfsd, run for one test; see server.h. Used by the groups wire and clients
 * and by whoever needs a server.
 *
 * The server dies with the test (PR_SET_PDEATHSIG), so that a test that is killed leaves nothing
 * behind but a directory in /tmp.
 */
#include "tests/lib/server.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_MS 120000 /* a sanitized server on a busy machine needs seconds */
#define STOP_MS  60000

/* What clean_up() needs of the servers that have not been finished. By value: the struct server of
 * a test that failed lay on a stack that is gone. */
static struct leftover {
    pid_t pid;
    char home[64];
    char log[80];
} leftovers[8];

bool server_is_root(void)
{
    return geteuid() == 0 && !test_variant_is("user");
}

uid_t server_uid(void)
{
    if (server_is_root())
        return 0;
    return geteuid() == 0 ? SERVER_USER : geteuid();
}

static char *log_read(const char *path)
{
    char *text = NULL;
    size_t len = 0;
    FILE *in = fopen(path, "r"), *out = open_memstream(&text, &len);
    int c;

    while (in && (c = getc(in)) != EOF)
        if (c)
            putc(c, out);
    fclose(out);
    if (in)
        fclose(in);
    return text;
}

/* At exit, for a test that failed: the log, and nothing left behind. */
static void clean_up(void)
{
    for (size_t i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]); i++) {
        struct leftover *left = &leftovers[i];
        if (!left->home[0])
            continue;
        if (left->pid > 0) {
            kill(left->pid, SIGKILL);
            waitpid(left->pid, NULL, 0);
        }
        char *text = log_read(left->log);
        printf("--- the server's log ---\n%s--- its end ---\n", text);
        free(text);
        host_remove_tree(left->home);
    }
}

static void remember(struct server *server)
{
    static bool registered;

    if (!registered)
        atexit(clean_up);
    registered = true;
    for (size_t i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]); i++) {
        if (!leftovers[i].home[0]) {
            server->slot = i;
            strcpy(leftovers[i].home, server->home);
            strcpy(leftovers[i].log, server->log);
            return;
        }
    }
    fail_msg("too many servers in one test");
}

static void set_pid(struct server *server, pid_t pid)
{
    server->pid = pid;
    leftovers[server->slot].pid = pid;
}

/* The program, opened once, and before this process acts as somebody who can't reach the folder
 * that it was built in. */
static int open_program(void)
{
    static int program = -1;
    const char *path = getenv("LOOPNFSD");

    if (program >= 0)
        return program;
    if (!path) {
        fail_msg("LOOPNFSD is not set: it names the server to test");
        return -1;
    }
    program = open(path, O_RDONLY | O_CLOEXEC);
    if (program < 0)
        fail_msg("%s: %s", path, strerror(errno));
    return program;
}

void server_prepare(struct server *server, const char *base)
{
    *server = (struct server){.portmap = "off"};
    if (geteuid() != 0 && test_variant_is("root"))
        test_skip("this variant has to be run by root");
    snprintf(server->home, sizeof(server->home), "%s/loopnfs-test.XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(server->home));
    snprintf(server->state_dir, sizeof(server->state_dir), "%s/state", server->home);
    snprintf(server->export_dir, sizeof(server->export_dir), "%s/export", server->home);
    snprintf(server->log, sizeof(server->log), "%s/log", server->home);
    remember(server);
    assert_return_code(chmod(server->home, 0755), errno);
    open_program();
    if (geteuid() == 0 && !server_is_root()) {
        assert_return_code(chown(server->home, SERVER_USER, SERVER_USER), errno);
        setfsgid(SERVER_USER);
        setfsuid(SERVER_USER);
    }
    umask(022);
    assert_return_code(mkdir(server->state_dir, 0700), errno);
    assert_return_code(mkdir(server->export_dir, 0755), errno);
}

void server_add_arg(struct server *server, const char *arg)
{
    for (size_t i = 0; i < SERVER_ARGS - 1; i++) {
        if (!server->args[i]) {
            server->args[i] = arg;
            return;
        }
    }
    fail_msg("too many arguments");
}

/* In the child: becomes the ordinary user, then the server. The program was opened before, since
 * this user need not reach the folder it was built in. */
static _Noreturn void become_server(int program, const struct server *server, char *const *argv)
{
    if (server && server->nofile) {
        struct rlimit limit = {server->nofile, server->nofile};
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (geteuid() == 0 && !server_is_root()) {
        gid_t none = SERVER_USER;
        if (setgroups(1, &none) || setresgid(none, none, none) ||
            setresuid(SERVER_USER, SERVER_USER, SERVER_USER))
            _exit(126);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fexecve(program, argv, environ);
    dprintf(STDERR_FILENO, "exec: %s\n", strerror(errno));
    _exit(127);
}

static pid_t spawn(const struct server *server, char *const *argv, int output)
{
    int program = open_program();
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_RDONLY);
        dup2(null, STDIN_FILENO);
        dup2(output, STDOUT_FILENO);
        dup2(output, STDERR_FILENO);
        become_server(program, server, argv);
    }
    return pid;
}

static void launch(struct server *server)
{
    /* Static, since argv may hold pointers into it until exec. */
    static char listen4[80], listen6[80], state[100], portmap[40];
    const char *argv[SERVER_ARGS + 16];
    size_t n = 0;

    snprintf(listen4, sizeof(listen4), "%s:%u", server->listen ? server->listen : "127.0.0.1",
             server->port);
    snprintf(listen6, sizeof(listen6), "[::1]:%u", server->port_ipv6);
    snprintf(state, sizeof(state), "--state-dir=%s", server->state_dir);
    snprintf(portmap, sizeof(portmap), "--portmap=%s", server->portmap);
    argv[n++] = "loopnfsd";
    argv[n++] = state;
    argv[n++] = portmap;
    if (!server->no_listen) {
        argv[n++] = "--listen";
        argv[n++] = listen4;
    }
    if (server->ipv6) {
        argv[n++] = "--listen";
        argv[n++] = listen6;
    }
    if (server->table_handles)
        argv[n++] = "--handles=table";
    for (size_t i = 0; server->args[i]; i++)
        argv[n++] = server->args[i];
    char insecure[200];
    if (!server->no_plain_export && geteuid() == 0) {
        argv[n++] = server->export_dir;
    } else if (!server->no_plain_export) {
        /* We have no reserved ports to call from. */
        snprintf(insecure, sizeof(insecure), "--export=%s,rw,no_root_squash,insecure",
                 server->export_dir);
        argv[n++] = insecure;
    }
    argv[n] = NULL;

    int output = open(server->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(output >= 0);
    set_pid(server, spawn(server, (char *const *)(uintptr_t)argv, output));
    close(output);
}

/* The port after the last "ready on ADDRESS:" of the log, or 0. */
static uint16_t ready_port(const char *log, const char *address)
{
    char wanted[100];
    unsigned port = 0;

    snprintf(wanted, sizeof(wanted), "ready on %s:", address);
    for (const char *at = log; (at = strstr(at, wanted)); at++)
        port = strtoul(at + strlen(wanted), NULL, 10);
    return port;
}

static unsigned count_ready(const char *log)
{
    unsigned n = 0;

    for (const char *at = log; (at = strstr(at, "ready on ")); at++)
        n++;
    return n;
}

/* Waits until the log has a ready line for each address, beyond the `before` that it had. */
static void wait_ready(struct server *server, unsigned before)
{
    unsigned wanted = before + 1 + server->ipv6;

    for (int ms = 0; ms < START_MS; ms += 5) {
        char *log = log_read(server->log);
        if (count_ready(log) >= wanted && strrchr(log, '\n') > strstr(log, "ready on ")) {
            server->port = ready_port(log, server->listen ? server->listen : "127.0.0.1");
            server->port_ipv6 = ready_port(log, "[::1]");
            free(log);
            assert_int_not_equal(server->port, 0);
            return;
        }
        free(log);
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid) {
            set_pid(server, 0);
            fail_msg("the server does not start");
        }
        host_sleep_ms(5);
    }
    fail_msg("the server does not become ready");
}

void server_start(struct server *server)
{
    char *log = log_read(server->log);
    unsigned before = count_ready(log);

    free(log);
    assert_int_equal(server->pid, 0);
    launch(server);
    wait_ready(server, before);
}

int server_start_failing(struct server *server)
{
    launch(server);
    return server_wait(server);
}

void server_run(struct server *server)
{
    server_prepare(server, NULL);
    server_start(server);
}

/* Waits at most STOP_MS; the exit status, or 128 + signal; -1: it still runs. */
static int wait_status(pid_t pid)
{
    for (int ms = 0; ms < STOP_MS; ms += 2) {
        int status;
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        host_sleep_ms(2);
    }
    return -1;
}

int server_wait(struct server *server)
{
    int status = wait_status(server->pid);

    if (status < 0)
        fail_msg("the server does not end within %d ms", STOP_MS);
    set_pid(server, 0);
    return status;
}

void server_stop(struct server *server)
{
    assert_true(server->pid > 0);
    /* It may just have died: then the status says so. */
    kill(server->pid, SIGTERM);
    int status = server_wait(server);
    if (status != 0 && !server->exit_unchecked)
        fail_msg("the server ended with status %d", status);
}

void server_kill(struct server *server)
{
    assert_true(server->pid > 0);
    assert_int_equal(waitpid(server->pid, NULL, WNOHANG), 0);
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    set_pid(server, 0);
}

void server_restart(struct server *server)
{
    if (server->pid > 0)
        server_stop(server);
    server_start(server);
}

void server_finish(struct server *server)
{
    static const char *const reports[] = {"ERROR: AddressSanitizer",
                                          "runtime error:", "ERROR: LeakSanitizer",
                                          "WARNING: ThreadSanitizer"};

    if (server->pid > 0)
        server_stop(server);
    for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++)
        if (server_log_has(server, reports[i]))
            fail_msg("a sanitizer reports an error (%s)", reports[i]);
    leftovers[server->slot] = (struct leftover){0};
    host_remove_tree(server->home);
}

bool server_log_has(const struct server *server, const char *text)
{
    char *log = log_read(server->log);
    bool found = strstr(log, text);

    free(log);
    return found;
}

bool server_log_waits_for(const struct server *server, const char *text, int ms)
{
    for (; ms >= 0; ms -= 5) {
        if (server_log_has(server, text))
            return true;
        host_sleep_ms(5);
    }
    return false;
}

long server_cpu_ms(const struct server *server)
{
    char path[64];
    unsigned long user = 0, system = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", server->pid);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    assert_int_equal(fscanf(in, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                            &user, &system),
                     2);
    fclose(in);
    return (long)((user + system) * 1000 / sysconf(_SC_CLK_TCK));
}

int server_run_once(const char *const *args, char *output, size_t size)
{
    const char *argv[SERVER_ARGS + 2] = {"loopnfsd"};
    FILE *out = tmpfile();

    assert_non_null(out);
    for (size_t i = 0; args[i]; i++)
        argv[i + 1] = args[i];
    pid_t pid = spawn(NULL, (char *const *)(uintptr_t)argv, fileno(out));
    int status = wait_status(pid);
    if (status < 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        fail_msg("loopnfsd goes on running with these arguments");
    }
    rewind(out);
    output[fread(output, 1, size - 1, out)] = 0;
    fclose(out);
    return status;
}
