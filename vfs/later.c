/*
 * later.c - operations that answer later (loopnfs/vfs.h, "Answer later").
 *
 * The thread that called the operation waits here, after it has announced that (base/sleep.h): its
 * loop then belongs to another thread, so no other call waits. Tickets are numbers, not pointers,
 * so that an answer that comes twice finds nothing instead of another operation.
 *
 * `lock` guards the list of open tickets and what is in them. The thread that settles a ticket
 * frees it. No more tickets are open than calls may sleep at once, so the list is short.
 */
#include "vfs/later.h"
#include "base/list.h"
#include "base/log.h"
#include <loopnfs/vfs.h>
#include <pthread.h>
#include <stdlib.h>

struct later {
    struct list link;
    uint64_t ticket;
    pthread_cond_t answered;
    bool has_answer;
    int error;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list open_tickets = LIST_INIT(open_tickets); /* guarded */
static uint64_t last_ticket;                               /* guarded */

/* The ticket of the operation that this thread runs; NULL: it has asked for none. */
static _Thread_local struct later *own;

uint64_t vfs_later(void)
{
    if (own != NULL)
        return own->ticket;
    struct later *later = calloc(1, sizeof(*later));
    if (later == NULL)
        return 0;
    pthread_cond_init(&later->answered, NULL);
    pthread_mutex_lock(&lock);
    later->ticket = ++last_ticket;
    list_append(&open_tickets, &later->link);
    pthread_mutex_unlock(&lock);
    own = later;
    return later->ticket;
}

static struct later *ticket_find(uint64_t ticket)
{
    struct list *item;

    list_for_each (item, &open_tickets) {
        struct later *later = list_entry(item, struct later, link);
        if (later->ticket == ticket && !later->has_answer)
            return later;
    }
    return NULL;
}

bool vfs_answer(uint64_t ticket, int err)
{
    static struct log_limit limit;

    pthread_mutex_lock(&lock);
    struct later *later = ticket_find(ticket);
    bool was_asked = ticket != 0 && ticket <= last_ticket;
    if (later != NULL) {
        later->error = err;
        later->has_answer = true;
        pthread_cond_signal(&later->answered);
    }
    pthread_mutex_unlock(&lock);
    if (later == NULL && log_limit_allows(&limit))
        log_error("vfs_answer: ticket %llu %s; ignored", (unsigned long long)ticket,
                  was_asked ? "was answered before" : "was never given");
    return later != NULL;
}

int later_settle(int err)
{
    struct later *later = own;

    if (later == NULL)
        return err == VFS_ELATER ? -1 : err;
    own = NULL;
    if (err == VFS_ELATER)
        vfs_will_sleep();
    pthread_mutex_lock(&lock);
    while (err == VFS_ELATER && !later->has_answer)
        pthread_cond_wait(&later->answered, &lock);
    if (err == VFS_ELATER)
        err = later->error == VFS_ELATER ? -1 : later->error;
    list_remove(&later->link);
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&later->answered);
    free(later);
    return err;
}

struct later *later_detach(void)
{
    struct later *later = own;

    own = NULL;
    return later;
}

void later_attach(struct later *later)
{
    own = later;
}
