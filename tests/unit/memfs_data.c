/*
 * memfs_data.c - memfs: content, holes, limits, times, and what nodes cost.
 */
#include "base/sleep.h"
#include "tests/lib/data.h"
#include "tests/unit/memfs_fixture.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_bytes(struct vnode *vn, uint64_t offset, const char *bytes, size_t len)
{
    static char buf[1 << 20];
    size_t got = len;
    bool eof;

    assert_int_equal(mem_read(vn, offset, buf, &got, &eof), 0);
    assert_int_equal(got, len);
    assert_memory_equal(buf, bytes, len);
}

TEST(memfs_reads_end_where_the_file_ends)
{
    struct vnode *vn;
    char buf[16];
    bool eof;
    size_t len;
    static const struct {
        uint64_t offset;
        size_t len, got;
        bool eof;
    } cases[] = {{0, 5, 5, false},  {0, 10, 10, true},  {0, 16, 10, true},        {9, 16, 1, true},
                 {10, 16, 0, true}, {100, 16, 0, true}, {INT64_MAX, 16, 0, true}, {0, 0, 0, false}};

    mem_mount(NULL);
    assert_int_equal(mem_create(mem_root, "f", 0644, &vn), 0);
    assert_int_equal(mem_write(vn, 0, "0123456789", 10), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        len = cases[i].len;
        assert_int_equal(mem_read(vn, cases[i].offset, buf, &len, &eof), 0);
        assert_int_equal(len, cases[i].got);
        assert_int_equal(eof, cases[i].eof);
    }
    vnode_put(vn);
    mem_unmount();
}

static void count_call(void *arg)
{
    ++*(unsigned *)arg;
}

TEST(memfs_says_that_the_end_of_a_large_file_takes_long)
{
    static char block[1 << 20];
    unsigned said = 0;
    struct vnode *vn;

    mem_mount(NULL);
    sleep_set_hook(count_call, &said);
    assert_int_equal(mem_create(mem_root, "large", 0644, &vn), 0);
    for (uint64_t at = 0; at < 40; at++)
        assert_int_equal(mem_write(vn, at << 20, block, sizeof(block)), 0);
    assert_int_equal(mem_truncate(vn, 39 << 20), 0);
    assert_int_equal(said, 0);
    assert_int_equal(mem_truncate(vn, 20 << 20), 0);
    assert_int_equal(said, 1);
    vnode_put(vn);
    assert_int_equal(mem_remove(mem_root, "large"), 0);
    assert_int_equal(said, 2);
    /* However large it is, where there is nothing in it. */
    assert_int_equal(mem_create(mem_root, "hole", 0644, &vn), 0);
    assert_int_equal(mem_truncate(vn, (uint64_t)1 << 40), 0);
    vnode_put(vn);
    assert_int_equal(mem_remove(mem_root, "hole"), 0);
    assert_int_equal(said, 2);
    sleep_set_hook(NULL, NULL);
    mem_unmount();
}

TEST(memfs_holes_take_no_memory_and_read_as_zeros)
{
    static const char zeros[4096];
    struct vnode *vn;

    mem_mount("size=1M");
    assert_int_equal(mem_create(mem_root, "f", 0644, &vn), 0);
    assert_int_equal(mem_truncate(vn, (uint64_t)1 << 40), 0);
    assert_int_equal(mem_attr(vn).used, 0);
    expect_bytes(vn, (uint64_t)1 << 39, zeros, sizeof(zeros));
    /* At the very end of what can be, in the middle, and at places that grow the tree. */
    for (unsigned shift = 12; shift < 63; shift += 3)
        assert_int_equal(mem_write(vn, ((uint64_t)1 << shift) + 77, "byte", 4), 0);
    assert_int_equal(mem_write(vn, INT64_MAX - 1, "z", 1), 0);
    assert_int_equal(mem_write(vn, INT64_MAX, "z", 1), EFBIG);
    for (unsigned shift = 12; shift < 63; shift += 3) {
        expect_bytes(vn, ((uint64_t)1 << shift) + 77, "byte", 4);
        expect_bytes(vn, ((uint64_t)1 << shift) - 500, zeros, 577);
        expect_bytes(vn, ((uint64_t)1 << shift) + 81, zeros, 500);
    }
    assert_int_equal(mem_attr(vn).size, INT64_MAX);
    assert_true(mem_attr(vn).used < 100000);
    assert_int_equal(mem_statfs().free_bytes, (1 << 20) - mem_attr(vn).used);
    /* Cut in the middle of a window and grown again, the rest is zeros. */
    assert_int_equal(mem_truncate(vn, (1 << 12) + 79), 0);
    assert_int_equal(mem_truncate(vn, 1 << 20), 0);
    expect_bytes(vn, (1 << 12) + 77, "by\0\0\0\0", 6);
    assert_int_equal(mem_truncate(vn, 0), 0);
    assert_int_equal(mem_attr(vn).used, 0);
    assert_int_equal(mem_statfs().free_bytes, 1 << 20);
    vnode_put(vn);
    mem_unmount();
}

