/*
 * memfs_splice.c - memfs: whole chunks in blocks of a memfd, READs by splice from them, and WRITEs
 * from a pipe.
 */
#include "tests/lib/data.h"
#include "tests/unit/memfs_fixture.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define CHUNK 65536
#define HUGE  (2u << 20)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static int ends[2];

static void pipe_open(void)
{
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) > 0);
}

static void pipe_close(void)
{
    close(ends[0]);
    close(ends[1]);
}

static int splice_some(struct vnode *vn, uint64_t offset, size_t *len, bool *eof)
{
    struct vattr attr;

    return data_splice(&mem_ctx, vn, offset, ends[1], 1 << 20, len, eof, &attr);
}

static void take(char *buf, size_t len)
{
    for (size_t n = 0; n < len;) {
        ssize_t got = read(ends[0], buf + n, len - n);
        assert_true(got > 0);
        n += (size_t)got;
    }
}

static struct vnode *make(const char *name, int byte, size_t size)
{
    struct vnode *vn;
    char *data = malloc(size);

    assert_non_null(data);
    memset(data, byte, size);
    assert_int_equal(mem_create(mem_root, name, 0644, &vn), 0);
    assert_int_equal(mem_write(vn, 0, data, size), 0);
    free(data);
    return vn;
}

static void expect_all(const char *buf, size_t len, int byte)
{
    for (size_t i = 0; i < len; i++)
        assert_int_equal(buf[i], byte);
}

TEST(memfs_splice_gives_what_read_gives)
{
    static char by_read[1 << 20], by_pipe[1 << 20];
    const size_t size = 5 * CHUNK + 1000;
    unsigned seed = 1, spliced = 0;

    mem_mount(NULL);
    pipe_open();
    struct vnode *vn = make("f", 'x', size);
    for (size_t at = 0; at < size; at += 997)
        assert_int_equal(mem_write(vn, at, &at, 1), 0);
    for (int i = 0; i < 2000; i++) {
        seed = seed * 1103515245 + 12345;
        uint64_t offset = (seed >> 8) % (size + 5000);
        size_t len = (seed >> 3) % (3 * CHUNK), read_len = len;
        bool eof, read_eof;
        int err = splice_some(vn, offset, &len, &eof);
        if (err != 0) {
            assert_int_equal(err, EOPNOTSUPP);
            continue;
        }
        take(by_pipe, len);
        read_len = len < read_len ? len : read_len;
        assert_int_equal(mem_read(vn, offset, by_read, &read_len, &read_eof), 0);
        assert_int_equal(read_len, len);
        assert_int_equal(eof, read_eof);
        assert_memory_equal(by_pipe, by_read, len);
        spliced += len > 0;
    }
    assert_true(spliced > 500);
    vnode_put(vn);
    pipe_close();
    mem_unmount();
}

/* From the pipe; what was written of it. */
static int splice_in(struct vnode *vn, uint64_t offset, const char *data, size_t *len)
{
    enum vstable stable = VSTABLE_UNSTABLE;
    struct vchange change = {.after.type = VNON};

    assert_int_equal(write(ends[1], data, *len), *len);
    int err = data_splice_write(&mem_ctx, vn, offset, ends[0], len, &stable, &change);
    assert_true(err != 0 || (stable == VSTABLE_FILE && change.after.type == VREG));
    return err;
}

TEST(memfs_splice_write_does_what_write_does)
{
    static char data[3 * CHUNK], by_pipe[1 << 20], by_write[1 << 20];
    unsigned seed = 1;
    bool eof;

    mem_mount(NULL);
    pipe_open();
    struct vnode *one = make("one", 0, 1), *other = make("other", 0, 1);
    for (int i = 0; i < 1000; i++) {
        seed = seed * 1103515245 + 12345;
        uint64_t offset = (seed >> 8) % (5 * CHUNK);
        size_t len = 1 + (seed >> 3) % (i % 2 ? sizeof(data) : 5000), written = len;
        memset(data, (int)(seed >> 16), len);
        assert_int_equal(splice_in(one, offset, data, &written), 0);
        assert_int_equal(written, len);
        assert_int_equal(mem_write(other, offset, data, len), 0);
    }
    size_t size = sizeof(by_pipe), again = sizeof(by_write);
    assert_int_equal(mem_read(one, 0, by_pipe, &size, &eof), 0);
    assert_int_equal(mem_read(other, 0, by_write, &again, &eof), 0);
    assert_int_equal(size, again);
    assert_memory_equal(by_pipe, by_write, size);
    assert_int_equal(mem_attr(one).size, mem_attr(other).size);
    assert_int_equal(mem_attr(one).used, mem_attr(other).used);
    vnode_put(one);
    vnode_put(other);
    pipe_close();
    mem_unmount();
}

