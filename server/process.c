/*
 * process.c - limits, signals and privileges of the process; see process.h.
 */
#include "server/process.h"
#include "base/log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

void process_prepare(sigset_t *waited)
{
    int fd;

    /* A socket must never become descriptor 2: the log would go to a client. */
    do
        fd = open("/dev/null", O_RDWR); // NOLINT: for the standard descriptors, to be inherited
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
    umask(0); /* clients choose the modes */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a write beyond a limit gets EFBIG, no signal */
    sigemptyset(waited);
    sigaddset(waited, SIGTERM);
    sigaddset(waited, SIGINT);
    sigaddset(waited, SIGHUP);
    sigprocmask(SIG_BLOCK, waited, NULL);
}

uint64_t process_raise_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t before = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            limit.rlim_cur = before;
    }
    return limit.rlim_cur;
}

unsigned process_first_free_port(void)
{
    unsigned port = 1024;
    FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");

    if (file == NULL)
        return port;
    if (fscanf(file, "%u", &port) != 1) // NOLINT: a number of the kernel's
        port = 1024;
    fclose(file);
    return port;
}

/* Drops a capability by raw system calls: only one thread exists yet, and later ones inherit. */
static void drop_capability(unsigned cap)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    uint32_t keep = ~CAP_TO_MASK(cap);

    if (syscall(SYS_capget, &header, data) != 0)
        return;
    data[CAP_TO_INDEX(cap)].effective &= keep;
    data[CAP_TO_INDEX(cap)].permitted &= keep;
    data[CAP_TO_INDEX(cap)].inheritable &= keep;
    if (syscall(SYS_capset, &header, data) != 0)
        log_debug("can't give up capability %u: %s", cap, strerror(errno));
}

void process_set_io_flusher(void)
{
    if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) != 0)
        log_debug("can't be an io flusher: %s", strerror(errno));
    drop_capability(CAP_SYS_RESOURCE);
}

bool process_runs_with(pid_t pid, char *const *argv, char *message, size_t size)
{
    char path[64], *word = NULL;
    size_t room = 0;
    bool same = true;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    FILE *running = fopen(path, "re");
    if (running == NULL || getdelim(&word, &room, '\0', running) <= 0) {
        snprintf(message, size, "--running=%d: there is no such process", (int)pid);
        same = false;
    }
    for (argv++; same; argv++) {
        while (*argv != NULL && (!strcmp(*argv, "--check") || !strncmp(*argv, "--running", 9)))
            argv += strcmp(*argv, "--running") == 0 && argv[1] != NULL ? 2 : 1;
        bool more = getdelim(&word, &room, '\0', running) > 0;
        if (!more && *argv == NULL)
            break;
        same = more && *argv != NULL && strcmp(*argv, word) == 0;
        if (!same)
            snprintf(message, size,
                     "the server runs with other options (%s), which a reload can't change: "
                     "systemctl restart loopnfsd",
                     *argv != NULL ? *argv : word);
    }
    free(word);
    if (running != NULL)
        fclose(running);
    return same;
}

/* Closes all sockets. Finds them through /proc, since asking the files themselves might hang. */
static void let_go_sockets(void)
{
    DIR *dir = opendir("/proc/self/fd");
    const struct dirent *entry;

    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        char target[32] = "";
        int fd = atoi(entry->d_name);
        ssize_t len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
        if (len > 0 && fd > STDERR_FILENO && strncmp(target, "socket:", 7) == 0) {
            shutdown(fd, SHUT_RDWR); /* takes effect even while another thread uses the socket */
            close(fd);
        }
    }
    closedir(dir);
}

void process_leave(void)
{
    let_go_sockets();
    _exit(0);
}

static void *end_main(void *arg)
{
    sleep((unsigned)(uintptr_t)arg);
    log_warning("ending, though something hangs");
    process_leave();
}

void process_end_within(unsigned seconds)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, end_main, (void *)(uintptr_t)seconds) == 0)
        pthread_detach(thread);
}

#ifdef HAVE_SYSTEMD
void process_notify_ready(void)
{
    sd_notify(0, "READY=1");
}

void process_notify_reloading(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
               (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void process_notify_stopping(void)
{
    sd_notify(0, "STOPPING=1");
}

unsigned process_watchdog_seconds(void)
{
    uint64_t usec;

    if (sd_watchdog_enabled(0, &usec) <= 0)
        return 0;
    /* Three times in systemd's period, so that one message may come late. */
    uint64_t seconds = usec / 1000000 / 3;
    return seconds > 0 ? (unsigned)seconds : 1;
}

void process_notify_alive(void)
{
    sd_notify(0, "WATCHDOG=1");
}

#else
unsigned process_watchdog_seconds(void)
{
    return 0;
}

void process_notify_alive(void)
{
}

void process_notify_ready(void)
{
}

void process_notify_reloading(void)
{
}

void process_notify_stopping(void)
{
}
#endif
