/*
 * vfs_table.c - tests of the vnode table, mounts and wrappers, on a file system that does nothing
 * but count.
 */
#include "base/cred.h"
#include "tests/lib/data.h"
#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include "vfs/vop.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    _Atomic int reclaimed, dropped, dropped_all, unmounted, loaded;
    int garbage; /* what the operations do wrong */
} counts;

enum { NOTHING, NEGATIVE_ERROR, LONG_READ, NO_NODE, OTHER_TYPE, WILD_ENTRY, LONG_LINK };

struct part {
    int fd;
};

static struct vnode_id id_of(uint64_t number)
{
    struct vnode_id id = {.len = 8};

    memcpy(id.bytes, &number, 8);
    return id;
}

static void part_init(struct vnode *vn, void *arg)
{
    struct part *part = vnode_private(vn);

    assert_int_equal((uintptr_t)part % 8, 0);
    part->fd = *(int *)arg;
}

static int counting_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    struct vnode_id id = id_of(0);
    int none = -1;

    if (args->options != NULL && strcmp(args->options, "fail") == 0) {
        struct vnode *vn;
        assert_int_equal(vnode_intern(fs, &id, VDIR, part_init, &none, &vn, NULL), 0);
        vnode_put(vn);
        return EIO;
    }
    return vnode_intern(fs, &id, VDIR, part_init, &none, &fs->root, NULL);
}

static void counting_unmount(struct vfs *fs)
{
    (void)fs;
    counts.unmounted++;
}

static int counting_load(struct vfs *fs, const struct vnode_id *id, struct vnode **out)
{
    int none = -1;

    counts.loaded++;
    return vnode_intern(fs, id, VREG, part_init, &none, out, NULL);
}

static void counting_drop(struct vnode *vn, bool all, struct vnode_drops *drops)
{
    struct part *part = vnode_private(vn);

    counts.dropped++;
    counts.dropped_all += all;
    if (part->fd >= 0) {
        assert_true(vnode_drop_fd(drops, part->fd));
        part->fd = -1;
        vnode_count_fds(vn, -1);
    }
}

static void counting_reclaim(struct vnode *vn)
{
    struct part *part = vnode_private(vn);

    counts.reclaimed++;
    if (part->fd >= 0) {
        close(part->fd);
        vnode_count_fds(vn, -1);
    }
}

static int counting_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    (void)ctx;
    memset(attr, 0, sizeof(*attr));
    attr->type = counts.garbage == OTHER_TYPE ? VBLK : (enum vtype)vn->type;
    return counts.garbage == NEGATIVE_ERROR ? -EIO : 0;
}

static int counting_lookup(const struct vctx *ctx, struct vnode *dir, const char *name,
                           struct vnode **out, struct vattr *attr)
{
    struct vnode_id id = id_of(strtoull(name, NULL, 10));
    int none = -1;

    (void)ctx;
    (void)attr;
    if (counts.garbage == NO_NODE)
        return 0;
    return vnode_intern(dir->fs, &id, VREG, part_init, &none, out, NULL);
}

static int counting_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf,
                         size_t *len, bool *eof, struct vattr *attr)
{
    (void)ctx, (void)vn, (void)offset, (void)buf, (void)attr;
    *eof = true;
    *len = counts.garbage == LONG_READ ? *len + 1 : 0;
    return 0;
}

static int counting_readlink(const struct vctx *ctx, struct vnode *vn, char *buf, size_t size,
                             size_t *len)
{
    (void)ctx, (void)vn, (void)buf;
    *len = counts.garbage == LONG_LINK ? size : 0;
    return 0;
}

static int counting_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie,
                            struct vdirents *page)
{
    static const char name[400] = "x";

    (void)ctx, (void)dir;
    if (counts.garbage == WILD_ENTRY)
        vdirents_add(page, 1, 3, VREG, name, 300);
    else if (cookie == 0)
        vdirents_add(page, 1, 3, VREG, "one", 3);
    page->eof = true;
    return 0;
}

/* So that it is not read-only. */
static int counting_rename(const struct vctx *ctx, struct vnode *from_dir, const char *from,
                           struct vnode *to_dir, const char *to, struct vchange *from_change,
                           struct vchange *to_change)
{
    (void)ctx, (void)from_dir, (void)from, (void)to_dir, (void)to;
    (void)from_change, (void)to_change;
    return EACCES;
}

