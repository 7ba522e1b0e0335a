/*
 * fault.c - a preloaded library that has a server fail at a system call of the test's choice.
 *
 * Not linked with any test: a server that is started with it in LD_PRELOAD (tests/lib/fault.h does
 * that) asks it before each of the calls below. LOOPNFS_FAULT holds rules, separated by blanks:
 *
 *     CALL:WHAT[:WHEN]    fsync:EIO     openat:kill:3     fdatasync:delay=200:2+    *:kill:17
 *
 * CALL is a function below (openat_nameless: openat() with O_TMPFILE), or * for all of them. WHAT
 * is an error's name, with which the call fails without having been made; `kill`, which ends the
 * process with SIGKILL before it; `sync=PATH`, which flushes that path's file system before it; or
 * `delay=MS`. WHEN is which of these calls is meant: the N-th,
 * or from the N-th on (N+, and 1+ where it is left out). `@FILE` instead of rules: they are in that
 * file, which is read at each call; counting begins anew when its text changes. LOOPNFS_FAULT_LOG
 * names a file to which each call appends its name as a line.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define RULES_MAX 16
#define TEXT_MAX  1024
#define SAYS_0    (-1)

struct rule {
    char call[32], what[128];
    long first, last; /* counted from 1 */
    long seen;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char text[TEXT_MAX]; /* guarded, as what follows: of these rules */
static struct rule rules[RULES_MAX];
static int rule_count;

/* System calls of our own, not by the functions that we stand before. */
static long raw(long number, long a, long b, long c, long d)
{
    long result;
    register long r10 __asm__("r10") = d;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}

static void rules_parse(void)
{
    char copy[TEXT_MAX], *save = NULL;

    rule_count = 0;
    strcpy(copy, text);
    for (char *word = strtok_r(copy, " \n", &save); word != NULL && rule_count < RULES_MAX;
         word = strtok_r(NULL, " \n", &save)) {
        struct rule *rule = &rules[rule_count];
        char when[32] = "1+", *end;
        if (sscanf(word, "%31[^:]:%127[^:]:%31s", rule->call, rule->what, when) < 2) {
            fprintf(stderr, "LOOPNFS_FAULT: what does '%s' mean?\n", word);
            abort();
        }
        rule->first = strtol(when, &end, 10);
        rule->last = *end == '+' ? __LONG_MAX__ : rule->first;
        rule->seen = 0;
        rule_count++;
    }
}

/* Lock held. */
static void rules_read(void)
{
    const char *from = getenv("LOOPNFS_FAULT");
    char now[TEXT_MAX] = "";

    if (from != NULL && from[0] == '@') {
        long fd = raw(SYS_openat, AT_FDCWD, (long)(from + 1), O_RDONLY | O_CLOEXEC, 0);
        if (fd >= 0) {
            long len = raw(SYS_read, fd, (long)now, sizeof(now) - 1, 0);
            now[len > 0 ? len : 0] = '\0';
            raw(SYS_close, fd, 0, 0, 0);
        }
    } else if (from != NULL) {
        snprintf(now, sizeof(now), "%s", from);
    }
    if (strcmp(now, text) != 0) {
        strcpy(text, now);
        rules_parse();
    }
}

