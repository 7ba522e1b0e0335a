/*
 * exports_resolver.c - tests of who asks slow questions, how often, and who waits for them.
 *
 * The oracle here answers when the test lets it, and counts.
 */
#include "exports/resolver.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include <loopnfs/errors.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic unsigned asked;
static _Atomic bool may_answer;

static struct ttl_answer *ask(const void *key, size_t len)
{
    (void)key, (void)len;
    asked++;
    while (!may_answer)
        host_sleep_ms(1);
    struct ttl_answer *answer = calloc(1, sizeof(*answer));
    if (answer != NULL)
        answer->refs = 1;
    return answer;
}

static struct ttl_answer *ask_at_once(const void *key, size_t len)
{
    (void)key, (void)len;
    struct ttl_answer *answer = calloc(1, sizeof(*answer));
    if (answer != NULL)
        answer->refs = 1;
    return answer;
}

static struct ttl_cache silent = TTL_CACHE_INIT(ask, 0);
static struct ttl_cache prompt = TTL_CACHE_INIT(ask_at_once, 0);

static void wait_until(const _Atomic unsigned *count, unsigned wanted)
{
    for (int i = 0; *count < wanted; i++) {
        assert_true(i < 20000);
        host_sleep_ms(1);
    }
}

static _Atomic unsigned got, refused;
static char same[] = "same", first[] = "0000";

static void *caller_main(void *arg)
{
    struct ttl_answer *answer;
    int err = ttl_cache_get(&silent, arg, 4, RESOLVER_WAIT, &answer);

    if (err == 0 && answer != NULL)
        got++;
    else if (err == VFS_EJUKEBOX)
        refused++;
    ttl_cache_put(answer);
    return NULL;
}

TEST(a_question_is_asked_once_however_many_wait_for_its_answer)
{
    enum { MANY = 10 };
    pthread_t threads[MANY];

    for (int i = 0; i < MANY; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, caller_main, same), 0);
    wait_until(&asked, 1);
    host_sleep_ms(50);
    may_answer = true;
    for (int i = 0; i < MANY; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(asked, 1);
    assert_int_equal(got, MANY);
    struct ttl_answer *answer;
    assert_int_equal(ttl_cache_get(&silent, "same", 4, 0, &answer), 0);
    ttl_cache_put(answer);
    assert_int_equal(asked, 1);
}

TEST(questions_without_an_answer_hold_up_a_few_callers_and_no_other_kind)
{
    enum { MANY = RESOLVER_WAITERS + 50 };
    pthread_t threads[MANY];
    struct ttl_answer *answer;
    char key[8];

    /* Any number of strangers. */
    for (int i = 0; i < 600; i++) {
        snprintf(key, sizeof(key), "%04d", i);
        assert_int_equal(ttl_cache_get(&silent, key, 4, 0, &answer), VFS_EJUKEBOX);
    }
    wait_until(&asked, RESOLVER_THREADS);
    assert_int_equal(asked, RESOLVER_THREADS);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, caller_main, first), 0);
    /* Those beyond the few come back while nothing was answered. */
    wait_until(&refused, MANY - RESOLVER_WAITERS);
    assert_int_equal(ttl_cache_get(&prompt, "host", 4, RESOLVER_WAIT, &answer), 0);
    assert_non_null(answer);
    ttl_cache_put(answer);
    may_answer = true;
    for (int i = 0; i < MANY; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(got + refused, MANY);
}