static const struct vfs_type counting_type = {.name = "counting",
                                              .node_size = sizeof(struct part),
                                              .ops = {.mount = counting_mount,
                                                      .unmount = counting_unmount,
                                                      .load = counting_load,
                                                      .drop = counting_drop,
                                                      .reclaim = counting_reclaim,
                                                      .getattr = counting_getattr,
                                                      .lookup = counting_lookup,
                                                      .read = counting_read,
                                                      .readlink = counting_readlink,
                                                      .readdir = counting_readdir,
                                                      .rename = counting_rename}};
VFS_TYPE(counting_type);

static struct vfs *start(uint32_t nodes, uint32_t fds)
{
    struct vfs_mount_args args = {.source = "nothing"};
    struct vfs *fs;

    cred_init();
    assert_int_equal(vnode_table_init(nodes, fds), 0);
    assert_int_equal(vfs_mount("counting", &args, &fs), 0);
    return fs;
}

static void finish(struct vfs *fs)
{
    struct vnode_table_stats stats;

    vfs_put(fs);
    assert_int_equal(counts.unmounted, 1);
    vnode_table_stats_get(&stats);
    assert_int_equal(stats.nodes, 0);
    vnode_table_finish();
}

TEST(a_node_is_the_same_node_for_the_same_id)
{
    struct vfs *fs = start(1000, 100);
    struct vnode *a, *b;
    int none = -1;
    bool fresh;

    for (uint64_t i = 1; i < 300; i++) {
        struct vnode_id id = id_of(i);
        assert_null(vnode_find(fs, &id));
        assert_int_equal(vnode_intern(fs, &id, VREG, part_init, &none, &a, &fresh), 0);
        assert_true(fresh);
        assert_int_equal(vnode_intern(fs, &id, VREG, part_init, &none, &b, &fresh), 0);
        assert_false(fresh);
        assert_ptr_equal(a, b);
        assert_ptr_equal(vnode_find(fs, &id), a);
        vnode_put(a);
        vnode_put(a);
        vnode_put(a);
    }
    vnode_put(NULL);
    finish(fs);
}

TEST(the_table_keeps_to_its_bound_and_never_takes_a_node_in_use)
{
    struct vfs *fs = start(1000, 100);
    struct vnode *held[200], *vn;
    struct vnode_table_stats stats;

    for (uint64_t i = 0; i < 200; i++) {
        struct vnode_id id = id_of(i + 1);
        assert_int_equal(vnode_load(NULL, fs, &id, &held[i]), 0);
    }
    for (uint64_t i = 1000; i < 50000; i++) {
        struct vnode_id id = id_of(i);
        assert_int_equal(vnode_load(NULL, fs, &id, &vn), 0);
        vnode_put(vn);
    }
    vnode_table_stats_get(&stats);
    test_note("%d nodes after 49,200 were loaded; bound 1,000", (int)stats.nodes);
    assert_true(stats.nodes <= 1300);
    for (uint64_t i = 0; i < 200; i++) {
        struct vnode_id id = id_of(i + 1);
        vn = vnode_find(fs, &id);
        assert_ptr_equal(vn, held[i]);
        vnode_put(vn);
        vnode_put(vn);
    }
    finish(fs);
}

static void load_with_fd(struct vfs *fs, uint64_t number)
{
    struct vnode_id id = id_of(number);
    struct vnode *vn;
    int fd = dup(0);

    assert_int_equal(vnode_intern(fs, &id, VREG, part_init, &fd, &vn, NULL), 0);
    vnode_count_fds(vn, 1);
    vnode_put(vn);
}

TEST(descriptors_are_bounded_and_idle_ones_shed)
{
    struct vfs *fs = start(100000, 50);
    struct vnode_table_stats stats;

    for (uint64_t i = 1; i < 2000; i++)
        load_with_fd(fs, i);
    vnode_table_stats_get(&stats);
    test_note("%d descriptors open after 1,999; bound 50", (int)stats.fds);
    /* Each shard may have some that were just touched. */
    assert_true(stats.fds <= 50 + 64 * 4);
    for (int i = 0; i < 3; i++)
        vnode_table_tick();
    vnode_table_stats_get(&stats);
    assert_int_equal(stats.fds, 0);
    finish(fs);
}

