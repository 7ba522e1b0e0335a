/*
 * fixture.c - see fixture.h.
 */
#include "tests/framework/fixture.h"
#include "base/cred.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cred root_cred = {.uid = 0};
static const struct cred nobody_cred = {.uid = 65534, .gid = 65534};
const struct vctx fixture_root = {.cred = &root_cred};
const struct vctx fixture_nobody = {.cred = &nobody_cred};

static FILE *logged;
static char state_dir[64];

struct vfs *fixture_mount(const struct vfs_type *type)
{
    const struct vfs_mount_args args = {.source = "nothing", .fsid = 7};
    struct vfs *fs = NULL;

    assert_int_equal(vnode_table_init(10000, 100), 0);
    vfs_register(type);
    int err = vfs_mount(type->name, &args, &fs);
    if (err != 0)
        assert_null(fs);
    return fs;
}

void fixture_unmount(struct vfs *fs)
{
    struct vnode_table_stats stats;

    vfs_put(fs);
    vnode_table_stats_get(&stats);
    assert_int_equal(stats.nodes, 0);
    vnode_table_finish();
}

struct view fixture_name(const char *name)
{
    return (struct view){.data = (const uint8_t *)name, .len = (uint32_t)strlen(name)};
}

void fixture_log_begin(void)
{
    logged = tmpfile();
    assert_non_null(logged);
    assert_return_code(dup2(fileno(logged), STDERR_FILENO), errno);
}

bool fixture_log_has(const char *text)
{
    static char all[65536];
    ssize_t n = pread(fileno(logged), all, sizeof(all) - 1, 0);

    all[n > 0 ? n : 0] = '\0';
    return strstr(all, text) != NULL;
}

static void state_remove(void)
{
    host_remove_tree(state_dir);
}

const char *fixture_state_dir(void)
{
    if (state_dir[0] == '\0') {
        snprintf(state_dir, sizeof(state_dir), "/tmp/loopnfs-test.XXXXXX");
        assert_non_null(mkdtemp(state_dir));
        atexit(state_remove);
    }
    return state_dir;
}

struct loopnfs *fixture_serve(const struct vfs_type *type, uint32_t flags)
{
    static const char *const listen[] = {"127.0.0.1", NULL};
    struct loopnfs *server;

    const struct loopnfs_config config = {.path = "/export",
                                          .options = "insecure",
                                          .listen = listen,
                                          .port = LOOPNFS_PORT_ANY,
                                          .state_dir = fixture_state_dir(),
                                          .threads = 2,
                                          .flags = flags};
    assert_int_equal(loopnfs_create(type, &config, &server), 0);
    int err = loopnfs_start(server);
    if (err != 0)
        fail_msg("%s", loopnfs_message(server));
    return server;
}

void fixture_connect(unsigned port, const char *path, struct client *client, struct fh *root)
{
    client_connect(client, (uint16_t)port, 0);
    struct bytes *call = client_begin(client, PROGRAM_MOUNT, 3, 1);
    put_string(call, path);
    struct cursor results = client_finish(client);
    assert_int_equal(get_u32(&results), 0);
    get_fh(&results, root);
}
