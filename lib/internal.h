/*
 * internal.h - what the files of lib/ share. Included by them only.
 */
#ifndef LIB_INTERNAL_H
#define LIB_INTERNAL_H

#include "base/log.h"
#include "server/config.h"
#include <loopnfs/loopnfs.h>
#include <pthread.h>

#define MESSAGE_MAX 1024

struct proxy;

struct loopnfs {
    const struct vfs_type *author; /* the type as it was given */
    const struct vfs_type *type;   /* the author's, with all operations of this library */
    struct server_config config;   /* its strings are the members below, or the author's */
    enum log_level log_level;
    char *spec; /* the export, as --export has it */
    char *state_dir;
    struct proxy *proxy; /* NULL without LOOPNFS_DISPATCH */
    bool running;
    bool stuck; /* it was stopped, but some operations did not end */
    char message[MESSAGE_MAX];

    /* The thread that does housekeeping. */
    pthread_t housekeeper;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ending; /* guarded by lock */
};

/* Makes the type that stands in front of `type` and runs its operations in proxy_dispatch(). NULL:
 * no memory, or no descriptor. */
struct proxy *proxy_create(const struct vfs_type *type);
void proxy_destroy(struct proxy *proxy);
const struct vfs_type *proxy_type(const struct proxy *proxy);
/* Makes this thread the author's thread from here on. */
void proxy_own(struct proxy *proxy);
int proxy_fd(const struct proxy *proxy);
unsigned proxy_dispatch(struct proxy *proxy);
/* Runs operations until `*ended` is true. Another thread sets that and then calls proxy_wake(). */
void proxy_dispatch_until(struct proxy *proxy, const _Atomic bool *ended);
void proxy_wake(struct proxy *proxy);

#endif
