/*
 * run.c - a process, a mount and a directory for each body; and what came of it, as TAP. See run.h.
 */
#include "tests/conformance/run.h"
#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_SKIPPED   77
#define EXIT_UNMOUNTED 99 /* there is nothing to run any body on */
/* No body takes so long; seconds. */
#define BODY_MAX 120

struct object root, here;
const struct driver *driver;
struct who myself;
uint64_t granularity = 1;

static char here_name[64];
static uint32_t caps, claimed;

bool can(uint32_t all_of)
{
    return (caps & all_of) == all_of;
}

bool claims(uint32_t cap)
{
    return (claimed & cap) != 0;
}

void as(uid_t uid, gid_t gid)
{
    driver->become(&(const struct who){.uid = uid, .gid = gid});
}

void as_member(uid_t uid, gid_t gid, gid_t extra_group)
{
    driver->become(
        &(const struct who){.uid = uid, .gid = gid, .ngroups = 1, .groups = {extra_group}});
}

void as_myself(void)
{
    driver->become(&myself);
}

void restart(void)
{
    driver->restart(NULL);
}

const char *here_name_of(void)
{
    return here_name;
}

/* By descriptors, since some bodies go deeper than a path can be long. */
static void remove_at(int parent, const char *name)
{
    if (unlinkat(parent, name, 0) == 0)
        return;
    fchmodat(parent, name, 0700, 0);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_at(fd, entry->d_name);
    closedir(dir);
    unlinkat(parent, name, AT_REMOVEDIR);
}

void tree_remove(const char *path)
{
    remove_at(AT_FDCWD, path);
}

/* --- in the body's process --- */

static void remove_below(struct object dir, unsigned depth);

/* A name in a directory, and all below it: false where it is still there. */
static bool remove_name(struct object dir, const char *name, unsigned depth)
{
    struct object below;

    if (t_remove(dir, name) == 0)
        return true;
    if (depth > 1000 || t_lookup(dir, name, &below) != 0)
        return false;
    remove_below(below, depth + 1);
    return t_rmdir(dir, name) == 0;
}

/* libfuse's own: a file that was removed while it was open, which goes when it is closed. */
static bool is_hidden(const struct item *item)
{
    return strncmp(item->name, ".fuse_hidden", strlen(".fuse_hidden")) == 0;
}

/* By the driver, so that it works on any server. What can't be removed is left. */
static void remove_below(struct object dir, unsigned depth)
{
    struct page *page = malloc(sizeof(*page));
    bool progress = page != NULL;

    t_chmod(dir, 0700);
    while (progress) {
        progress = false;
        page->verifier = 0;
        if (driver->readdir(&dir, 0, 8192, page) != 0)
            break;
        for (uint32_t i = 0; i < page->count; i++)
            if (!is_dots(&page->items[i]) && !is_hidden(&page->items[i]) &&
                remove_name(dir, page->items[i].name, depth))
                progress = true;
    }
    free(page);
}

void become(uid_t uid)
{
    umask(0);
    if (geteuid() == uid)
        return;
    gid_t gid = (gid_t)uid;
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        fail("can't become user %u: %s", uid, strerror(errno));
}

static void require(const struct run *run, const struct body *body)
{
    claimed = caps_find(&run->target);
    uint32_t found = claimed & ~run->without;
    uint32_t devices = run->has_declared ? run->declared & DEVICES & ~found : 0;

    if (run->has_declared && (found | devices) != (run->declared & ~run->without)) {
        fprintf(stderr, "# declared: %s\n", caps_text(run->declared));
        fail("the target has these capabilities instead: %s", caps_text(found));
    }
    if ((body->needs & ~found) != 0) {
        fprintf(stderr, "needs %s", caps_text(body->needs & ~found));
        exit(EXIT_SKIPPED);
    }
    caps = found;
    if ((found & DIRS) == 0) {
        here = root;
        return;
    }
    snprintf(here_name, sizeof(here_name), "conformance-%u", (unsigned)getpid());
    here = make_dir(root, here_name);
}

static _Noreturn void body_process(const struct run *run, const struct body *body)
{
    alarm(BODY_MAX);
    server_forget();
    server_open(&run->target);
    become(run->target.uid);
    myself = (struct who){.uid = geteuid(), .gid = getegid()};
    fail_status = EXIT_UNMOUNTED;
    driver->begin(&run->target, &root);
    fail_status = EXIT_FAILURE;
    as_myself();
    require(run, body);
    body->run();
    as_myself();
    if (!run->scratch && here_name[0] != '\0') {
        remove_below(here, 0);
        /* A restart may have taken it, and what it was in; FUSE keeps what is in use for a while.
         */
        t_rmdir(root, here_name);
    }
    driver->end();
    exit(EXIT_SUCCESS);
}

/* --- outside --- */

/* Output of the body that says nothing about it is not shown where it passed. */
static void show(FILE *output)
{
    char line[1024];

    rewind(output);
    while (fgets(line, sizeof(line), output) != NULL)
        printf("# %s%s", line, strchr(line, '\n') != NULL ? "" : "\n");
}

static void last_line(FILE *output, char *line, size_t size)
{
    line[0] = '\0';
    rewind(output);
    while (fgets(line, (int)size, output) != NULL)
        continue;
    line[strcspn(line, "\n")] = '\0';
}

