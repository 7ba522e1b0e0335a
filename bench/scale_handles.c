/*
 * scale_handles.c - nfsscale learn, touch, start: handles that a server gave out once.
 *
 * What is known of them (handle, fileid) goes from one run to the next by a file. The fileid of
 * every reply is compared with that of the file the handle is of. Called by scale.c.
 */
#include "bench/scale.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_LIMIT  30.0 /* s; a server that takes longer does not start */
#define POLL_NS      500000
#define SURE_HANDLES 1000 /* that are asked for after each start */

int scale_learn(const struct scale *scale, int argc, char **argv)
{
    static struct site site;
    struct outcome outcome;
    struct memory memory;

    if (argc != 1 || scale->file == NULL)
        return EINVAL;
    site.entries = (uint32_t)strtoul(argv[0], NULL, 10);
    int err = site_mount(&scale->target, scale->mount_port, scale->path, &site.list);
    if (err == 0)
        err = memory_create(&memory, site.entries);
    if (err != 0)
        return err;
    err = memory_learn(scale, &site, &memory, &outcome);
    if (err == 0)
        err = memory_save(&memory, scale->file);
    if (err == 0)
        scale_report("learn", &outcome, site.entries);
    memory_destroy(&memory);
    return err;
}

/* --- touch --- */

/* GETATTR of the first `files`, each `times` times. */
static int touch_round(const struct scale *scale, const struct memory *memory, uint32_t files,
                       uint64_t times, uint64_t seed, const char *key)
{
    static const struct work work = {.shares = {{KIND_TOUCH, 100}}};
    static struct site site;
    uint32_t *order = scale_order(files, seed);
    struct run run = {.work = &work,
                      .site = &site,
                      .count = files * times,
                      .known = memory->known,
                      .files = files,
                      .order = order};
    struct outcome outcome;

    if (order == NULL)
        return ENOMEM;
    int err = scale_run(scale, &run, SCALE_DEPTH, 0, key != NULL ? key : "warming up", &outcome);
    if (err == 0 && key != NULL)
        scale_report(key, &outcome, outcome.calls);
    free(order);
    return err;
}

int scale_touch(const struct scale *scale, int argc, char **argv)
{
    struct memory memory;

    if (argc != 1 || scale->file == NULL)
        return EINVAL;
    int err = memory_load(&memory, scale->file);
    if (err != 0)
        return err;
    uint32_t fit = (uint32_t)strtoul(argv[0], NULL, 10);
    if (fit == 0 || fit > memory.files)
        fit = memory.files;
    for (unsigned round = 0; err == 0 && round < scale->rounds; round++) {
        /* The clock needs two rounds of the hand to keep what is used. */
        err = touch_round(scale, &memory, fit, 3, round * 2 + 1, NULL);
        if (err == 0)
            err = touch_round(scale, &memory, fit, memory.files / fit, round * 2 + 1, "touch.fit");
        if (err == 0)
            err = touch_round(scale, &memory, memory.files, 1, round * 2 + 2, "touch.all");
    }
    memory_destroy(&memory);
    return err;
}

/* --- start --- */

static pid_t spawn(char **command)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    execv(command[0], command);
    perror(command[0]);
    _exit(127);
}

/* Until the server accepts a connection. */
static int await(const struct scale *scale, pid_t pid, double begin)
{
    for (;;) {
        int fd = load_connect(&scale->target.address, scale->target.address_len, false);
        if (fd >= 0) {
            close(fd);
            return 0;
        }
        if (fd != -ECONNREFUSED)
            return -fd;
        if (waitpid(pid, NULL, WNOHANG) != 0)
            return ECHILD;
        if (scale_now() - begin > START_LIMIT)
            return ETIMEDOUT;
        nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
    }
}

/* NULL, one old handle, and more of them. *took: until the first of these is answered. */
static int ask(const struct scale *scale, const struct memory *memory, const uint32_t *order,
               double begin, double *took)
{
    static const struct work null = {.shares = {{KIND_NULL, 100}}};
    static const struct work touch = {.shares = {{KIND_TOUCH, 100}}};
    static struct site site;
    struct run first = {.work = &null, .site = &site, .count = 1};
    struct run second = {.work = &touch,
                         .site = &site,
                         .count = 1,
                         .known = memory->known,
                         .files = memory->files,
                         .order = order};
    struct outcome outcome;

    int err = scale_run(scale, &first, 1, 0, "NULL", &outcome);
    if (err == 0)
        err = scale_run(scale, &second, 1, 0, "GETATTR of an old handle", &outcome);
    *took = scale_now() - begin;
    second.count = memory->files < SURE_HANDLES ? memory->files : SURE_HANDLES;
    if (err == 0)
        err = scale_run(scale, &second, SCALE_DEPTH, 0, "GETATTR of old handles", &outcome);
    return err;
}

static int start_once(const struct scale *scale, const struct memory *memory, char **command,
                      unsigned round, const char *key, int end_by)
{
    uint32_t *order = scale_order(memory->files, round + 1);
    double begin = scale_now(), took = 0;
    pid_t pid = order != NULL ? spawn(command) : -1;

    if (pid < 0) {
        free(order);
        return errno;
    }
    int err = await(scale, pid, begin);
    if (err != 0)
        fprintf(stderr, "nfsscale: %s: %s\n", command[0], strerror(err));
    else
        err = ask(scale, memory, order, begin, &took);
    if (err != ECHILD) {
        kill(pid, end_by);
        waitpid(pid, NULL, 0);
    }
    if (err == 0)
        printf("%s\t%.4f\t0\n", key, took);
    fflush(stdout);
    free(order);
    return err;
}

int scale_start(const struct scale *scale, int argc, char **argv)
{
    struct memory memory;

    if (argc < 1 || scale->file == NULL)
        return EINVAL;
    int err = memory_load(&memory, scale->file);
    if (err != 0)
        return err;
    /* Each start but the first finds what the end before it left. */
    for (unsigned round = 0; err == 0 && round < scale->rounds * 2; round++) {
        bool after_kill = round % 2 != 0;
        err = start_once(scale, &memory, argv, round,
                         after_kill ? "start.after_kill" : "start.after_end",
                         after_kill ? SIGTERM : SIGKILL);
    }
    memory_destroy(&memory);
    return err;
}
