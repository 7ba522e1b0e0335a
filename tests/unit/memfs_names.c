/*
 * memfs_names.c - memfs: making, linking, renaming and removing names.
 */
#include "tests/unit/memfs_fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_list(struct vnode *dir, const char *names)
{
    char found[512];

    mem_list(dir, 2, found, sizeof(found));
    assert_string_equal(found, names);
}

TEST(memfs_makes_every_kind_of_node)
{
    struct vnode *vn;
    char target[64];
    size_t len;

    mem_mount(NULL);
    assert_int_equal(mem_create(mem_root, "file", 0640, NULL), 0);
    assert_int_equal(mem_mkdir(mem_root, "dir", 0750, NULL), 0);
    assert_int_equal(mem_symlink(mem_root, "link", "nowhere/at all", &vn), 0);
    assert_int_equal(vop_readlink(&mem_ctx, vn, target, sizeof(target), &len), 0);
    assert_memory_equal(target, "nowhere/at all", len);
    assert_int_equal(mem_attr(vn).size, len);
    assert_int_equal(vop_readlink(&mem_ctx, vn, target, 5, &len), ENAMETOOLONG);
    vnode_put(vn);
    assert_int_equal(mem_mknod(mem_root, "fifo", VFIFO, NULL), 0);
    assert_int_equal(mem_mknod(mem_root, "socket", VSOCK, NULL), 0);
    assert_int_equal(mem_mknod(mem_root, "disk", VBLK, NULL), 0);
    assert_int_equal(mem_mknod(mem_root, "tty", VCHR, NULL), 0);
    assert_int_equal(mem_stat("tty").rdev_major, 8);
    assert_int_equal(mem_stat("disk").rdev_minor, 300);
    assert_int_equal(mem_stat("fifo").type, VFIFO);
    assert_int_equal(mem_stat("fifo").mode, 0640);
    assert_int_equal(mem_stat("dir").nlink, 2);
    assert_int_equal(mem_stat("").nlink, 3);
    expect_list(mem_root, "file dir link fifo socket disk tty");
    mem_as(1000, 1000, -1);
    assert_int_equal(mem_mknod(mem_root, "fifo2", VFIFO, NULL), 0);
    assert_int_equal(mem_mknod(mem_root, "tty2", VCHR, NULL), EPERM);
    assert_int_equal(mem_mknod(mem_root, "tty", VCHR, NULL), EEXIST);
    mem_unmount();
}

TEST(memfs_hard_links_share_a_node)
{
    struct vnode *vn, *dir;
    uint64_t bytes;

    mem_mount(NULL);
    bytes = mem_statfs().free_bytes;
    assert_int_equal(mem_create(mem_root, "pink", 0644, &vn), 0);
    assert_int_equal(mem_mkdir(mem_root, "dir", 0755, &dir), 0);
    assert_int_equal(mem_link(vn, dir, "floyd"), 0);
    assert_int_equal(mem_link(vn, dir, "floyd"), EEXIST);
    assert_int_equal(mem_link(dir, mem_root, "dir2"), EPERM);
    assert_int_equal(mem_stat("dir/floyd").nlink, 2);
    assert_int_equal(mem_stat("dir/floyd").fileid, mem_stat("pink").fileid);
    assert_true(mem_statfs().free_bytes < bytes);
    assert_int_equal(mem_rename(mem_root, "pink", dir, "floyd"), 0);
    assert_int_equal(mem_stat("pink").nlink, 2); /* two names of one file: nothing happens */
    assert_int_equal(mem_remove(mem_root, "pink"), 0);
    assert_int_equal(mem_stat("dir/floyd").nlink, 1);
    assert_int_equal(mem_statfs().free_bytes, bytes);
    assert_int_equal(mem_remove(dir, "floyd"), 0);
    assert_int_equal(mem_link(vn, dir, "again"), ESTALE);
    vnode_put(vn);
    vnode_put(dir);
    mem_unmount();
}

TEST(memfs_refuses_more_links_than_it_says)
{
    struct vnode *vn, *dir;
    struct vpathconf pc;
    char name[16];

    mem_mount("size=1G");
    assert_int_equal(vop_pathconf(&mem_ctx, mem_root, &pc), 0);
    assert_int_equal(mem_create(mem_root, "file", 0644, &vn), 0);
    assert_int_equal(mem_mkdir(mem_root, "dir", 0755, &dir), 0);
    for (uint32_t i = 1; i < pc.link_max; i++) {
        snprintf(name, sizeof(name), "%u", i);
        assert_int_equal(mem_link(vn, dir, name), 0);
    }
    assert_int_equal(mem_attr(vn).nlink, pc.link_max);
    assert_int_equal(mem_link(vn, dir, "one more"), EMLINK);
    vnode_put(vn);
    vnode_put(dir);
    mem_unmount();
}

