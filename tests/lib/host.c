/*
 * host.c - files on the server's host; see host.h.
 */
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define XFS_MAGIC 0x58465342

#define CHECK(call)                                           \
    do {                                                      \
        if ((call) < 0)                                       \
            fail_msg("host: %s: %s", #call, strerror(errno)); \
    } while (0)

struct host_path host_path(const char *dir, const char *name)
{
    struct host_path path;

    snprintf(path.text, sizeof(path.text), "%s%s%s", dir, name ? "/" : "", name ? name : "");
    return path;
}

static void write_with(const char *dir, const char *name, int flags, const void *data, size_t len)
{
    struct host_path path = host_path(dir, name);
    int fd = open(path.text, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

    CHECK(fd);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
}

void host_write(const char *dir, const char *name, const char *text)
{
    write_with(dir, name, O_TRUNC, text, strlen(text));
}

void host_append(const char *dir, const char *name, const char *text)
{
    write_with(dir, name, O_APPEND, text, strlen(text));
}

/* No period that divides a power of two: a block in a wrong place is seen. */
unsigned char host_pattern(size_t at)
{
    return at % 251 ^ at / 251;
}

void host_write_pattern(const char *dir, const char *name, size_t size)
{
    unsigned char *data = malloc(size ? size : 1);

    assert_non_null(data);
    for (size_t i = 0; i < size; i++)
        data[i] = host_pattern(i);
    write_with(dir, name, O_TRUNC, data, size);
    free(data);
}

void host_expect(const char *dir, const char *name, const char *text)
{
    struct host_path path = host_path(dir, name);
    char found[65536];
    int fd = open(path.text, O_RDONLY | O_CLOEXEC);

    CHECK(fd);
    ssize_t n = read(fd, found, sizeof(found) - 1);
    CHECK(n);
    found[n] = 0;
    close(fd);
    assert_string_equal(found, text);
}

void host_mkdir(const char *dir, const char *name, mode_t mode)
{
    struct host_path path = host_path(dir, name);

    CHECK(mkdir(path.text, mode));
    CHECK(chmod(path.text, mode));
}

void host_unlink(const char *dir, const char *name)
{
    CHECK(unlink(host_path(dir, name).text));
}

void host_rename(const char *from_dir, const char *from, const char *to_dir, const char *to)
{
    CHECK(rename(host_path(from_dir, from).text, host_path(to_dir, to).text));
}

void host_symlink(const char *target, const char *dir, const char *name)
{
    CHECK(symlink(target, host_path(dir, name).text));
}

void host_chmod(const char *dir, const char *name, mode_t mode)
{
    CHECK(chmod(host_path(dir, name).text, mode));
}

void host_chown(const char *dir, const char *name, uid_t uid, gid_t gid)
{
    CHECK(lchown(host_path(dir, name).text, uid, gid));
}

struct stat host_stat(const char *dir, const char *name)
{
    struct stat st;

    CHECK(lstat(host_path(dir, name).text, &st));
    return st;
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool host_can_be_watched(const char *dir)
{
    struct statfs fs;

    CHECK(statfs(dir, &fs));
    return fs.f_type == TMPFS_MAGIC || fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_MAGIC;
}

bool host_changes_have_times(const char *dir)
{
    struct timespec clock, again;

    if (!host_can_be_watched(dir))
        return false;
    /* Within one tick of the clock that old kernels take all times from. */
    for (int i = 0; i < 1000; i++) {
        clock_gettime(CLOCK_REALTIME_COARSE, &clock);
        host_write(dir, "probe", "");
        struct stat first = host_stat(dir, NULL);
        host_write(dir, "probe-again", "");
        struct stat second = host_stat(dir, NULL);
        clock_gettime(CLOCK_REALTIME_COARSE, &again);
        host_unlink(dir, "probe");
        host_unlink(dir, "probe-again");
        if (same_time(clock, again))
            return !same_time(first.st_ctim, second.st_ctim);
    }
    fail_msg("no two changes were made within one tick of the clock");
    return false;
}

bool host_exists(const char *dir, const char *name)
{
    struct stat st;

    return lstat(host_path(dir, name).text, &st) == 0;
}

static int remove_entry(const char *path, const struct stat *st __attribute__((unused)),
                        int kind __attribute__((unused)), struct FTW *at __attribute__((unused)))
{
    remove(path);
    return 0;
}

/* Directories a test has closed to their owner are opened first; one that could not be read is
 * still to be walked then. */
static bool reopened;

static int open_entry(const char *path, const struct stat *st, int kind,
                      struct FTW *at __attribute__((unused)))
{
    bool closed = (kind == FTW_D || kind == FTW_DNR) && (st->st_mode & 0700) != 0700;

    if (closed && chmod(path, 0700) == 0 && kind == FTW_DNR)
        reopened = true;
    return 0;
}

/* Where this process has mounted something; a mount point can't be removed. */
static struct host_path mounted[16];
static size_t mounts;

void host_remove_tree(const char *path)
{
    while (mounts > 0)
        umount2(mounted[--mounts].text, MNT_DETACH);
    do {
        reopened = false;
        nftw(path, open_entry, 30, FTW_PHYS | FTW_MOUNT);
    } while (reopened);
    nftw(path, remove_entry, 30, FTW_PHYS | FTW_DEPTH | FTW_MOUNT);
}

void host_sleep_ms(int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&t, NULL);
}

int64_t host_now_nsec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void host_private_mounts(void)
{
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        test_skip("no mount namespace of our own: %s", strerror(errno));
}

void host_mount_tmpfs(const char *at, const char *options)
{
    CHECK(mount("tmpfs", at, "tmpfs", 0, options));
    host_mounted(at);
}

void host_mounted(const char *at)
{
    assert_true(mounts < sizeof(mounted) / sizeof(mounted[0]));
    mounted[mounts++] = host_path(at, NULL);
}

void host_unmount(const char *at)
{
    int status;

    /* What was closed last may still be on its way: descriptors of a file system that could hang
     * are closed by a thread of their own (vfs/closer.c). */
    for (int i = 0; (status = umount2(at, 0)) != 0 && errno == EBUSY && i < 1000; i++)
        host_sleep_ms(10);
    CHECK(status);
    host_mounted_no_more(at);
}

void host_mounted_no_more(const char *at)
{
    for (size_t i = mounts; i-- > 0;) {
        if (strcmp(mounted[i].text, at) != 0)
            continue;
        memmove(mounted + i, mounted + i + 1, (--mounts - i) * sizeof(mounted[0]));
        return;
    }
}

void host_remount_read_only(const char *at)
{
    CHECK(mount(NULL, at, NULL, MS_REMOUNT | MS_RDONLY, NULL));
}

void host_mount_bind(const char *source, const char *target)
{
    CHECK(mount(source, target, NULL, MS_BIND, NULL));
}
