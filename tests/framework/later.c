/*
 * later.c - tests of operations that answer later, from another thread.
 */
#include "tests/framework/fixture.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

/* The READ that waits for its answer. */
static struct {
    uint64_t ticket;
    void *buf;
    size_t *len;
    bool *eof;
    _Atomic bool may_be_answered, was_answered;
} open_read;

static int later_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    (void)ctx;
    vnode_attr_default(vn, attr);
    if (vn->type == VREG)
        attr->size = 4;
    return 0;
}

static int later_lookup(const struct vctx *ctx, struct vnode *dir, const char *name,
                        struct vnode **out, struct vattr *attr)
{
    (void)ctx, (void)attr;
    return vnode_intern_number(dir->fs, strcmp(name, "never") == 0 ? 3 : 2, VREG, out);
}

static void *answer(void *arg)
{
    (void)arg;
    while (!open_read.may_be_answered)
        host_sleep_ms(1);
    memcpy(open_read.buf, "late", 4);
    *open_read.len = 4;
    *open_read.eof = true;
    assert_true(vfs_answer(open_read.ticket, 0));
    assert_false(vfs_answer(open_read.ticket, EIO));
    open_read.was_answered = true;
    return NULL;
}

static int later_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf,
                      size_t *len, bool *eof, struct vattr *attr)
{
    pthread_t thread;

    (void)ctx, (void)offset, (void)attr;
    open_read.ticket = vfs_later();
    open_read.buf = buf;
    open_read.len = len;
    open_read.eof = eof;
    if (vnode_number(vn) == 2) {
        assert_int_equal(pthread_create(&thread, NULL, answer, NULL), 0);
        pthread_detach(thread);
    }
    return VFS_ELATER;
}

static const struct vfs_type later_type = {
    .name = "later", .ops = {.getattr = later_getattr, .lookup = later_lookup, .read = later_read}};

static void send_read(struct client *client, const struct fh *fh)
{
    struct bytes *call = nfs3_begin(client, 6);

    put_fh(call, fh);
    put_u64(call, 0);
    put_u32(call, 100);
    client_send(client);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* 50 GETATTRs on the connection of a READ that is not answered before them. */
static void read_with_getattrs(struct client *client, const struct fh *root, const struct fh *file)
{
    struct attr attr;
    struct reply reply;
    size_t len;

    send_read(client, file);
    for (int i = 0; i < 50; i++)
        expect_ok(ask_getattr(client, root, &attr));
    open_read.may_be_answered = true;
    assert_true(client_receive(client, &reply));
    assert_int_equal(get_u32(&reply.results), NFS_OK);
    get_post_attr(&reply.results, &attr);
    assert_int_equal(get_u32(&reply.results), 4);
    assert_true(get_bool(&reply.results));
    assert_memory_equal(get_opaque(&reply.results, 100, &len), "late", 4);
}

TEST(a_read_that_answers_later_stops_nobody_on_its_connection)
{
    struct loopnfs *server = fixture_serve(&later_type, 0);
    struct client client;
    struct fh root, file;

    fixture_log_begin();
    fixture_connect(loopnfs_port(server), "/export", &client, &root);
    expect_ok(ask_lookup(&client, &root, "file", &file, NULL, NULL));
    read_with_getattrs(&client, &root, &file);
    while (!open_read.was_answered)
        host_sleep_ms(1);
    assert_true(fixture_log_has("was answered before; ignored"));
    assert_false(vfs_answer(123456789, 0));
    assert_true(fixture_log_has("ticket 123456789 was never given; ignored"));
    client_disconnect(&client);
    loopnfs_destroy(server);
}

TEST(an_operation_that_is_never_answered_does_not_keep_the_server_from_ending)
{
    struct loopnfs *server = fixture_serve(&later_type, 0), *another;
    struct client client;
    struct fh root, file;

    fixture_connect(loopnfs_port(server), "/export", &client, &root);
    expect_ok(ask_lookup(&client, &root, "never", &file, NULL, NULL));
    send_read(&client, &file);
    expect_ok(ask_getattr(&client, &root, NULL));
    double begun = now();
    assert_int_equal(loopnfs_stop(server), ETIMEDOUT);
    double took = now() - begun;
    test_note("the stop took %.1f s", took);
    assert_true(took < 60); /* it ends, however busy the machine is */
    /* An answer after all is harmless. */
    *open_read.len = 0;
    vfs_answer(open_read.ticket, EIO);
    host_sleep_ms(50);
    client_disconnect(&client);
    loopnfs_destroy(server);
    assert_int_equal(loopnfs_create(&later_type, NULL, &another), EBUSY);
}

/* --- the same where all operations run on the author's thread --- */

static struct {
    unsigned port;
    _Atomic bool ended;
} dispatched;

static void *client_thread(void *arg)
{
    struct client client;
    struct fh root, file;

    (void)arg;
    fixture_connect(dispatched.port, "/export", &client, &root);
    expect_ok(ask_lookup(&client, &root, "file", &file, NULL, NULL));
    read_with_getattrs(&client, &root, &file);
    client_disconnect(&client);
    dispatched.ended = true;
    return NULL;
}

TEST(operations_on_the_authors_thread_may_answer_later_too)
{
    struct loopnfs *server = fixture_serve(&later_type, LOOPNFS_DISPATCH);
    pthread_t thread;

    dispatched.port = loopnfs_port(server);
    assert_int_equal(pthread_create(&thread, NULL, client_thread, NULL), 0);
    while (!dispatched.ended) {
        loopnfs_dispatch(server);
        host_sleep_ms(1);
    }
    pthread_join(thread, NULL);
    loopnfs_destroy(server);
}
