/*
 * sizes.c - tables and configs that were compiled with another header than the library's.
 *
 * A shorter table lies right before memory that may not be touched, so that a library which reads
 * beyond its end is found out.
 */
#include "tests/framework/fixture.h"
#include "tests/lib/nfs3client.h"
#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include "vfs/vop.h"
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The end of a table whose last operation is this one. */
#define ENDS_WITH(op) \
    (offsetof(struct vfs_type, ops.op) + sizeof(((struct vfs_type *)NULL)->ops.op))

static unsigned released;

static int old_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    (void)ctx;
    vnode_attr_default(vn, attr);
    attr->size = vn->type == VREG ? 4711 : 0;
    return 0;
}

static int old_lookup(const struct vctx *ctx, struct vnode *dir, const char *name,
                      struct vnode **out, struct vattr *attr)
{
    (void)ctx, (void)attr;
    return strcmp(name, "file") == 0 ? vnode_intern_number(dir->fs, 2, VREG, out) : ENOENT;
}

static void old_release(struct vfs *fs)
{
    (void)fs;
    released++;
}

static const struct vfs_type old_type = {
    .name = "old",
    .flags = VFS_STABLE_IDS,
    .ops = {.getattr = old_getattr, .lookup = old_lookup, .release = old_release},
};

/* The first `size` bytes of it, at the end of a page after which nothing is. */
static const struct vfs_type *cut_off(const struct vfs_type *type, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(pages != MAP_FAILED);
    assert_return_code(mprotect(pages + page, page, PROT_NONE), errno);
    memcpy(pages + page - size, type, size);
    return (const void *)(pages + page - size);
}

static void mount_and_look(void)
{
    const struct vfs_mount_args args = {.source = "nothing", .fsid = 7};
    struct vattr attr = {0};
    struct vnode *vn;
    struct vfs *fs;

    assert_int_equal(vnode_table_init(10000, 100), 0);
    assert_int_equal(vfs_mount("old", &args, &fs), 0);
    assert_int_equal(vop_lookup(&fixture_root, fs->root, fixture_name("file"), &vn, &attr), 0);
    assert_int_equal(attr.size, 4711);
    vnode_put(vn);
    fixture_unmount(fs);
}

TEST(a_table_of_an_older_header_has_no_newer_operations)
{
    const struct vfs_type *older = cut_off(&old_type, ENDS_WITH(commit));

    assert_int_equal(vfs_register_sized(older, ENDS_WITH(commit)), 0);
    assert_int_equal(vfs_register_sized(older, ENDS_WITH(commit)), 0); /* once is enough */
    assert_true(vfs_type_find("old")->ops.getattr == old_getattr);
    assert_true(vfs_type_find("old")->ops.release == NULL);
    mount_and_look();
    assert_int_equal(released, 0);
    vfs_unregister(older);
    assert_null(vfs_type_find("old"));

    assert_int_equal(vfs_register(&old_type), 0);
    mount_and_look();
    assert_int_equal(released, 1);
}

TEST(a_program_with_an_older_table_and_an_older_config_is_served)
{
    static const char *const listen[] = {"127.0.0.1", NULL};
    const struct loopnfs_config config = {.path = "/export",
                                          .options = "insecure",
                                          .listen = listen,
                                          .port = LOOPNFS_PORT_ANY,
                                          .state_dir = fixture_state_dir(),
                                          .flags = 0xffffffff};
    const size_t size = offsetof(struct loopnfs_config, flags); /* a config from before `flags` */
    const struct vfs_type *older = cut_off(&old_type, ENDS_WITH(commit));
    struct loopnfs *server;
    struct client client;
    struct fh root, file;

    for (int round = 0; round < 2; round++) {
        assert_int_equal(loopnfs_create_sized(older, ENDS_WITH(commit), &config, size, &server), 0);
        assert_int_equal(loopnfs_fd(server), -1);
        assert_int_equal(loopnfs_start(server), 0);
        fixture_connect(loopnfs_port(server), "/export", &client, &root);
        assert_int_equal(ask_lookup(&client, &root, "file", &file, NULL, NULL), 0);
        client_disconnect(&client);
        assert_int_equal(loopnfs_stop(server), 0);
        loopnfs_destroy(server);
        assert_null(vfs_type_find("old"));
    }
    assert_int_equal(released, 0);
}

TEST(a_table_or_config_of_a_newer_header_is_refused_with_a_line)
{
    struct vfs_type spare = old_type;
    struct loopnfs *server;

    fixture_log_begin();
    assert_int_equal(vfs_register_sized(&old_type, sizeof(old_type) + sizeof(void *)), EINVAL);
    assert_true(fixture_log_has("file system old: its table has"));
    assert_true(fixture_log_has("it is made for a newer loopnfs: refused"));
    spare.spare[1] = &spare;
    assert_int_equal(vfs_register(&spare), EINVAL);
    assert_true(fixture_log_has("file system old: it uses a member that this library does not"));
    assert_int_equal(vfs_register_sized(&old_type, ENDS_WITH(lookup)), EINVAL);
    assert_int_equal(vfs_register_sized(&old_type, sizeof(old_type) - 1), EINVAL);
    assert_true(fixture_log_has("which none ever had: refused"));
    assert_null(vfs_type_find("old"));

    assert_int_equal(
        loopnfs_create_sized(&old_type, sizeof(old_type) + sizeof(void *), NULL, 0, &server),
        EINVAL);
    assert_null(server);
    const struct loopnfs_config config = {0};
    assert_int_equal(
        loopnfs_create_sized(&old_type, sizeof(old_type), &config, sizeof(config) + 8, &server),
        EINVAL);
    assert_true(fixture_log_has("the config of the server has"));
}

TEST(a_second_kind_of_one_name_is_told_apart_from_the_first)
{
    static const struct vfs_type other = {.name = "old"};

    fixture_log_begin();
    assert_int_equal(vfs_register(&old_type), 0);
    assert_int_equal(vfs_register(&other), EEXIST);
    assert_true(fixture_log_has("file system old: there is another of this name: refused"));
    assert_ptr_equal(vfs_type_find("old"), &old_type);
}