static void log_call(const char *call)
{
    const char *path = getenv("LOOPNFS_FAULT_LOG");
    char line[40];

    if (path == NULL)
        return;
    int len = snprintf(line, sizeof(line), "%s\n", call);
    long fd = raw(SYS_openat, AT_FDCWD, (long)path, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    raw(SYS_write, fd, (long)line, len, 0);
    raw(SYS_close, fd, 0, 0, 0);
}

static int error_of(const char *name)
{
    for (int err = 1; err < 140; err++) {
        const char *known = strerrorname_np(err);
        if (known != NULL && strcmp(known, name) == 0)
            return err;
    }
    fprintf(stderr, "LOOPNFS_FAULT: there is no error '%s'\n", name);
    abort();
}

static void sync_disk(const char *path)
{
    long fd = raw(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0);

    if (fd < 0 || raw(SYS_syncfs, fd, 0, 0, 0) != 0)
        abort();
    raw(SYS_close, fd, 0, 0, 0);
}

/* What the rules have in mind for this call: an error, SAYS_0, or 0. */
static int fault(const char *call)
{
    int err = 0;
    long delay_ms = 0;
    bool dies = false;

    pthread_mutex_lock(&lock);
    rules_read();
    log_call(call);
    for (int i = 0; i < rule_count; i++) {
        struct rule *rule = &rules[i];
        if (strcmp(rule->call, "*") != 0 && strcmp(rule->call, call) != 0)
            continue;
        rule->seen++;
        if (rule->seen < rule->first || rule->seen > rule->last)
            continue;
        if (strcmp(rule->what, "kill") == 0)
            dies = true;
        else if (strncmp(rule->what, "sync=", 5) == 0)
            sync_disk(rule->what + 5);
        else if (strcmp(rule->what, "end") == 0)
            err = SAYS_0;
        else if (sscanf(rule->what, "delay=%ld", &delay_ms) != 1)
            err = error_of(rule->what);
    }
    pthread_mutex_unlock(&lock);
    if (delay_ms > 0)
        nanosleep(&(struct timespec){delay_ms / 1000, delay_ms % 1000 * 1000000}, NULL);
    if (dies)
        raw(SYS_kill, raw(SYS_getpid, 0, 0, 0, 0), SIGKILL, 0, 0);
    return err;
}

/* A function of libc that makes one system call. */
#define CALL(type, name, parameters, ...)              \
    type name parameters                               \
    {                                                  \
        static type(*real) parameters;                 \
        int err = fault(#name);                        \
        if (err != 0) {                                \
            errno = err > 0 ? err : 0;                 \
            return err > 0 ? -1 : 0;                   \
        }                                              \
        if (real == NULL)                              \
            *(void **)&real = dlsym(RTLD_NEXT, #name); \
        return real(__VA_ARGS__);                      \
    }

CALL(int, fsync, (int fd), fd)
CALL(int, fdatasync, (int fd), fd)
CALL(int, syncfs, (int fd), fd)
CALL(int, ftruncate, (int fd, off_t size), fd, size)
CALL(int, futimens, (int fd, const struct timespec times[2]), fd, times)
CALL(int, utimensat, (int dir, const char *path, const struct timespec times[2], int flags), dir,
     path, times, flags)
CALL(int, fchownat, (int dir, const char *path, uid_t uid, gid_t gid, int flags), dir, path, uid,
     gid, flags)
CALL(int, chmod, (const char *path, mode_t mode), path, mode)
CALL(int, fchmod, (int fd, mode_t mode), fd, mode)
CALL(int, mkdirat, (int dir, const char *path, mode_t mode), dir, path, mode)
CALL(int, symlinkat, (const char *target, int dir, const char *path), target, dir, path)
CALL(int, mknodat, (int dir, const char *path, mode_t mode, dev_t dev), dir, path, mode, dev)
CALL(int, linkat, (int from, const char *path, int to, const char *new_path, int flags), from, path,
     to, new_path, flags)
CALL(int, unlinkat, (int dir, const char *path, int flags), dir, path, flags)
CALL(int, unlink, (const char *path), path)
CALL(int, rename, (const char *path, const char *new_path), path, new_path)
CALL(int, renameat, (int from, const char *path, int to, const char *new_path), from, path, to,
     new_path)
CALL(int, renameat2, (int from, const char *path, int to, const char *new_path, unsigned flags),
     from, path, to, new_path, flags)
CALL(int, fsetxattr, (int fd, const char *name, const void *value, size_t size, int flags), fd,
     name, value, size, flags)
CALL(ssize_t, pwrite, (int fd, const void *data, size_t len, off_t at), fd, data, len, at)
CALL(ssize_t, pread, (int fd, void *data, size_t len, off_t at), fd, data, len, at)
CALL(ssize_t, preadv2, (int fd, const struct iovec *part, int count, off_t at, int flags), fd, part,
     count, at, flags)
CALL(ssize_t, splice, (int in, loff_t *in_at, int out, loff_t *out_at, size_t len, unsigned flags),
     in, in_at, out, out_at, len, flags)
CALL(int, statx,
     (int dir, const char *restrict path, int flags, unsigned mask, struct statx *restrict st), dir,
     path, flags, mask, st)
CALL(int, name_to_handle_at,
     (int dir, const char *path, struct file_handle *handle, int *mount, int flags), dir, path,
     handle, mount, flags)
CALL(int, open_by_handle_at, (int mount, struct file_handle *handle, int flags), mount, handle,
     flags)

static mode_t mode_argument(int flags, va_list ap)
{
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(ap, mode_t) : 0;
}

int openat(int dir, const char *path, int flags, ...)
{
    static int (*real)(int, const char *, int, ...);
    va_list ap;

    va_start(ap, flags);
    mode_t mode = mode_argument(flags, ap);
    va_end(ap);
    int err = fault((flags & O_TMPFILE) == O_TMPFILE ? "openat_nameless" : "openat");
    if (err != 0) {
        errno = err;
        return -1;
    }
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "openat");
    return real(dir, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    static int (*real)(const char *, int, ...);
    va_list ap;

    va_start(ap, flags);
    mode_t mode = mode_argument(flags, ap);
    va_end(ap);
    int err = fault("open");
    if (err != 0) {
        errno = err;
        return -1;
    }
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "open");
    return real(path, flags, mode);
}

/* close() has been made whatever it says. */
int close(int fd)
{
    int err = fault("close");
    long result = raw(SYS_close, fd, 0, 0, 0);

    errno = err != 0 ? err : (int)-result;
    return err != 0 || result != 0 ? -1 : 0;
}

static const struct {
    long number;
    const char *name;
} by_number[] = {
    {SYS_utimensat, "utimensat"},
    {SYS_fchmodat2, "fchmodat2"},
    {SYS_faccessat2, "faccessat2"},
};

long syscall(long number, ...)
{
    static long (*real)(long, ...);
    va_list ap;
    long a[6];

    va_start(ap, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(ap, long);
    va_end(ap);
    for (size_t i = 0; i < sizeof(by_number) / sizeof(by_number[0]); i++) {
        int err = by_number[i].number == number ? fault(by_number[i].name) : 0;
        if (err != 0) {
            errno = err;
            return -1;
        }
    }
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "syscall");
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
