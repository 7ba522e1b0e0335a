/*
 * rights.c - who may do what: every caller, mode and operation, compared with what the same system
 * calls of a local process of those ids do to a twin of the file on the same file system.
 */
#include "tests/below/hands.h"
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWNER 1001
#define GROUP 5000

static const struct caller {
    const char *name;
    uid_t uid;
    gid_t gid, extra;
} callers[] = {
    {"the owner", OWNER, 1001, 1001},
    {"a member", 1002, 1002, GROUP},
    {"who has it as first group", 1003, GROUP, GROUP},
    {"another", 1004, 1004, 1004},
    {"root", 0, 0, 0},
};

static const mode_t modes[] = {0,    0200, 0400, 0444, 0600, 0640,  0620,  0644,
                               0660, 0664, 0666, 0606, 0755, 02755, 04755, 06770};

enum op {
    DO_READ,
    DO_WRITE,
    DO_CUT,
    DO_CUT_NOW,
    DO_NOW,
    DO_GIVEN,
    DO_ATIME_NOW,
    DO_MODE,
    DO_GROUP_OWN,
    DO_GROUP_TAKE,
    DO_AWAY,
    OPS
};
static const char *const op_names[] = {"read",      "write", "truncate",  "truncate and time",
                                       "touch",     "times", "atime now", "chmod",
                                       "chgrp own", "chgrp", "chown"};

static int by_host(enum op op, const char *path, const struct caller *who)
{
    struct timespec given[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    struct timespec atime[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};
    char byte = 'x';
    int fd, bad = 0;

    switch (op) {
    case DO_READ:
        fd = open(path, O_RDONLY);
        return fd < 0 || read(fd, &byte, 1) < 0 ? errno : 0;
    case DO_WRITE:
        fd = open(path, O_WRONLY);
        return fd < 0 || write(fd, &byte, 1) < 0 ? errno : 0;
    case DO_CUT:
    case DO_CUT_NOW:
        bad = truncate(path, 2);
        break;
    case DO_NOW:
        bad = utimensat(AT_FDCWD, path, NULL, 0);
        break;
    case DO_GIVEN:
        bad = utimensat(AT_FDCWD, path, given, 0);
        break;
    case DO_ATIME_NOW:
        bad = utimensat(AT_FDCWD, path, atime, 0);
        break;
    case DO_MODE:
        bad = chmod(path, 0646);
        break;
    case DO_GROUP_OWN:
        bad = chown(path, (uid_t)-1, who->extra);
        break;
    case DO_GROUP_TAKE:
        bad = chown(path, (uid_t)-1, 7777);
        break;
    case DO_AWAY:
        bad = chown(path, 1005, (gid_t)-1);
        break;
    case OPS:
        break;
    }
    return bad != 0 ? errno : 0;
}

/* In a process of those ids; its errno. */
static int local(enum op op, const char *path, const struct caller *who)
{
    int status;
    pid_t pid = fork();

    expect(pid >= 0);
    if (pid == 0) {
        if (setgroups(1, &who->extra) != 0 || setresgid(who->gid, who->gid, who->gid) != 0 ||
            setresuid(who->uid, who->uid, who->uid) != 0)
            _exit(255);
        _exit(by_host(op, path, who));
    }
    expect(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) != 255);
    return WEXITSTATUS(status);
}

static int by_client(enum op op, struct object file, const struct caller *who)
{
    struct timespec given = {.tv_sec = 1000000000};
    char byte = 'x';
    size_t len = 1;

    switch (op) {
    case DO_READ:
        return t_read(file, 0, &byte, &len, NULL);
    case DO_WRITE:
        return t_write(file, 0, &byte, 1);
    case DO_CUT:
        return t_truncate(file, 2);
    case DO_CUT_NOW:
        return t_set(file, .set_size = true, .size = 2, .set_mtime = VTIME_NOW);
    case DO_NOW:
        return t_set(file, .set_atime = VTIME_NOW, .set_mtime = VTIME_NOW);
    case DO_GIVEN:
        return t_times(file, given, given);
    case DO_ATIME_NOW:
        return t_set(file, .set_atime = VTIME_NOW);
    case DO_MODE:
        return t_chmod(file, 0646);
    case DO_GROUP_OWN:
        return t_set(file, .set_gid = true, .gid = who->extra);
    case DO_GROUP_TAKE:
        return t_set(file, .set_gid = true, .gid = 7777);
    case DO_AWAY:
        return t_set(file, .set_uid = true, .uid = 1005);
    case OPS:
        break;
    }
    return 0;
}

/* NFS has no open: an owner may read and write whatever the mode is now. One server time alone may
 * be set by who may set both. */
static bool is_more(enum op op, const struct caller *who, mode_t mode)
{
    bool data = op == DO_READ || op == DO_WRITE || op == DO_CUT || op == DO_CUT_NOW;
    bool writes =
        who->uid != 0 && who->uid != OWNER && (mode & (who->extra == GROUP ? 0020 : 0002)) != 0;

    return (data && who->uid == OWNER) || (op == DO_ATIME_NOW && writes);
}

static void compare(enum op op, const struct caller *who, mode_t mode)
{
    struct object file = make_file(here, "asked", "text"), twin = make_file(here, "twin", "text");
    const char *path = on_host("twin");
    char what[100];

    snprintf(what, sizeof(what), "%s by %s of a file of mode 0%o", op_names[op], who->name, mode);
    expect_ok(t_chown(file, OWNER, GROUP));
    expect_ok(t_chown(twin, OWNER, GROUP));
    expect_ok(t_chmod(file, mode));
    expect_ok(t_chmod(twin, mode));
    int wanted = is_more(op, who, mode) ? 0 : local(op, path, who);
    as_member(who->uid, who->gid, who->extra);
    int got = by_client(op, file, who);
    as_myself();
    if ((got == 0) != (wanted == 0))
        fail("%s: %s instead of %s", what, error_name(got), error_name(wanted));
    struct vattr attr = attr_of(file), like = attr_of(twin);
    if (!is_more(op, who, mode) && (attr.mode != like.mode || attr.uid != like.uid ||
                                    attr.gid != like.gid || attr.size != like.size))
        fail("%s left mode 0%o, %u:%u, size %u instead of 0%o, %u:%u, %u", what, attr.mode,
             attr.uid, attr.gid, (unsigned)attr.size, like.mode, like.uid, like.gid,
             (unsigned)like.size);
    expect_ok(t_remove(here, "asked"));
    expect_ok(t_remove(here, "twin"));
}

static void compare_all(enum op from, enum op to)
{
    expect_ok(t_chmod(here, 0777));
    for (enum op op = from; op <= to; op++)
        for (unsigned who = 0; who < sizeof(callers) / sizeof(callers[0]); who++)
            for (unsigned mode = 0; mode < sizeof(modes) / sizeof(modes[0]); mode++)
                compare(op, &callers[who], modes[mode]);
}

BODY(data_are_read_and_changed_by_whom_the_host_lets, PLAIN | USERS)
{
    compare_all(DO_READ, DO_CUT_NOW);
}

BODY(times_are_set_by_whom_the_host_lets, PLAIN | USERS)
{
    compare_all(DO_NOW, DO_ATIME_NOW);
}

BODY(modes_and_owners_are_changed_by_whom_the_host_lets, PLAIN | USERS)
{
    compare_all(DO_MODE, DO_AWAY);
}