/* Against the simplest model there is: an array. */
TEST(memfs_content_is_what_was_written)
{
    enum { SIZE = 1 << 20, STEPS = 4000 };
    static char model[SIZE], data[SIZE], buf[SIZE];
    size_t size = 0;
    unsigned seed = 7;
    struct vnode *vn;

    mem_mount(NULL);
    assert_int_equal(mem_create(mem_root, "f", 0644, &vn), 0);
    for (int step = 0; step < STEPS; step++) {
        size_t at = (size_t)rand_r(&seed) % SIZE;
        size_t len = (size_t)rand_r(&seed) % (step % 3 == 0 ? 200000 : 3000);
        bool eof;
        if (rand_r(&seed) % 4 == 0)
            at = size; /* append */
        if (at + len > SIZE)
            len = SIZE - at;
        if (rand_r(&seed) % 10 == 0) {
            size_t to = rand_r(&seed) % 3 == 0 ? at : size - size / 8;
            assert_int_equal(mem_truncate(vn, to), 0);
            if (to < size)
                memset(model + to, 0, size - to);
            size = to;
        } else {
            memset(data, step % 255 + 1, len);
            assert_int_equal(mem_write(vn, at, data, len), 0);
            memcpy(model + at, data, len);
            if (len > 0 && at + len > size)
                size = at + len;
        }
        len = SIZE;
        assert_int_equal(mem_read(vn, 0, buf, &len, &eof), 0);
        assert_true(eof);
        assert_int_equal(len, size);
        assert_int_equal(memcmp(buf, model, size), 0);
    }
    assert_true(mem_attr(vn).used < 2 * SIZE);
    assert_int_equal(mem_remove(mem_root, "f"), 0);
    vnode_put(vn);
    struct vstatfs st = mem_statfs();
    assert_int_equal(st.free_bytes, st.total_bytes);
    mem_unmount();
}

TEST(memfs_is_full_when_it_says_so)
{
    static char data[1 << 20];
    struct vnode *vn;
    struct vchange change = {.has_before = false};
    enum vstable stable = VSTABLE_UNSTABLE;
    size_t len = sizeof(data);
    char name[16];
    int err = 0;

    mem_mount("size=1M,inodes=10");
    assert_int_equal(mem_create(mem_root, "f", 0644, &vn), 0);
    assert_int_equal(mem_write(vn, 0, data, 900000), 0);
    /* As much as there is room for, then nothing. */
    assert_int_equal(data_write(&mem_ctx, vn, 900000, data, &len, &stable, &change), 0);
    assert_in_range(len, 100000, (1 << 20) - 900000);
    assert_int_equal(mem_attr(vn).size, 900000 + len);
    assert_true(mem_statfs().free_bytes < 4096);
    assert_int_equal(mem_write(vn, 1 << 30, data, sizeof(data)), ENOSPC);
    assert_true(mem_statfs().free_bytes < 1024);
    assert_int_equal(mem_write(vn, (uint64_t)1 << 50, data, 1), ENOSPC);
    assert_true(mem_attr(vn).size < (uint64_t)1 << 50);
    assert_int_equal(mem_write(vn, 0, data, 900000), 0); /* what is there can be overwritten */
    assert_int_equal(mem_truncate(vn, 0), 0);
    assert_int_equal(mem_statfs().free_bytes, 1 << 20);
    for (int i = 0; err == 0; i++) {
        snprintf(name, sizeof(name), "%d", i);
        err = mem_create(mem_root, name, 0644, NULL);
        assert_true(i < 9);
    }
    assert_int_equal(err, ENOSPC);
    assert_int_equal(mem_statfs().total_files, 10);
    assert_int_equal(mem_statfs().free_files, 0);
    assert_int_equal(mem_mkdir(mem_root, "d", 0755, NULL), ENOSPC);
    assert_int_equal(mem_remove(mem_root, "0"), 0);
    assert_int_equal(mem_mkdir(mem_root, "d", 0755, NULL), 0);
    vnode_put(vn);
    mem_unmount();
}

