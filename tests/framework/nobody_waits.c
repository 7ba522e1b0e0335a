/*
 * nobody_waits.c - tests that a file system's slow calls do not make quick ones wait.
 *
 * The file system's READs and COMMITs wait at a gate of the test, in three ways, by the name of the
 * file: `silent` blocks without a word, `said` says so before (vfs_will_sleep), `later` returns
 * and is answered by another thread (vfs_later). While they are held there, GETATTRs have to be
 * answered on the connection of the slow calls and on another one of the same loop.
 */
#include "base/list.h"
#include "tests/framework/fixture.h"
#include "tests/lib/bystanders.h"
#include "tests/lib/test.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { NODE_SILENT = 2, NODE_SAID, NODE_LATER };

/* --- the file system --- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed;         /* guarded by the lock, as the next one is */
    struct list waiting; /* operations that are answered later */
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, LIST_INIT(gate.waiting)};

struct waiting {
    struct list link;
    uint64_t ticket;
};

static void gate_set(bool closed)
{
    pthread_mutex_lock(&gate.lock);
    gate.closed = closed;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

static void gate_close(void *arg)
{
    (void)arg;
    gate_set(true);
}

static void gate_open(void *arg)
{
    (void)arg;
    gate_set(false);
}

static void *answer_all(void *arg)
{
    for (;;) {
        pthread_mutex_lock(&gate.lock);
        while (gate.closed || list_empty(&gate.waiting))
            pthread_cond_wait(&gate.changed, &gate.lock);
        struct waiting *first = list_entry(list_pop(&gate.waiting), struct waiting, link);
        pthread_mutex_unlock(&gate.lock);
        assert_true(vfs_answer(first->ticket, 0));
        free(first);
    }
    return arg;
}

static int answered_later(void)
{
    struct waiting *waiting = calloc(1, sizeof(*waiting));

    assert_non_null(waiting);
    waiting->ticket = vfs_later();
    list_init(&waiting->link);
    pthread_mutex_lock(&gate.lock);
    list_append(&gate.waiting, &waiting->link);
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
    return VFS_ELATER;
}

static int pass_the_gate(struct vnode *vn)
{
    if (vnode_number(vn) == NODE_LATER)
        return answered_later();
    if (vnode_number(vn) == NODE_SAID)
        vfs_will_sleep();
    pthread_mutex_lock(&gate.lock);
    while (gate.closed)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
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
    return pass_the_gate(vn);
}

static int slow_commit(const struct vctx *ctx, struct vnode *vn, uint64_t offset, uint32_t count,
                       struct vchange *change)
{
    (void)ctx, (void)offset, (void)count, (void)change;
    return pass_the_gate(vn);
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
    struct fh root, file;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, answer_all, NULL), 0);
    /* Two loops take turns with new connections: the first and the third share one. */
    fixture_connect(loopnfs_port(server), "/export", &first, &root);
    fixture_connect(loopnfs_port(server), "/export", &elsewhere, &root);
    fixture_connect(loopnfs_port(server), "/export", &second, &root);
    expect_ok(ask_lookup(&first, &root, name, &file, NULL, NULL));
    struct bytes *call = nfs3_begin(&first, procedure);
    put_fh(call, &file);
    put_u64(call, 0);
    put_u32(call, 100);
    bystanders_wait_for_nobody(&(struct bystanders){.slow = &first,
                                                    .other = &second,
                                                    .fh = &root,
                                                    .count = count,
                                                    .hold = gate_close,
                                                    .release = gate_open});
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
