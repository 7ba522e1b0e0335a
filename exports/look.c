/*
 * look.c - see look.h.
 *
 * `lock` guards the list of paths that are being looked at. A path that has not answered yet is not
 * asked again, so any number of reloads leaves one thread waiting for each such path. Most paths
 * answer at once, though, and several callers may ask for one path at a time: each waits for its
 * turn for as long as a path that answers may take, and fails with ETIMEDOUT after that.
 */
#include "exports/look.h"
#include "base/apart.h"
#include "base/cred.h"
#include "base/list.h"
#include "exports/internal.h"
#include "vfs/mount.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static struct list asked = LIST_INIT(asked); /* guarded */

/* The part that both kinds of jobs share. */
struct asking {
    struct apart job;
    struct list link;
    char *path;   /* NULL: the job is about no path */
    int64_t late; /* when the path counts as one that does not answer: ms of CLOCK_MONOTONIC */
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Finds the job that asks about the path, or NULL. The caller holds the lock. */
static struct asking *asking_find(const char *path)
{
    struct list *item;

    list_for_each (item, &asked) {
        struct asking *asking = list_entry(item, struct asking, link);
        if (asking->path != NULL && path != NULL && strcmp(path, asking->path) == 0)
            return asking;
    }
    return NULL;
}

/* Puts a job on the list as soon as no other job asks about its path. Fails where that takes longer
 * than `ms`, or where the other job is late. The new job is late after `patience` ms. */
static bool asking_begin(struct asking *asking, int ms, int patience)
{
    const int64_t end = now_ms() + ms;
    const struct asking *other;

    pthread_mutex_lock(&lock);
    while ((other = asking_find(asking->path)) != NULL) {
        int64_t until = other->late < end ? other->late : end;
        struct timespec at = {until / 1000, until % 1000 * 1000000};
        if (now_ms() >= until)
            break;
        pthread_cond_clockwait(&answered, &lock, CLOCK_MONOTONIC, &at);
    }
    if (other == NULL) {
        asking->late = now_ms() + patience;
        list_append(&asked, &asking->link);
    }
    pthread_mutex_unlock(&lock);
    return other == NULL;
}

static void asking_end(struct asking *asking)
{
    pthread_mutex_lock(&lock);
    list_remove(&asking->link);
    pthread_cond_broadcast(&answered);
    pthread_mutex_unlock(&lock);
}

/* --- looking --- */

struct looking {
    struct asking asking;
    bool resolve, mount_too;
    struct look look;
    int error;
};

static void looking_run(struct apart *job)
{
    struct looking *looking = (struct looking *)job;
    struct look *look = &looking->look;
    const char *path = looking->asking.path;

    if (cred_assume_server() != 0)
        looking->error = EPERM;
    if (looking->error == 0 && looking->resolve)
        path = look->real = realpath(path, NULL);
    if (looking->error == 0)
        looking->error = path == NULL ? errno : place_look(path, looking->mount_too, &look->place);
    if (looking->error == 0 && path != NULL && looking->resolve && eaccess(path, X_OK) != 0)
        look->enter_error = errno;
    asking_end(&looking->asking);
}

static void looking_drop(struct apart *job)
{
    struct looking *looking = (struct looking *)job;

    free(looking->look.real);
    free(looking->asking.path);
}

static int look(const char *path, bool resolve, bool mount_too, int ms, struct look *out)
{
    struct looking *looking = calloc(1, sizeof(*looking));

    *out = (struct look){0};
    if (looking == NULL)
        return ENOMEM;
    looking->asking.job = (struct apart){.run = looking_run, .drop = looking_drop};
    looking->asking.path = strdup(path);
    looking->resolve = resolve;
    looking->mount_too = mount_too;
    int err = looking->asking.path == NULL ? ENOMEM : 0;
    if (err == 0 && !asking_begin(&looking->asking, ms, LOOK_LEAST_MS)) {
        free(looking->asking.path);
        free(looking);
        return ETIMEDOUT;
    }
    if (err == 0)
        err = apart_run(&looking->asking.job, ms);
    if (err == ETIMEDOUT)
        return err;
    if (err == EAGAIN) {
        looking_run(&looking->asking.job); /* no thread could be made */
        err = 0;
    }
    if (err == 0)
        err = looking->error;
    if (err == 0) {
        *out = looking->look;
        looking->look.real = NULL;
    }
    looking_drop(&looking->asking.job);
    free(looking);
    return err;
}

int look_at(const char *path, int ms, struct look *out)
{
    return look(path, true, true, ms, out);
}

int look_place(const char *path, bool mount_too, int ms, struct export_place *place)
{
    struct look found;
    int err = look(path, false, mount_too, ms, &found);

    if (err == 0)
        *place = found.place;
    return err;
}

/* --- mounting --- */

struct mounting {
    struct asking asking;
    char *type, *source, *options, *state_dir;
    struct vfs_mount_args args;
    char why[512];
    bool check;
    struct vfs *fs;
    int error;
};

static void mounting_run(struct apart *job)
{
    struct mounting *mounting = (struct mounting *)job;

    mounting->error = mounting->check ? vfs_check(mounting->type, &mounting->args)
                                      : vfs_mount(mounting->type, &mounting->args, &mounting->fs);
    asking_end(&mounting->asking);
}

static void mounting_drop(struct apart *job)
{
    struct mounting *mounting = (struct mounting *)job;

    if (mounting->error == 0)
        vfs_put(mounting->fs);
    free(mounting->asking.path);
    free(mounting->type);
    free(mounting->source);
    free(mounting->options);
    free(mounting->state_dir);
}

/* Copies a text that may be NULL. True: out of memory. */
static bool copy_text(const char *text, char **out)
{
    *out = text != NULL ? strdup(text) : NULL;
    return text != NULL && *out == NULL;
}

static struct mounting *mounting_make(const char *type, const struct vfs_mount_args *args,
                                      bool check)
{
    struct mounting *mounting = calloc(1, sizeof(*mounting));

    if (mounting == NULL)
        return NULL;
    mounting->asking.job = (struct apart){.run = mounting_run, .drop = mounting_drop};
    bool failed = copy_text(type, &mounting->type);
    failed |= copy_text(args->source, &mounting->source);
    failed |= copy_text(args->source, &mounting->asking.path);
    failed |= copy_text(args->options, &mounting->options);
    failed |= copy_text(args->state_dir, &mounting->state_dir);
    mounting->args = *args;
    mounting->args.source = mounting->source;
    mounting->args.options = mounting->options;
    mounting->args.state_dir = mounting->state_dir;
    mounting->args.message = mounting->why;
    mounting->args.message_size = sizeof(mounting->why);
    mounting->check = check;
    if (!failed)
        return mounting;
    mounting->error = ENOMEM;
    mounting_drop(&mounting->asking.job);
    free(mounting);
    return NULL;
}

int look_mount(const char *type, const struct vfs_mount_args *args, bool check, int ms,
               struct vfs **out)
{
    struct mounting *mounting = mounting_make(type, args, check);

    if (mounting == NULL)
        return ENOMEM;
    if (!asking_begin(&mounting->asking, ms, LOOK_MS)) {
        mounting->error = EALREADY;
        mounting_drop(&mounting->asking.job);
        free(mounting);
        return ETIMEDOUT;
    }
    int err = apart_run(&mounting->asking.job, ms);
    if (err == ETIMEDOUT)
        return err;
    if (err == EAGAIN)
        mounting_run(&mounting->asking.job);
    err = mounting->error;
    if (err == 0)
        *out = mounting->fs;
    if (args->message_size > 0)
        strncat(args->message, mounting->why, args->message_size - 1 - strlen(args->message));
    mounting->error = EALREADY; /* so that mounting_drop() leaves the file system to the caller */
    mounting_drop(&mounting->asking.job);
    free(mounting);
    return err;
}
