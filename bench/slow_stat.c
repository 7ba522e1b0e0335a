/*
 * slow_stat.c - a preloaded library with which a server works 20 us for each statx().
 *
 * bench/guard starts loopnfsd with it, to see whether bench/compare notices a server that became
 * slow by a factor. Not linked with any program.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define WORK_NSEC 20000

static long nsec_since(const struct timespec *begin)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - begin->tv_sec) * 1000000000L + now.tv_nsec - begin->tv_nsec;
}

int statx(int fd, const char *restrict path, int flags, unsigned mask, struct statx *restrict st)
{
    static int (*real)(int, const char *, int, unsigned, struct statx *);
    struct timespec begin;

    if (!real)
        real = (int (*)(int, const char *, int, unsigned, struct statx *))dlsym(RTLD_NEXT, "statx");
    if (!real)
        abort();
    clock_gettime(CLOCK_MONOTONIC, &begin);
    while (nsec_since(&begin) < WORK_NSEC)
        continue;
    return real(fd, path, flags, mask, st);
}
