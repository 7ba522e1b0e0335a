/*
 * server.c - a loopnfsd for the time of one body, on the file system that the command line names.
 * The wire driver starts it; it dies with the body.
 */
#include "tests/conformance/run.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 20000
#define STOP_MS  10000

static pid_t server;
static int program = -1;
static uint16_t listens_at;
static unsigned starts; /* of servers with this log */
static char log_path[80], exported[4200];

static char *log_read(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *in = fopen(log_path, "re"), *out = open_memstream(&text, &len);
    int c;

    while (in != NULL && (c = getc(in)) != EOF)
        putc(c, out);
    fclose(out);
    if (in != NULL)
        fclose(in);
    return text;
}

/* The port in the `count`th ready line; 0: it is not there yet. */
static uint16_t ready_port(unsigned count)
{
    static const char words[] = "ready on 127.0.0.1:";
    char *text = log_read(), *at = text;
    unsigned long port = 0;

    for (unsigned i = 0; at != NULL && i < count; i++) {
        at = strstr(at, words);
        if (at != NULL)
            at += strlen(words);
    }
    if (at != NULL && strchr(at, '\n') != NULL)
        port = strtoul(at, NULL, 10);
    free(text);
    return (uint16_t)port;
}

static int wait_for(pid_t pid, int ms)
{
    int status;

    for (int waited = 0; waited < ms; waited += 2) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
        usleep(2000);
    }
    return -1;
}

void server_open(const struct target *target)
{
    if (target->server == NULL)
        return;
    program = open(target->server, O_RDONLY | O_CLOEXEC);
    if (program < 0)
        fail("%s: %s", target->server, strerror(errno));
}

static void spawn(const struct target *target)
{
    char state[100], listen[40], export[4400];

    snprintf(state, sizeof(state), "--state-dir=%s/state", target->base);
    snprintf(listen, sizeof(listen), "--listen=127.0.0.1:%u", listens_at);
    snprintf(export, sizeof(export), "--export=%s,fs=%s%s%s%s%s,rw,%s,insecure,no_root_squash",
             exported, target->fs, target->source != NULL ? ",source=" : "",
             target->source != NULL ? target->source : "", target->options != NULL ? "," : "",
             target->options != NULL ? target->options : "", target->sync ? "sync" : "async");
    server = fork();
    expect(server >= 0);
    if (server != 0)
        return;
    become(target->uid);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    close(log);
    const char *const argv[] = {
        "loopnfsd", state,  "--portmap=off",
        listen,     export, target->table_handles ? "--handles=table" : NULL,
        NULL};
    fexecve(program, (char *const *)(uintptr_t)argv, environ);
    fprintf(stderr, "%s: %s\n", target->server, strerror(errno));
    _exit(127);
}

static void wait_ready(unsigned count)
{
    int status;

    for (int waited = 0; waited < START_MS; waited += 2) {
        listens_at = ready_port(count);
        if (listens_at != 0)
            return;
        if (waitpid(server, &status, WNOHANG) == server) {
            server = 0;
            fail("the server ended while it started, with status %x", (unsigned)status);
        }
        usleep(2000);
    }
    fail("the server was not ready in time");
}

/* Of a body that failed: what the server said helps. */
static void show_log(void)
{
    if (server <= 0)
        return;
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    char *text = log_read();
    fprintf(stderr, "--- the server's log ---\n%s", text);
    free(text);
}

void server_begin(const struct target *target, uint16_t *port, const char **path)
{
    snprintf(log_path, sizeof(log_path), "%s/log", target->base);
    /* hostfs' exports are called as the directory; others may be called anything. */
    snprintf(exported, sizeof(exported), "%s", target->source != NULL ? target->source : "/export");
    listens_at = 0;
    atexit(show_log);
    spawn(target);
    starts = 1;
    wait_ready(starts);
    *port = listens_at;
    *path = exported;
}

void server_again(const struct target *target, void (*between)(void))
{
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    if (between != NULL)
        between();
    spawn(target);
    wait_ready(++starts);
}

void server_forget(void)
{
    server = 0;
}

void server_end(void)
{
    kill(server, SIGTERM);
    int status = wait_for(server, STOP_MS);
    if (status != 0)
        fail("the server ended with status %x", (unsigned)status);
    server = 0;
}