TEST(memfs_removes_as_what_it_is)
{
    struct vnode *dir, *vn;

    mem_mount(NULL);
    assert_int_equal(mem_mkdir(mem_root, "dir", 0755, &dir), 0);
    assert_int_equal(mem_create(dir, "file", 0644, NULL), 0);
    assert_int_equal(mem_remove(mem_root, "dir"), EISDIR);
    assert_int_equal(mem_rmdir(dir, "file"), ENOTDIR);
    assert_int_equal(mem_rmdir(mem_root, "dir"), ENOTEMPTY);
    assert_int_equal(mem_remove(dir, "none"), ENOENT);
    assert_int_equal(mem_rmdir(dir, "none"), ENOENT);
    assert_int_equal(mem_remove(dir, "file"), 0);
    assert_int_equal(mem_rmdir(mem_root, "dir"), 0);
    assert_int_equal(mem_attr(mem_root).nlink, 2);
    /* Whoever still works in it. */
    assert_int_equal(mem_create(dir, "file", 0644, NULL), ESTALE);
    assert_int_equal(mem_lookup(dir, "file", &vn), ESTALE);
    assert_int_equal(mem_lookup(dir, "..", &vn), ESTALE);
    vnode_put(dir);
    mem_unmount();
}

/* Names to rename between: a file, a directory, an empty one, and nothing. */
static const struct {
    const char *from, *to;
    int err;
} renames[] = {
    {"none", "x", ENOENT},        {"file", "x", 0},
    {"file", "file", 0},          {"file", "file2", 0},
    {"file", "empty", EISDIR},    {"file", "full", EISDIR},
    {"link", "file", 0},          {"full", "x", 0},
    {"full", "file", ENOTDIR},    {"full", "empty", 0},
    {"empty", "full", ENOTEMPTY}, {"empty", "empty", 0},
    {"empty", "fifo", ENOTDIR},   {"fifo", "link", 0},
};

static void make_names(struct vnode *dir)
{
    struct vnode *full;

    assert_int_equal(mem_create(dir, "file", 0644, NULL), 0);
    assert_int_equal(mem_create(dir, "file2", 0644, NULL), 0);
    assert_int_equal(mem_symlink(dir, "link", "file", NULL), 0);
    assert_int_equal(mem_mknod(dir, "fifo", VFIFO, NULL), 0);
    assert_int_equal(mem_mkdir(dir, "empty", 0755, NULL), 0);
    assert_int_equal(mem_mkdir(dir, "full", 0755, &full), 0);
    assert_int_equal(mem_mkdir(full, "inner", 0755, NULL), 0);
    vnode_put(full);
}

TEST(memfs_renames_over_what_it_may_replace)
{
    mem_mount(NULL);
    for (size_t i = 0; i < 2 * sizeof(renames) / sizeof(renames[0]); i++) {
        struct vnode *from, *to, *vn;
        char a[16], b[16];
        bool same = i % 2;
        const char *name = renames[i / 2].from, *new_name = renames[i / 2].to;
        snprintf(a, sizeof(a), "a%zu", i);
        snprintf(b, sizeof(b), "b%zu", i);
        assert_int_equal(mem_mkdir(mem_root, a, 0755, &from), 0);
        assert_int_equal(mem_mkdir(mem_root, b, 0755, &to), 0);
        make_names(from);
        make_names(to);
        uint64_t id = 0;
        if (mem_lookup(from, name, &vn) == 0) {
            id = mem_attr(vn).fileid;
            vnode_put(vn);
        }
        assert_int_equal(mem_rename(from, name, same ? from : to, new_name), renames[i / 2].err);
        if (renames[i / 2].err == 0) {
            assert_int_equal(mem_lookup(same ? from : to, new_name, &vn), 0);
            assert_int_equal(mem_attr(vn).fileid, id);
            vnode_put(vn);
            if (!same || strcmp(name, new_name) != 0)
                assert_int_equal(mem_lookup(from, name, &vn), ENOENT);
        }
        vnode_put(from);
        vnode_put(to);
    }
    mem_unmount();
}

