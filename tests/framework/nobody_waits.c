/*
 * nobody_waits.c - tests that a file system's slow calls do not make quick ones wait.
 *
 * The file system's READs take 500 ms and its COMMITs 100 ms, in three ways, by the name of the
 * file: `silent` blocks without a word, `said` says so before (vfs_will_sleep), `later` returns
 * and is answered by another thread (vfs_later). While some of them are always in flight, the 99th
 * percentile of GETATTRs' times is compared with the undisturbed one, on the connection of
 * the slow calls and on another connection of the same loop.
 *
 * Rounds with and without slow calls take turns, and the medians of the rounds are compared: so it
 * does not matter how fast the machine is, or what else it did for a moment.
 */
#include "base/list.h"
#include "tests/framework/fixture.h"
#include "tests/lib/host.h"
#include "tests/lib/latency.h"
#include "tests/lib/test.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READ_MS   500
#define COMMIT_MS 100

enum { NODE_SILENT = 2, NODE_SAID, NODE_LATER };

/* --- the file system --- */

/* Operations that are answered later, all after the same time, so the first one is due first. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct list waiting;
} queue = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, LIST_INIT(queue.waiting)};

struct waiting {
    struct list link;
    uint64_t ticket;
    struct timespec due;
};

static void *answer_all(void *arg)
{
    for (;;) {
        pthread_mutex_lock(&queue.lock);
        while (list_empty(&queue.waiting))
            pthread_cond_wait(&queue.more, &queue.lock);
        struct waiting *first = list_entry(list_pop(&queue.waiting), struct waiting, link);
        pthread_mutex_unlock(&queue.lock);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &first->due, NULL);
        assert_true(vfs_answer(first->ticket, 0));
        free(first);
    }
    return arg;
}

static int answered_later(unsigned ms)
{
    struct waiting *waiting = calloc(1, sizeof(*waiting));

    assert_non_null(waiting);
    waiting->ticket = vfs_later();
    clock_gettime(CLOCK_MONOTONIC, &waiting->due);
    int64_t nsec = waiting->due.tv_nsec + (int64_t)ms * 1000000;
    waiting->due.tv_sec += nsec / 1000000000;
    waiting->due.tv_nsec = nsec % 1000000000;
    list_init(&waiting->link);
    pthread_mutex_lock(&queue.lock);
    list_append(&queue.waiting, &waiting->link);
    pthread_cond_signal(&queue.more);
    pthread_mutex_unlock(&queue.lock);
    return VFS_ELATER;
}

static int take_time(struct vnode *vn, unsigned ms)
{
    if (vnode_number(vn) == NODE_LATER)
        return answered_later(ms);
    if (vnode_number(vn) == NODE_SAID)
        vfs_will_sleep();
    host_sleep_ms((int)ms);
    return 0;
}

static int slow_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    (void)ctx;
    vnode_attr_default(vn, attr);
    attr->mode = 0777;
    return 0;
}

static int slow_lookup(const struct vctx *ctx, struct vnode *dir, const char *name,
                       struct vnode **out, struct vattr *attr)
{
    uint64_t number = NODE_LATER;

    (void)ctx, (void)attr;
    if (strcmp(name, "silent") == 0)
        number = NODE_SILENT;
    else if (strcmp(name, "said") == 0)
        number = NODE_SAID;
    return vnode_intern_number(dir->fs, number, VREG, out);
}

static int slow_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf,
                     size_t *len, bool *eof, struct vattr *attr)
{
    (void)ctx, (void)offset, (void)buf, (void)attr;
    *len = 0;
    *eof = true;
    return take_time(vn, READ_MS);
}

static int slow_commit(const struct vctx *ctx, struct vnode *vn, uint64_t offset, uint32_t count,
                       struct vchange *change)
{
    (void)ctx, (void)offset, (void)count, (void)change;
    return take_time(vn, COMMIT_MS);
}

/* Nothing is written; but a COMMIT needs something that there might be to commit. */
static int slow_write(const struct vctx *ctx, struct vnode *vn, uint64_t offset, const void *buf,
                      size_t *len, enum vstable *stable, struct vchange *change)
{
    (void)ctx, (void)vn, (void)offset, (void)buf, (void)len, (void)stable, (void)change;
    return 0;
}

static const struct vfs_type slow_type = {.name = "slow",
                                          .ops = {.getattr = slow_getattr,
                                                  .lookup = slow_lookup,
                                                  .read = slow_read,
                                                  .write = slow_write,
                                                  .commit = slow_commit}};

/* --- the tests --- */

enum { READ = 6, COMMIT = 21 };

static struct client first, elsewhere, second;

static void expect_nobody_waits(const char *name, uint32_t procedure, unsigned count)
{
    struct loopnfs *server = fixture_serve(&slow_type, 0);
    /* Two loops take turns with new connections: the first and the third share one. */
    struct client *const clients[] = {&first, &second};
    const struct latency_slow slow = {.count = count,
                                      .took_ms = procedure == READ ? READ_MS : COMMIT_MS};
    static struct latency latency;
    struct fh root, file;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, answer_all, NULL), 0);
    fixture_connect(loopnfs_port(server), "/export", &first, &root);
    fixture_connect(loopnfs_port(server), "/export", &elsewhere, &root);
    fixture_connect(loopnfs_port(server), "/export", &second, &root);
    expect_ok(ask_lookup(&first, &root, name, &file, NULL, NULL));
    latency_init(&latency, clients, 2, &root);
    struct bytes *call = nfs3_begin(&first, procedure);
    put_fh(call, &file);
    put_u64(call, 0);
    put_u32(call, 100);
    latency_expect(&latency, &slow);
    latency_finish(&latency);
    client_disconnect(&first);
    client_disconnect(&elsewhere);
    client_disconnect(&second);
    loopnfs_destroy(server);
}

TEST(reads_that_say_that_they_sleep_keep_nobody_waiting)
{
    expect_nobody_waits("said", READ, 50);
}

TEST(reads_that_sleep_without_a_word_keep_nobody_waiting)
{
    expect_nobody_waits("silent", READ, 1);
}

TEST(many_reads_that_sleep_without_a_word_keep_nobody_waiting)
{
    expect_nobody_waits("silent", READ, 10);
}

TEST(reads_that_are_answered_later_keep_nobody_waiting)
{
    expect_nobody_waits("later", READ, 50);
}

TEST(commits_that_say_that_they_sleep_keep_nobody_waiting)
{
    expect_nobody_waits("said", COMMIT, 4);
}

TEST(commits_that_sleep_without_a_word_keep_nobody_waiting)
{
    expect_nobody_waits("silent", COMMIT, 4);
}
