/*
 * loopnfs.h - libloopnfs: a file system of your own, mounted by any kernel.
 *
 * Fill in a struct vfs_type (loopnfs/vfs.h, loopnfs_ops(3)), and serve it: in one call, or in a few
 * inside a program that does other things, too. loopnfs(3) has the details and
 * docs/writing-a-file-system.md an example from the beginning.
 *
 * A process serves one file system at a time.
 */
#ifndef LOOPNFS_LOOPNFS_H
#define LOOPNFS_LOOPNFS_H

#include <loopnfs/vfs.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Serves file systems of this type until SIGTERM or SIGINT, by the usual command line
 * (loopnfs(3), or --help). Prints the command with which each system mounts it. Returns the
 * program's exit status: 0, 1 (with a line that says what and how to mend it), 2 (usage).
 * The process is the library's meanwhile: signals, umask and limits.
 */
int loopnfs_serve_sized(const struct vfs_type *type, size_t type_size, int argc, char **argv);
static inline int loopnfs_serve(const struct vfs_type *type, int argc, char **argv)
{
    return loopnfs_serve_sized(type, sizeof(*type), argc, argv);
}

enum loopnfs_flags {
    /* Operations run only in loopnfs_dispatch(), one after another, on the author's thread. */
    LOOPNFS_DISPATCH = 1,
};
#define LOOPNFS_PORT_ANY (-1)

/* How to serve: all zero is good. Strings are copied. Members are added at the end only. */
struct loopnfs_config {
    const char *path;    /* what clients mount; NULL: "/" and the type's name */
    const char *source;  /* the file system's (struct vfs_mount_args); may be NULL */
    const char *options; /* of the export and of the file system, "insecure,size=1G"; may be NULL */
    const char *const
        *clients; /* who may mount, as in exports(5), ends with NULL; NULL: this host */
    const char *const
        *listen;           /* "ADDR[:PORT]" or a host name, ends with NULL; NULL: 127.0.0.1, ::1 */
    int port;              /* 0: 2049; LOOPNFS_PORT_ANY: a free one, see loopnfs_port() */
    const char *portmap;   /* "off" (NULL), "auto", "builtin", "system": see loopnfsd(8) */
    const char *state_dir; /* NULL: the server's default, below it a folder for the type */
    const char *log_level; /* "error", "warning" (NULL), "info", "debug"; to stderr */
    unsigned threads;      /* 0: as many as CPUs, at most 8 */
    uint32_t flags;        /* enum loopnfs_flags */
};

struct loopnfs;

/* A server that does nothing yet. The sizes are those of *type and *config (which may be NULL), so
 * that both may be of an older header than the library. EINVAL: the config or the type makes no
 * sense, or one of them is larger than this library knows. EBUSY: there is another in this process.
 * ENOMEM. The log has a line that says why. */
int loopnfs_create_sized(const struct vfs_type *type, size_t type_size,
                         const struct loopnfs_config *config, size_t config_size,
                         struct loopnfs **out);
static inline int loopnfs_create(const struct vfs_type *type, const struct loopnfs_config *config,
                                 struct loopnfs **out)
{
    return loopnfs_create_sized(type, sizeof(*type), config, sizeof(*config), out);
}
/* Mounts the file system and answers clients from here on, on threads of its own. Not 0: nothing
 * runs, and loopnfs_message() says why. With LOOPNFS_DISPATCH this thread is the author's. */
int loopnfs_start(struct loopnfs *server);
/* Why something failed, in one line; "" if nothing did. */
const char *loopnfs_message(const struct loopnfs *server);
/* The port that clients connect to, after loopnfs_start(). */
unsigned loopnfs_port(const struct loopnfs *server);

/* LOOPNFS_DISPATCH: readable while operations wait to be run (poll(2), epoll(7), ...). */
int loopnfs_fd(const struct loopnfs *server);
/* Runs the operations that wait now; how many. On the thread that started the server. */
unsigned loopnfs_dispatch(struct loopnfs *server);

/*
 * Answers what has begun, unmounts, ends. On the thread that started it; with LOOPNFS_DISPATCH it
 * runs operations meanwhile. ETIMEDOUT: some operation did not end within 10 s (or is to be
 * answered later and was not): what it uses stays, and this process can't serve again.
 */
int loopnfs_stop(struct loopnfs *server);
/* Stops it where it runs, and frees it. NULL is accepted. */
void loopnfs_destroy(struct loopnfs *server);

#ifdef __cplusplus
}
#endif

#endif