TEST(memfs_never_renames_a_directory_into_itself)
{
    struct vnode *a, *b, *c;

    mem_mount(NULL);
    assert_int_equal(mem_mkdir(mem_root, "a", 0755, &a), 0);
    assert_int_equal(mem_mkdir(a, "b", 0755, &b), 0);
    assert_int_equal(mem_mkdir(b, "c", 0755, &c), 0);
    assert_int_equal(mem_rename(mem_root, "a", c, "d"), EINVAL);
    assert_int_equal(mem_rename(mem_root, "a", a, "d"), EINVAL);
    assert_int_equal(mem_rename(a, "b", c, "d"), EINVAL);
    assert_int_equal(mem_rename(b, "c", mem_root, "a"), ENOTEMPTY);
    assert_int_equal(mem_rename(b, "c", a, "b"), ENOTEMPTY);
    /* `..` follows, and link counts. */
    assert_int_equal(mem_rename(b, "c", mem_root, "c"), 0);
    assert_int_equal(mem_attr(mem_root).nlink, 4);
    assert_int_equal(mem_attr(b).nlink, 2);
    assert_int_equal(mem_stat("c/..").fileid, mem_attr(mem_root).fileid);
    assert_int_equal(mem_rename(mem_root, "a", c, "a"), 0);
    assert_int_equal(mem_stat("c/a/b/../..").fileid, mem_attr(c).fileid);
    vnode_put(a);
    vnode_put(b);
    vnode_put(c);
    mem_unmount();
}

TEST(memfs_listings_survive_any_change)
{
    uint64_t buf[64];
    struct vdirents page = {.buf = (char *)buf, .size = sizeof(buf), .max = 3};
    const struct vdirent *entry = NULL;
    char name[16], rest[8192];
    uint64_t cookie = 0;

    mem_mount(NULL);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        assert_int_equal(mem_create(mem_root, name, 0644, NULL), 0);
    }
    assert_int_equal(vop_readdir(&mem_ctx, mem_root, 2, &page), 0);
    while ((entry = vdirents_next(&page, entry)) != NULL)
        cookie = entry->cookie;
    assert_false(page.eof);
    /* Behind f2: all that were listed go, most of the others too, some are renamed. */
    for (int i = 0; i < 90; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        assert_int_equal(mem_remove(mem_root, name), 0);
    }
    assert_int_equal(mem_create(mem_root, "new", 0644, NULL), 0);
    assert_int_equal(mem_rename(mem_root, "f90", mem_root, "renamed"), 0);
    assert_int_equal(mem_rename(mem_root, "new", mem_root, "f95"), 0); /* f95 keeps its place */
    page.max = 100;
    assert_int_equal(vop_readdir(&mem_ctx, mem_root, cookie, &page), 0);
    assert_true(page.eof);
    rest[0] = '\0';
    for (entry = NULL; (entry = vdirents_next(&page, entry)) != NULL;)
        strcat(strcat(rest, entry->name), " ");
    assert_string_equal(rest, "renamed f91 f92 f93 f94 f95 f96 f97 f98 f99 ");
    /* A cookie of the future, and one past all. */
    assert_int_equal(vop_readdir(&mem_ctx, mem_root, 1000000, &page), 0);
    assert_true(page.eof && page.count == 0);
    mem_unmount();
}

/* Against the simplest model there is: an array of flags. */
TEST(memfs_finds_exactly_the_names_that_are_there)
{
    enum { NAMES = 3000 };
    static bool there[NAMES];
    char name[300];
    unsigned seed = 1;

    mem_mount(NULL);
    for (int step = 0; step < 60000; step++) {
        /* Fills and empties in waves, so that arrays and tables grow and shrink. */
        bool fill = (step / 10000) % 2 == 0;
        int i = rand_r(&seed) % NAMES, k = rand_r(&seed) % NAMES;
        int len = snprintf(name, sizeof(name), "%d", i);
        memset(name + len, 'x', (size_t)(i % 200));
        name[len + i % 200] = '\0';
        if (rand_r(&seed) % 8 == 0) {
            char other[300];
            len = snprintf(other, sizeof(other), "%d", k);
            memset(other + len, 'x', (size_t)(k % 200));
            other[len + k % 200] = '\0';
            assert_int_equal(mem_rename(mem_root, name, mem_root, other), there[i] ? 0 : ENOENT);
            if (there[i] && i != k) {
                there[i] = false;
                there[k] = true;
            }
        } else if (rand_r(&seed) % 4 == 0 ? !fill : fill) {
            assert_int_equal(mem_create(mem_root, name, 0644, NULL), there[i] ? EEXIST : 0);
            there[i] = true;
        } else {
            assert_int_equal(mem_remove(mem_root, name), there[i] ? 0 : ENOENT);
            there[i] = false;
        }
    }
    uint64_t count = 0;
    for (int i = 0; i < NAMES; i++)
        count += there[i];
    struct vstatfs st = mem_statfs();
    assert_int_equal(st.total_files - st.free_files, count + 1);
    mem_unmount();
}