static void scratch_begin(struct run *run)
{
    struct target *target = &run->target;
    char state[80];

    strcpy(target->base, "/tmp/loopnfs-conformance-XXXXXX");
    if (mkdtemp(target->base) == NULL)
        fail("%s: %s", target->base, strerror(errno));
    chmod(target->base, 0755);
    snprintf(state, sizeof(state), "%s/state", target->base);
    snprintf(target->scratch, sizeof(target->scratch), "%s/export", target->base);
    if (mkdir(state, 0700) != 0 || mkdir(target->scratch, 0755) != 0 ||
        chown(target->base, target->uid, (gid_t)-1) != 0 ||
        chown(state, target->uid, (gid_t)-1) != 0 ||
        chown(target->scratch, target->uid, (gid_t)-1) != 0)
        fail("%s: %s", target->base, strerror(errno));
    if (run->scratch)
        target->source = target->scratch;
}

/* The server that bodies share; where it keeps its things, and where it is found. */
static struct run shared;
static uint16_t shared_port;
static const char *shared_path;

static void shared_begin(const struct run *run)
{
    shared = *run;
    scratch_begin(&shared);
    server_open(&shared.target);
    server_begin(&shared.target, &shared_port, &shared_path);
}

static void shared_end(void)
{
    server_end();
    tree_remove(shared.target.base);
}

/* The body's wait status; what it said is in `output`. */
static int run_body(struct run *run, const struct body *body, FILE *output)
{
    bool shares = run->one_server && (body->needs & RESTART) == 0;
    int status;

    scratch_begin(run);
    if (run->target.server != NULL) { /* else port and path are those of one that runs already */
        run->target.port = shares ? shared_port : 0;
        run->target.path = !shares                      ? NULL
                           : run->target.source != NULL ? run->target.source
                                                        : shared_path;
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        fail("fork: %s", strerror(errno));
    if (pid == 0) {
        dup2(fileno(output), STDOUT_FILENO);
        dup2(fileno(output), STDERR_FILENO);
        setvbuf(stdout, NULL, _IOLBF, 0);
        body_process(run, body);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    tree_remove(run->target.base);
    return status;
}

static void report(unsigned number, const struct body *body, int status, bool limit, FILE *output)
{
    char reason[1024];

    if (status == 0) {
        printf("ok %u - %s\n", number, body->name);
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED) {
        last_line(output, reason, sizeof(reason));
        printf("ok %u - %s # SKIP %s\n", number, body->name, reason);
    } else if (limit) {
        last_line(output, reason, sizeof(reason));
        printf("ok %u - %s # SKIP it can't pass here: %s\n", number, body->name, reason);
    } else {
        show(output);
        if (WIFSIGNALED(status))
            printf("# ended by signal %d\n", WTERMSIG(status));
        printf("not ok %u - %s\n", number, body->name);
    }
    fflush(stdout);
}

static bool is_topic(const char *file, const char *topic)
{
    const char *name = strrchr(file, '/');

    name = name != NULL ? name + 1 : file;
    return strncmp(name, topic, strlen(topic)) == 0 && strcmp(name + strlen(topic), ".c") == 0;
}

static bool chosen(const struct run *run, const struct body *body)
{
    return (run->pattern == NULL || fnmatch(run->pattern, body->name, 0) == 0) &&
           (run->topic == NULL || is_topic(body->file, run->topic));
}

/* One of the patterns has its name. */
static bool is_among(const char *patterns, const struct body *body)
{
    char pattern[128];

    for (const char *at = patterns; at != NULL && *at != '\0'; at += *at == ',') {
        size_t len = strcspn(at, ",");
        snprintf(pattern, sizeof(pattern), "%.*s", (int)len, at);
        if (fnmatch(pattern, body->name, 0) == 0)
            return true;
        at += len;
    }
    return false;
}

/* It should have run, and was skipped since the machine does not let us (device nodes). */
static bool is_declared(const struct run *run, const struct body *body)
{
    return run->has_declared && (body->needs & ~(run->declared & ~run->without)) == 0;
}

struct tally {
    unsigned count, number, failed, skipped;
};

/* False: there is nothing to run any body on. */
static bool run_one(struct run *run, const struct body *body, struct tally *tally)
{
    bool limit = is_among(run->limits, body);
    FILE *output = tmpfile();

    if (output == NULL)
        fail("no temporary file: %s", strerror(errno));
    int status = run_body(run, body, output);
    bool skip = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED;
    report(++tally->number, body, status, limit, output);
    fclose(output);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_UNMOUNTED) {
        printf("Bail out! it can't be mounted\n");
        return false;
    }
    bool bad = status != 0 && !limit && (!skip || (run->skip_is_failure && is_declared(run, body)));
    if (limit && status == 0 && run->limits_hold) {
        printf("# %s passes: it is no limit any more\n", body->name);
        bad = true;
    }
    tally->failed += bad;
    tally->skipped += (skip || (limit && status != 0)) && !bad;
    return true;
}

int run_bodies(const struct run *given)
{
    struct run run = *given;
    struct tally tally = {.count = 0};

    for (const struct body *body = body_first(); body != NULL; body = body->next)
        tally.count += chosen(&run, body);
    if (tally.count == 0) {
        fprintf(stderr, "no body is called %s\n", run.pattern != NULL ? run.pattern : run.topic);
        return EXIT_FAILURE;
    }
    printf("TAP version 13\n1..%u\n", tally.count);
    if (run.one_server)
        shared_begin(&run);
    bool mounted = true;
    for (const struct body *body = body_first(); body != NULL && mounted; body = body->next)
        if (chosen(&run, body))
            mounted = run_one(&run, body, &tally);
    if (run.one_server)
        shared_end();
    if (!mounted)
        return EXIT_FAILURE;
    printf("# %u bodies: %u passed, %u failed, %u not applicable\n", tally.count,
           tally.count - tally.failed - tally.skipped, tally.failed, tally.skipped);
    if (tally.failed > 0)
        return EXIT_FAILURE;
    return tally.skipped == tally.count ? EXIT_SKIPPED : EXIT_SUCCESS;
}
