/*
 * name_check.c - warns of clients whose host names can't be found.
 *
 * Called by load.c when a table was read. A name that nobody has lets nobody in, which looks like
 * any other refusal from the client's side; so it is said once, with its place. A name server may
 * be slow or silent, and neither a start nor a reload waits for it: the names are looked up on a
 * thread of their own, which owns them. --check waits.
 */
#include "base/log.h"
#include "exports/internal.h"
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

struct check {
    size_t count;
    struct draft_name *names;
};

static void check_one(const struct draft_name *name)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int gai = getaddrinfo(name->name, NULL, &hints, &found);

    if (gai)
        log_warning("%s: client '%s' is nobody's: %s", name->where, name->name, gai_strerror(gai));
    else
        freeaddrinfo(found);
}

static void *check_main(void *arg)
{
    struct check *check = arg;

    for (size_t i = 0; i < check->count; i++) {
        check_one(&check->names[i]);
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

    if (draft->nnames == 0)
        return;
    struct check *check = malloc(sizeof(*check));
    if (!check)
        return;
    *check = (struct check){draft->nnames, draft->names};
    draft->names = NULL;
    draft->nnames = 0;
    if (wait) {
        check_main(check);
        return;
    }
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    /* Signals are main's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, &detached, check_main, check) != 0)
        log_warning("host names are not checked: there is no thread for it");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
}