/* What found no room stays in the pipe. */
TEST(memfs_splice_write_to_a_full_file_system_writes_what_has_room)
{
    static char data[8 * CHUNK];
    struct vnode *vn;
    char rest[1];

    mem_mount("size=256k");
    pipe_open();
    assert_int_equal(mem_create(mem_root, "f", 0644, &vn), 0);
    size_t len = sizeof(data);
    assert_int_equal(splice_in(vn, 0, memset(data, 'x', len), &len), 0);
    assert_true(len > CHUNK && len <= 4 * CHUNK);
    assert_int_equal(mem_attr(vn).size, len);
    for (size_t left = sizeof(data) - len; left > 0; left--)
        assert_int_equal(read(ends[0], rest, 1), 1);
    assert_int_equal(read(ends[0], rest, 1), -1);
    len = CHUNK;
    assert_int_equal(splice_in(vn, mem_attr(vn).size, data, &len), ENOSPC);
    vnode_put(vn);
    pipe_close();
    mem_unmount();
}

/* What a client has not taken from its socket yet is in these pages. */
TEST(memfs_pages_of_a_reply_never_come_to_hold_another_file)
{
    static char buf[CHUNK];

    mem_mount("size=64M");
    pipe_open();
    for (int way = 0; way < 3; way++) {
        struct vnode *vn = make("secret", 'a', CHUNK);
        size_t len = CHUNK;
        bool eof;
        assert_int_equal(splice_some(vn, 0, &len, &eof), 0);
        assert_int_equal(len, CHUNK);
        if (way == 0)
            assert_int_equal(mem_truncate(vn, 0), 0);
        if (way == 1)
            assert_int_equal(mem_write(vn, CHUNK, "more", 4), 0);
        assert_int_equal(mem_remove(mem_root, "secret"), 0);
        vnode_put(vn);
        /* More than the blocks that are kept with their pages. */
        vn = make("other", 'b', 600 * CHUNK);
        take(buf, CHUNK);
        expect_all(buf, CHUNK, 'a');
        assert_int_equal(mem_remove(mem_root, "other"), 0);
        vnode_put(vn);
    }
    pipe_close();
    mem_unmount();
}

TEST(memfs_whole_chunks_can_be_cut_and_grow_again)
{
    static char buf[3 * CHUNK], expected[3 * CHUNK];
    const size_t cuts[] = {CHUNK - 1, CHUNK / 2, 100, 64, 1, CHUNK + 1, 2 * CHUNK, 2 * CHUNK - 70};
    bool eof;

    mem_mount("size=16M");
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        struct vnode *vn = make("f", 'x', 3 * CHUNK);
        size_t len = 3 * CHUNK;
        assert_int_equal(mem_truncate(vn, cuts[i]), 0);
        assert_true(mem_attr(vn).used < cuts[i] + 4096);
        assert_int_equal(mem_truncate(vn, 3 * CHUNK), 0);
        memset(expected, 'x', cuts[i]);
        memset(expected + cuts[i], 0, sizeof(expected) - cuts[i]);
        assert_int_equal(mem_read(vn, 0, buf, &len, &eof), 0);
        assert_memory_equal(buf, expected, sizeof(buf));
        assert_int_equal(mem_write(vn, cuts[i] + 5, "y", 1), 0);
        expected[cuts[i] + 5] = 'y';
        assert_int_equal(mem_read(vn, 0, buf, &len, &eof), 0);
        assert_memory_equal(buf, expected, sizeof(buf));
        assert_int_equal(mem_remove(mem_root, "f"), 0);
        vnode_put(vn);
        assert_int_equal(mem_statfs().free_bytes, 16 << 20);
    }
    mem_unmount();
}