TEST(memfs_options_are_checked)
{
    static const char *const bad[] = {"size=",
                                      "size=x",
                                      "size=1Q",
                                      "size=1KK",
                                      "size=-1",
                                      "size=100",
                                      "inodes=0",
                                      "mode=8",
                                      "mode=17777",
                                      "uid=root",
                                      "size=99999999999999999999",
                                      "sizes=1M",
                                      "size",
                                      "size=20000000000G"};
    struct vfs *fs;

    mem_mount("size=2m,inodes=3K,mode=0700,uid=5,gid=6");
    assert_int_equal(mem_statfs().total_bytes, 2 << 20);
    assert_int_equal(mem_statfs().total_files, 3 << 10);
    assert_int_equal(mem_attr(mem_root).mode, 0700);
    assert_int_equal(mem_attr(mem_root).uid, 5);
    assert_int_equal(mem_attr(mem_root).gid, 6);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct vfs_mount_args args = {.options = bad[i]};
        assert_int_equal(vfs_mount("memfs", &args, &fs), EINVAL);
    }
    mem_unmount();
}

static int compare(struct timespec a, struct timespec b)
{
    if (a.tv_sec != b.tv_sec)
        return a.tv_sec < b.tv_sec ? -1 : 1;
    return a.tv_nsec < b.tv_nsec ? -1 : a.tv_nsec > b.tv_nsec;
}

TEST(memfs_keeps_times_to_the_nanosecond)
{
    struct vsetattr set = {.set_atime = VTIME_GIVEN,
                           .atime = {1000, 999999999},
                           .set_mtime = VTIME_GIVEN,
                           .mtime = {UINT32_MAX, 1}};
    struct vnode *vn;
    char byte;
    size_t len = 1;
    bool eof;

    mem_mount(NULL);
    assert_int_equal(mem_create(mem_root, "f", 0644, &vn), 0);
    struct vattr before = mem_attr(vn), dir = mem_attr(mem_root);
    assert_int_equal(mem_set(vn, &set), 0);
    struct vattr after = mem_attr(vn);
    assert_int_equal(compare(after.atime, set.atime), 0);
    assert_int_equal(compare(after.mtime, set.mtime), 0);
    assert_int_equal(compare(after.ctime, before.ctime), 1);
    /* Each change has a ctime of its own; a read sets atime alone. */
    assert_int_equal(mem_write(vn, 0, "x", 1), 0);
    before = after, after = mem_attr(vn);
    assert_int_equal(compare(after.ctime, before.ctime), 1);
    assert_int_equal(compare(after.mtime, after.ctime), 0);
    assert_int_equal(mem_read(vn, 0, &byte, &len, &eof), 0);
    before = after, after = mem_attr(vn);
    assert_int_equal(compare(after.ctime, before.ctime), 0);
    assert_int_equal(compare(after.atime, before.atime), 1);
    /* Names change their directory, links the file's ctime. */
    assert_int_equal(mem_link(vn, mem_root, "g"), 0);
    assert_int_equal(compare(mem_attr(mem_root).mtime, dir.mtime), 1);
    before = after, after = mem_attr(vn);
    assert_int_equal(compare(after.ctime, before.ctime), 1);
    assert_int_equal(compare(after.mtime, before.mtime), 0);
    set = (struct vsetattr){.set_mode = true, .mode = 0600, .guarded = true, .guard = before.ctime};
    assert_int_equal(mem_set(vn, &set), VFS_ENOTSYNC);
    set.guard = after.ctime;
    assert_int_equal(mem_set(vn, &set), 0);
    vnode_put(vn);
    mem_unmount();
}

/* The table of nodes included, in which all of them are. */
TEST(memfs_takes_less_than_400_bytes_for_an_empty_file)
{
    enum { FILES = 200000 };
    struct vnode *dir = NULL;
    char name[32];

    mem_mount("inodes=1M");
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (int i = 0; i < FILES; i++) {
        if (i % 1000 == 0) {
            vnode_put(dir);
            snprintf(name, sizeof(name), "directory-%d", i / 1000);
            assert_int_equal(mem_mkdir(mem_root, name, 0755, &dir), 0);
        }
        snprintf(name, sizeof(name), "file-number-%d", i);
        assert_int_equal(mem_create(dir, name, 0644, NULL), 0);
    }
    vnode_put(dir);
    size_t each = (mallinfo2().uordblks + mallinfo2().hblkhd - before) / FILES;
    test_note("%zu bytes a file", each);
    assert_true(each < 400);
    mem_unmount();
}
