/*
 * slow_disk.c - a preloaded library that makes the server's disk slow, or broken.
 *
 * Stands before fsync, fdatasync and syncfs of a server that a test (stable.c) starts with it in
 * LD_PRELOAD; not linked with any test. LOOPNFS_DISK names a directory through which they talk:
 * each call appends a byte to `synced`; while `slow` exists it takes as many milliseconds as are
 * written there, or DELAY_MS; while `held` exists it does not end; while `broken` exists it fails
 * with EIO.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define DELAY_MS 1500
#define LOOK_MS  10 /* between two looks for `held` */

static int exists(const char *dir, const char *name)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void be_slow(const char *dir)
{
    char path[200], text[16] = "";

    snprintf(path, sizeof(path), "%s/slow", dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    int ms = read(fd, text, sizeof(text) - 1) > 0 ? atoi(text) : DELAY_MS;
    close(fd);
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

static int meddle(void)
{
    const char *dir = getenv("LOOPNFS_DISK");
    char path[200];

    if (!dir)
        return 0;
    snprintf(path, sizeof(path), "%s/synced", dir);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd >= 0) {
        if (write(fd, "s", 1) != 1)
            abort();
        close(fd);
    }
    be_slow(dir);
    while (exists(dir, "held"))
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    return exists(dir, "broken");
}

static int sync_by(const char *name, int fd)
{
    int (*real)(int) = NULL;

    if (meddle()) {
        errno = EIO;
        return -1;
    }
    *(void **)&real = dlsym(RTLD_NEXT, name);
    return real(fd);
}

int fsync(int fd)
{
    return sync_by("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_by("fdatasync", fd);
}

int syncfs(int fd)
{
    return sync_by("syncfs", fd);
}
