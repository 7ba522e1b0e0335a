/*
 * dispatch.c - tests of a server inside an event loop of its author's.
 */
#include "tests/framework/fixture.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

static pthread_t author;
static _Atomic unsigned here, elsewhere; /* operations on the author's thread, and on others */

/* READs that were the only call of their batch, as their client waits for each, and knew it. */
static _Atomic unsigned alone;
static _Atomic uint64_t last_batch; /* of a READ */

static void count(void)
{
    if (pthread_equal(pthread_self(), author))
        here++;
    else
        elsewhere++;
}

static int own_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    static char root;

    (void)args;
    count();
    return vnode_register_root(fs, &root);
}

static void own_unmount(struct vfs *fs)
{
    (void)fs;
    count();
}

static int own_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    (void)ctx;
    count();
    vnode_attr_default(vn, attr);
    if (vn->type == VREG)
        attr->size = 5;
    return 0;
}

static int own_lookup(const struct vctx *ctx, struct vnode *dir, const char *name,
                      struct vnode **out, struct vattr *attr)
{
    static char file;

    (void)ctx, (void)attr;
    count();
    return strcmp(name, "file") == 0 ? vnode_register(dir->fs, &file, VREG, out) : ENOENT;
}

static int own_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf,
                    size_t *len, bool *eof, struct vattr *attr)
{
    (void)vn, (void)attr;
    count();
    alone += ctx->batch != 0 && ctx->batch != last_batch && ctx->last_in_batch;
    last_batch = ctx->batch;
    *len = offset == 0 && *len >= 5 ? 5 : 0;
    memcpy(buf, "hello", *len);
    *eof = true;
    return 0;
}

static void own_reclaim(struct vnode *vn)
{
    (void)vn;
    count();
}

static void own_tick(struct vfs *fs)
{
    (void)fs;
    count();
}

static const struct vfs_type own = {.name = "own",
                                    .ops = {.mount = own_mount,
                                            .unmount = own_unmount,
                                            .reclaim = own_reclaim,
                                            .tick = own_tick,
                                            .getattr = own_getattr,
                                            .lookup = own_lookup,
                                            .read = own_read}};

static _Atomic bool ended;
static unsigned port;

static void *client_thread(void *arg)
{
    struct client client;
    struct fh root, file;
    struct nfs3_read result;

    (void)arg;
    fixture_connect(port, "/export", &client, &root);
    for (int i = 0; i < 100; i++) {
        expect_ok(ask_lookup(&client, &root, "file", &file, NULL, NULL));
        expect_ok(ask_read(&client, &file, 0, 100, &result));
        assert_int_equal(result.count, 5);
        assert_memory_equal(result.data, "hello", 5);
    }
    client_disconnect(&client);
    ended = true;
    return NULL;
}

/* A server that the test's own thread runs the operations of, until the client has done its work.
 * Returns how many were dispatched. */
static unsigned serve_a_client(void)
{
    author = pthread_self();
    struct loopnfs *server = fixture_serve(&own, LOOPNFS_DISPATCH);
    struct pollfd pfd = {.fd = loopnfs_fd(server), .events = POLLIN};
    unsigned dispatched = 0;
    pthread_t thread;

    port = loopnfs_port(server);
    assert_int_equal(pthread_create(&thread, NULL, client_thread, NULL), 0);
    while (!ended)
        if (poll(&pfd, 1, 20) > 0)
            dispatched += loopnfs_dispatch(server);
    pthread_join(thread, NULL);
    loopnfs_destroy(server);
    return dispatched;
}

TEST(all_operations_run_on_the_authors_thread)
{
    unsigned dispatched = serve_a_client();

    test_note("%u dispatched; %u operations on the author's thread, %u on others", dispatched, here,
              elsewhere);
    assert_true(dispatched >= 200);
    assert_int_equal(elsewhere, 0);
}

TEST(operations_on_the_authors_thread_know_their_batch)
{
    serve_a_client();
    assert_int_equal(alone, 100);
}

TEST(a_server_can_be_started_again_in_the_same_process)
{
    author = pthread_self();
    for (int i = 0; i < 3; i++) {
        struct loopnfs *server = fixture_serve(&own, LOOPNFS_DISPATCH), *second;
        assert_int_equal(loopnfs_create(&own, NULL, &second), EBUSY);
        loopnfs_destroy(server);
    }
    assert_int_equal(elsewhere, 0);
}

TEST(a_config_that_makes_no_sense_is_refused)
{
    static const char *const nonsense[] = {"not an address", NULL};
    const struct loopnfs_config wrong[] = {{.port = 70000},
                                           {.path = "relative"},
                                           {.listen = nonsense},
                                           {.portmap = "perhaps"},
                                           {.log_level = "loud"}};
    struct loopnfs *server;

    fixture_log_begin();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(loopnfs_create(&own, &wrong[i], &server), EINVAL);
    assert_true(fixture_log_has("give a numeric address"));
    const struct loopnfs_config unknown = {
        .options = "sideways", .port = LOOPNFS_PORT_ANY, .state_dir = fixture_state_dir()};
    assert_int_equal(loopnfs_create(&own, &unknown, &server), 0);
    assert_int_not_equal(loopnfs_start(server), 0);
    test_note("%s", loopnfs_message(server));
    assert_non_null(strstr(loopnfs_message(server), "sideways"));
    assert_int_equal(strncmp(loopnfs_message(server), "export /", 8), 0);
    assert_null(strstr(loopnfs_message(server), "--"));
    loopnfs_destroy(server);
}