TEST(who_looks_for_descriptors_looks_only_at_nodes_that_have_some)
{
    struct vfs *fs = start(100000, 50);
    struct vnode *vn;

    for (uint64_t i = 1; i < 20000; i++) {
        struct vnode_id id = id_of(i);
        assert_int_equal(vnode_load(NULL, fs, &id, &vn), 0);
        vnode_put(vn);
    }
    for (uint64_t i = 20000; i < 20300; i++)
        load_with_fd(fs, i);
    for (int i = 0; i < 3; i++)
        vnode_table_tick();
    assert_int_equal(counts.dropped, 300);
    finish(fs);
}

TEST(nodes_in_use_without_descriptors_do_not_keep_those_with_some_in_the_table)
{
    struct vfs *fs = start(640, 100000);
    struct vnode *held[640];
    struct vnode_table_stats stats;

    for (uint64_t i = 0; i < 640; i++) {
        struct vnode_id id = id_of(i + 1);
        assert_int_equal(vnode_load(NULL, fs, &id, &held[i]), 0);
    }
    for (uint64_t i = 1000; i < 6000; i++)
        load_with_fd(fs, i);
    vnode_table_stats_get(&stats);
    test_note("%d nodes, 640 of them in use; bound 640", (int)stats.nodes);
    assert_true(stats.nodes <= 640 + 64 * 4);
    for (int i = 0; i < 640; i++)
        vnode_put(held[i]);
    finish(fs);
}

TEST(a_node_asked_to_shed_does_so_with_its_last_user)
{
    struct vfs *fs = start(1000, 100);
    struct vnode_id id = id_of(5);
    struct vnode *vn;

    assert_int_equal(vnode_load(NULL, fs, &id, &vn), 0);
    vnode_ref(vn);
    vnode_drop_soon(vn);
    vnode_put(vn);
    assert_int_equal(counts.dropped, 0);
    vnode_put(vn);
    assert_int_equal(counts.dropped, 1);
    assert_int_equal(counts.dropped_all, 0);
    finish(fs);
}

TEST(a_forgotten_node_is_not_found_and_goes_with_its_last_user)
{
    struct vfs *fs = start(1000, 100);
    struct vnode_id id = id_of(5);
    struct vnode *vn, *other;

    assert_int_equal(vnode_load(NULL, fs, &id, &vn), 0);
    vnode_forget(vn);
    assert_null(vnode_find(fs, &id));
    assert_int_equal(vnode_load(NULL, fs, &id, &other), 0);
    assert_ptr_not_equal(vn, other);
    assert_int_equal(counts.reclaimed, 0);
    vnode_put(vn);
    assert_int_equal(counts.reclaimed, 1);
    vnode_put(other);
    finish(fs);
}

TEST(a_file_system_ends_after_its_last_node_in_use)
{
    struct vfs *fs = start(1000, 100);
    struct vnode_id id = id_of(5);
    struct vnode *vn;

    assert_int_equal(vnode_load(NULL, fs, &id, &vn), 0);
    vfs_ref(fs);
    vfs_put(fs);
    assert_int_equal(counts.unmounted, 0);
    vfs_put(fs);
    assert_int_equal(counts.unmounted, 0);
    vfs_tick();
    vnode_put(vn);
    assert_int_equal(counts.unmounted, 1);
    vnode_table_finish();
}

TEST(a_mount_that_fails_leaves_no_node)
{
    struct vfs_mount_args args = {.source = "nothing", .options = "fail"};
    struct vnode_table_stats stats;
    struct vfs *fs;

    assert_int_equal(vnode_table_init(1000, 100), 0);
    assert_int_equal(vfs_mount("counting", &args, &fs), EIO);
    assert_int_equal(vfs_mount("no such", &args, &fs), ENODEV);
    vnode_table_stats_get(&stats);
    assert_int_equal(stats.nodes, 0);
    vnode_table_finish();
}