TEST(memfs_exclusive_creates_keep_their_verifier_until_setattr)
{
    struct vcreate how = {.mode = VCREATE_EXCLUSIVE, .verifier = "\1\2\3\4\5\6\7\10"};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    struct vnode *vn, *again;

    mem_mount(NULL);
    assert_int_equal(vop_create(&mem_ctx, mem_root, mem_view("f"), &how, &vn, &attr, &change), 0);
    assert_int_equal(mem_write(vn, 0, "data", 4), 0);
    assert_int_equal(vop_create(&mem_ctx, mem_root, mem_view("f"), &how, &again, &attr, &change),
                     0);
    assert_ptr_equal(again, vn);
    vnode_put(again);
    how.verifier[7]++;
    assert_int_equal(vop_create(&mem_ctx, mem_root, mem_view("f"), &how, &again, &attr, &change),
                     EEXIST);
    how.verifier[7]--;
    assert_int_equal(mem_chmod(vn, 0644), 0);
    assert_int_equal(vop_create(&mem_ctx, mem_root, mem_view("f"), &how, &again, &attr, &change),
                     EEXIST);
    vnode_put(vn);
    mem_unmount();
}

TEST(memfs_unchecked_creates_open_what_is_there)
{
    struct vcreate how = {.mode = VCREATE_UNCHECKED, .attr = {.set_mode = true, .mode = 0600}};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    struct vnode *vn, *again;

    mem_mount(NULL);
    assert_int_equal(mem_create(mem_root, "f", 0644, &vn), 0);
    assert_int_equal(mem_write(vn, 0, "data", 4), 0);
    assert_int_equal(vop_create(&mem_ctx, mem_root, mem_view("f"), &how, &again, &attr, &change),
                     0);
    vnode_put(again);
    assert_int_equal(mem_attr(vn).size, 4);
    assert_int_equal(mem_attr(vn).mode, 0644);
    how.attr.set_size = true;
    attr.type = VNON;
    assert_int_equal(vop_create(&mem_ctx, mem_root, mem_view("f"), &how, &again, &attr, &change),
                     0);
    vnode_put(again);
    assert_int_equal(attr.size, 0);
    assert_int_equal(mem_mkdir(mem_root, "d", 0755, NULL), 0);
    assert_int_equal(vop_create(&mem_ctx, mem_root, mem_view("d"), &how, &again, &attr, &change),
                     EEXIST);
    /* A failed one leaves nothing. */
    mem_as(1000, 1000, -1);
    uint64_t files = mem_statfs().free_files;
    assert_int_equal(mem_mknod(mem_root, "g", VBLK, NULL), EPERM);
    assert_int_equal(mem_lookup(mem_root, "g", &again), ENOENT);
    assert_int_equal(mem_statfs().free_files, files);
    /* An owner the caller may not give is advice. */
    how.attr.set_uid = true;
    how.attr.uid = 5;
    attr.type = VNON;
    assert_int_equal(vop_create(&mem_ctx, mem_root, mem_view("g"), &how, &again, &attr, &change),
                     0);
    assert_int_equal(attr.uid, 1000);
    vnode_put(again);
    vnode_put(vn);
    mem_unmount();
}

TEST(memfs_handles_end_with_the_last_name_or_the_mount)
{
    struct vnode_id id, root_id;
    struct vnode *vn, *found;
    char byte;
    size_t len = 1;
    bool eof;

    mem_mount(NULL);
    assert_int_equal(mem_create(mem_root, "f", 0644, &vn), 0);
    assert_int_equal(mem_write(vn, 0, "x", 1), 0);
    vnode_id_of(vn, &id);
    vnode_id_of(mem_root, &root_id);
    assert_int_equal(vnode_load(NULL, mem_fs, &id, &found), 0);
    assert_ptr_equal(found, vn);
    vnode_put(found);
    uint64_t files = mem_statfs().free_files;
    assert_int_equal(mem_remove(mem_root, "f"), 0);
    assert_int_equal(vnode_load(NULL, mem_fs, &id, &found), ESTALE);
    /* Who has it still may go on. */
    assert_int_equal(mem_read(vn, 0, &byte, &len, &eof), 0);
    assert_int_equal(mem_attr(vn).nlink, 0);
    assert_int_equal(mem_statfs().free_files, files);
    vnode_put(vn);
    assert_int_equal(mem_statfs().free_files, files + 1);
    mem_unmount();
    mem_mount(NULL);
    /* The root is the new one's, so that a client's mount goes on; nothing else is. */
    assert_int_equal(vnode_load(NULL, mem_fs, &root_id, &found), 0);
    assert_ptr_equal(found, mem_root);
    vnode_put(found);
    assert_int_equal(vnode_load(NULL, mem_fs, &id, &found), ESTALE);
    mem_unmount();
}