/* By writes of any size, from the front, from the back, and in between. */
TEST(memfs_chunks_that_became_whole_step_by_step_hold_what_was_written)
{
    static char expected[2 * CHUNK], buf[2 * CHUNK], piece[9000];
    unsigned seed = 7;
    bool eof;

    mem_mount("size=16M");
    for (int round = 0; round < 20; round++) {
        struct vnode *vn = make("f", 'x', 1);
        memset(expected, 0, sizeof(expected));
        expected[0] = 'x';
        for (int i = 0; i < 200; i++) {
            seed = seed * 1103515245 + 12345;
            size_t at = (seed >> 4) % (2 * CHUNK), len = (seed >> 12) % sizeof(piece);
            len = at + len > 2 * CHUNK ? 2 * CHUNK - at : len;
            if (len == 0)
                continue;
            memset(piece, 'a' + i % 26, len);
            memcpy(expected + at, piece, len);
            assert_int_equal(mem_write(vn, at, piece, len), 0);
        }
        assert_int_equal(mem_truncate(vn, 2 * CHUNK), 0);
        size_t len = 2 * CHUNK;
        assert_int_equal(mem_read(vn, 0, buf, &len, &eof), 0);
        assert_memory_equal(buf, expected, sizeof(buf));
        assert_int_equal(mem_remove(mem_root, "f"), 0);
        vnode_put(vn);
    }
    assert_int_equal(mem_statfs().free_bytes, 16 << 20);
    mem_unmount();
}

/* The memfd that the mount has its blocks in. */
static int memfd_find(void)
{
    char path[32], target[64];

    for (int fd = 0; fd < 1000; fd++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, target, sizeof(target) - 1);
        if (n > 0 && strncmp(target, "/memfd:memfs", 12) == 0)
            return fd;
    }
    return -1;
}

/* As khugepaged may. False: this kernel can't. */
static bool make_huge(int fd)
{
    uint8_t *space = mmap(NULL, 2 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(space, MAP_FAILED);
    uint8_t *at = space + (HUGE - (uintptr_t)space % HUGE) % HUGE;
    assert_ptr_equal(mmap(at, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0), at);
    bool done = madvise(at, HUGE, MADV_COLLAPSE) == 0;
    munmap(space, 2 * HUGE);
    return done;
}

TEST(memfs_huge_pages_of_a_reply_never_come_to_hold_another_file)
{
    static char buf[CHUNK];
    size_t len = CHUNK;
    bool eof;

    mem_mount("size=64M");
    pipe_open();
    struct vnode *vn = make("secret", 'a', 2 * HUGE);
    if (!make_huge(memfd_find()))
        test_skip("this kernel makes no huge pages of a memfd");
    assert_int_equal(splice_some(vn, 5 * CHUNK, &len, &eof), 0);
    assert_int_equal(len, CHUNK);
    assert_int_equal(mem_remove(mem_root, "secret"), 0);
    vnode_put(vn);
    vn = make("other", 'b', 600 * CHUNK);
    take(buf, CHUNK);
    for (int i = 0; i < CHUNK; i++)
        assert_true(buf[i] == 'a' || buf[i] == 0);
    for (int i = 0; i < 600; i++) {
        len = CHUNK;
        assert_int_equal(mem_read(vn, (uint64_t)i * CHUNK, buf, &len, &eof), 0);
        expect_all(buf, CHUNK, 'b');
    }
    vnode_put(vn);
    pipe_close();
    mem_unmount();
}

TEST(memfs_splices_all_that_was_asked_for_or_nothing)
{
    bool eof;

    mem_mount("size=16M");
    pipe_open();
    struct vnode *vn = make("f", 'x', 40 * CHUNK);
    size_t len = 1 << 20;
    assert_int_equal(splice_some(vn, 100, &len, &eof), EOPNOTSUPP);
    len = 1 << 20;
    assert_int_equal(splice_some(vn, 4096, &len, &eof), 0);
    assert_int_equal(len, 1 << 20);
    vnode_put(vn);
    pipe_close();
    mem_unmount();
}

TEST(memfs_does_without_blocks_where_files_may_not_be_as_long)
{
    struct rlimit limit;
    char buf[5];
    size_t len = sizeof(buf);
    bool eof;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 1 << 20, .rlim_max = limit.rlim_max}),
        0);
    mem_mount("size=16M"); /* no SIGXFSZ */
    assert_int_equal(memfd_find(), -1);
    struct vnode *vn = make("f", 'x', 40 * CHUNK);
    assert_int_equal(mem_read(vn, 39 * CHUNK, buf, &len, &eof), 0);
    expect_all(buf, sizeof(buf), 'x');
    vnode_put(vn);
    mem_unmount();
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}