static void *hammer(void *arg)
{
    struct vfs *fs = arg;
    unsigned seed = (unsigned)(uintptr_t)pthread_self();

    for (int i = 0; i < 20000; i++) {
        struct vnode_id id = id_of((uint64_t)rand_r(&seed) % 300 + 1);
        struct vnode *vn;
        assert_int_equal(vnode_load(NULL, fs, &id, &vn), 0);
        assert_memory_equal(vn->id, id.bytes, 8);
        if (i % 50 == 0)
            vnode_drop_soon(vn);
        if (i % 97 == 0)
            vnode_forget(vn);
        vnode_put(vn);
    }
    return NULL;
}

TEST(threads_use_the_table_side_by_side)
{
    struct vfs *fs = start(100, 10);
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, fs), 0);
    for (int i = 0; i < 50; i++)
        vfs_tick();
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    finish(fs);
}

/* --- the wrappers --- */

static struct view text(const char *s)
{
    return (struct view){(const uint8_t *)s, (uint32_t)strlen(s)};
}

TEST(names_are_checked_before_a_file_system_sees_them)
{
    struct vfs *fs = start(1000, 100);
    struct vctx ctx = {.cred = cred_server()};
    struct vnode *vn = NULL;
    struct vattr attr;
    struct vchange change = {0};
    char name[300];

    memset(name, 'n', sizeof(name));
    static const struct {
        const char *name;
        uint32_t len;
        int err;
    } cases[] = {{"", 0, EINVAL},     {"a/b", 3, EINVAL}, {"/", 1, EINVAL},
                 {"a\0b", 3, EINVAL}, {"\0", 1, EINVAL},  {NULL, 256, ENAMETOOLONG}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct view view = {(const uint8_t *)(cases[i].name ? cases[i].name : name), cases[i].len};
        assert_int_equal(vop_lookup(&ctx, fs->root, view, &vn, &attr), cases[i].err);
        assert_int_equal(vop_remove(&ctx, fs->root, view, &change), cases[i].err);
        assert_null(vn);
    }
    assert_int_equal(vop_rmdir(&ctx, fs->root, text("."), &change), EINVAL);
    assert_int_equal(vop_rmdir(&ctx, fs->root, text(".."), &change), EEXIST);
    assert_int_equal(vop_remove(&ctx, fs->root, text("x"), &change), EOPNOTSUPP);
    assert_int_equal(vop_lookup(&ctx, fs->root, text(".."), &vn, &attr), 0);
    assert_ptr_equal(vn, fs->root);
    vnode_put(vn);
    finish(fs);
}

TEST(a_file_system_that_breaks_its_contract_is_an_io_error)
{
    struct vfs *fs = start(1000, 100);
    struct vctx ctx = {.cred = &(const struct cred){.uid = 0}}; /* whoever runs the tests */
    _Alignas(8) char buf[1024];
    struct vdirents page = {.buf = buf, .size = sizeof(buf)};
    struct vnode *vn, *link;
    struct vnode_id id = id_of(1), link_id = id_of(2);
    struct vattr attr;
    size_t len = 10;
    bool eof;
    int none = -1;

    assert_int_equal(vnode_load(NULL, fs, &id, &vn), 0);
    assert_int_equal(vnode_intern(fs, &link_id, VLNK, part_init, &none, &link, NULL), 0);
    counts.garbage = NEGATIVE_ERROR;
    assert_int_equal(vop_getattr(&ctx, vn, &attr), EIO);
    counts.garbage = OTHER_TYPE;
    assert_int_equal(vop_getattr(&ctx, vn, &attr), EIO);
    counts.garbage = LONG_READ;
    assert_int_equal(data_read(&ctx, vn, 0, buf, &len, &eof, &attr), EIO);
    assert_int_equal(len, 0);
    counts.garbage = NO_NODE;
    struct vnode *out;
    assert_int_equal(vop_lookup(&ctx, fs->root, text("5"), &out, &attr), EIO);
    counts.garbage = WILD_ENTRY;
    assert_int_equal(vop_readdir(&ctx, fs->root, 0, &page), EIO);
    counts.garbage = LONG_LINK;
    assert_int_equal(vop_readlink(&ctx, link, buf, sizeof(buf), &len), EIO);
    counts.garbage = NOTHING;
    assert_int_equal(vop_readdir(&ctx, fs->root, 0, &page), 0);
    assert_int_equal(page.count, 3);
    assert_true(page.eof);
    vnode_put(vn);
    vnode_put(link);
    finish(fs);
}
