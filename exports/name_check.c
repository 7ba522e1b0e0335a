/*
 * name_check.c - warns of clients whose host names can't be found.
 *
 * load.c calls it when a table was read. A name that does not exist lets no host in, and to a
 * client that looks like any other refusal. So it is logged once, with the place where it is
 * written. A name server may be slow or silent, and neither a start nor a reload waits for it. A
 * thread, which owns the names, has the resolver's pool look them up, and ends when a newer table
 * brings names of its own. --check waits for the answers.
 */
#include "base/log.h"
#include "exports/internal.h"
#include "exports/resolver.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* How often a name is asked for again while the pool has no answer within RESOLVER_WAIT. */
#define ATTEMPTS 10

struct check {
    unsigned number; /* only the check with the newest number goes on */
    size_t count;
    struct draft_name *names;
};

static _Atomic unsigned newest;

static bool is_over(const struct check *check)
{
    return check->number != newest;
}

static void check_one(const struct check *check, const struct draft_name *name)
{
    enum ttl_kind kind = TTL_FAILED;
    int err = names_fetch(name->name, RESOLVER_WAIT, &kind);

    for (int i = 1; err && i < ATTEMPTS && !is_over(check); i++) {
        /* The pool may be full of other questions; then names_fetch() returns at once, and this
         * thread must wait. */
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        err = names_fetch(name->name, RESOLVER_WAIT, &kind);
    }
    if (is_over(check))
        return;
    if (err != 0)
        log_warning("%s: client '%s' can't be looked up: the name service does not answer",
                    name->where, name->name);
    else if (kind == TTL_NONE)
        log_warning("%s: client '%s' is nobody's: no host has that name", name->where, name->name);
    else if (kind == TTL_FAILED)
        log_warning("%s: client '%s' can't be looked up: the name service fails", name->where,
                    name->name);
}

static void *check_main(void *arg)
{
    struct check *check = arg;

    for (size_t i = 0; i < check->count; i++) {
        check_one(check, &check->names[i]);
        free(check->names[i].where);
        free(check->names[i].name);
    }
    free(check->names);
    free(check);
    return NULL;
}

void names_check(struct draft *draft, bool wait)
{
    pthread_attr_t detached;
    sigset_t all, before;
    pthread_t thread;

    unsigned number = ++newest;
    if (draft->nnames == 0)
        return;
    struct check *check = malloc(sizeof(*check));
    if (!check)
        return;
    *check = (struct check){number, draft->nnames, draft->names};
    draft->names = NULL;
    draft->nnames = 0;
    if (wait) {
        check_main(check);
        return;
    }
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    /* All signals are blocked in the new thread: only the main thread handles signals. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, &detached, check_main, check) != 0)
        log_warning("host names are not checked: there is no thread for it");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
}
