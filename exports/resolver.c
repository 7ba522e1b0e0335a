/*
 * resolver.c - see resolver.h.
 *
 * A question is on its cache's list from the time when it is first asked until it is answered.
 * `lock` guards all of these lists, and the contents of the questions. A thread ends when there is
 * nothing to ask. A thread whose source does not answer counts among the few threads of its cache.
 */
#include "exports/resolver.h"
#include "base/sleep.h"
#include <errno.h>
#include <loopnfs/errors.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct question {
    struct list link; /* cache->questions */
    struct ttl_cache *cache;
    bool begun, done;
    unsigned users; /* references: the cache's list, its thread, and the calls that wait */
    struct ttl_answer *answer;
    size_t len;
    char key[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void answered_init(void)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&answered, &attr);
    pthread_condattr_destroy(&attr);
}

/* The functions that follow are called with the lock held. */

static void question_put(struct question *question)
{
    if (--question->users > 0)
        return;
    ttl_cache_put(question->answer);
    free(question);
}

static struct question *question_find(struct ttl_cache *cache, const void *key, size_t len)
{
    struct list *item;

    list_for_each (item, &cache->questions) {
        struct question *question = list_entry(item, struct question, link);
        if (question->len == len && memcmp(question->key, key, len) == 0)
            return question;
    }
    return NULL;
}

/* The next question that no thread has begun to ask; NULL: there is none. */
static struct question *question_next(struct ttl_cache *cache)
{
    struct list *item;

    list_for_each (item, &cache->questions) {
        struct question *question = list_entry(item, struct question, link);
        if (!question->begun)
            return question;
    }
    return NULL;
}

static void *thread_main(void *arg)
{
    struct ttl_cache *cache = arg;
    struct question *question;

    pthread_mutex_lock(&lock);
    while ((question = question_next(cache)) != NULL) {
        question->begun = true;
        pthread_mutex_unlock(&lock);
        struct ttl_answer *answer = ttl_cache_ask(cache, question->key, question->len);
        pthread_mutex_lock(&lock);
        question->answer = answer;
        question->done = true;
        list_remove(&question->link);
        cache->asked--;
        question_put(question);
        pthread_cond_broadcast(&answered);
    }
    cache->threads--;
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Starts one more thread if the cache has fewer than RESOLVER_THREADS. All signals are blocked in
 * it: only the main thread handles signals. */
static void thread_start(struct ttl_cache *cache)
{
    sigset_t all, before;
    pthread_t thread;

    if (cache->threads == RESOLVER_THREADS)
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, NULL, thread_main, cache) == 0) {
        pthread_detach(thread);
        cache->threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Makes a question. NULL: the queue is full, or no memory. */
static struct question *question_make(struct ttl_cache *cache, const void *key, size_t len)
{
    if (cache->asked == RESOLVER_QUEUE)
        return NULL;
    struct question *question = calloc(1, sizeof(*question) + len);
    if (question == NULL)
        return NULL;
    if (cache->questions.next == NULL)
        list_init(&cache->questions);
    question->cache = cache;
    question->users = 1;
    question->len = len;
    memcpy(question->key, key, len);
    list_append(&cache->questions, &question->link);
    cache->asked++;
    thread_start(cache);
    return question;
}

/* Waits for an answer, and gives up the lock for that time. */
static void question_wait(struct ttl_cache *cache, const struct question *question, int ms)
{
    struct timespec until;

    if (question->done || cache->waiters == RESOLVER_WAITERS)
        return;
    cache->waiters++;
    pthread_mutex_unlock(&lock);
    sleep_announce();
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000 + (until.tv_nsec + ms % 1000 * 1000000L) / 1000000000;
    until.tv_nsec = (until.tv_nsec + ms % 1000 * 1000000L) % 1000000000;
    pthread_mutex_lock(&lock);
    while (!question->done && pthread_cond_timedwait(&answered, &lock, &until) != ETIMEDOUT)
        continue;
    cache->waiters--;
}

int resolver_ask(struct ttl_cache *cache, const void *key, size_t len, int wait,
                 struct ttl_answer **answer)
{
    pthread_once(&once, answered_init);
    *answer = NULL;
    pthread_mutex_lock(&lock);
    struct question *question =
        cache->questions.next != NULL ? question_find(cache, key, len) : NULL;
    if (question == NULL)
        question = question_make(cache, key, len);
    int err = VFS_EJUKEBOX;
    if (question != NULL && wait > 0) {
        question->users++;
        question_wait(cache, question, wait);
        if (question->done) {
            *answer = ttl_cache_ref(question->answer);
            err = 0;
        }
        question_put(question);
    }
    pthread_mutex_unlock(&lock);
    return err;
}
