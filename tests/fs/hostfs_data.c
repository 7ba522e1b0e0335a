/*
 * hostfs_data.c - data and attributes: reading, writing, sizes, times, and what the host sees.
 */
#include "tests/fs/fixture.h"
#include "tests/lib/data.h"
#include "vfs/mount.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(reads_end_where_the_file_ends)
{
    struct fixture f = {0};
    struct vattr attr;
    char buf[16];
    bool eof;
    static const struct {
        uint64_t offset;
        size_t len, got;
        bool eof;
    } cases[] = {{0, 5, 5, false}, {0, 10, 10, true},        {0, 16, 10, true},
                 {9, 16, 1, true}, {10, 16, 0, true},        {100, 16, 0, true},
                 {0, 0, 0, false}, {INT64_MAX, 16, 0, true}, {UINT64_MAX, 16, 0, true}};

    fixture_begin(&f);
    host_write(f.export, "file", "0123456789");
    struct vnode *vn = fixture_find(&f, "file");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len = cases[i].len;
        memset(&attr, 0, sizeof(attr));
        assert_int_equal(data_read(&f.ctx, vn, cases[i].offset, buf, &len, &eof, &attr), 0);
        assert_int_equal(len, cases[i].got);
        assert_int_equal(eof, cases[i].eof);
        assert_int_equal(attr.size, 10);
    }
    vnode_put(vn);
    fixture_unmount(&f);
}

/* Puts a file out of the page cache. False: it stays. */
static bool evict(int fd, size_t size)
{
    unsigned char there[16] = {1};
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

    assert_true(map != MAP_FAILED && size <= sizeof(there) * 4096);
    for (int i = 0; i < 500 && memchr(there, 1, sizeof(there)) != NULL; i++) {
        if (i > 0)
            host_sleep_ms(1); /* somebody else has a page in his hands */
        memset(there, 0, sizeof(there));
        assert_int_equal(fsync(fd), 0);
        assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
        assert_int_equal(mincore(map, size, there), 0);
        for (size_t j = 0; j < sizeof(there); j++)
            there[j] &= 1;
    }
    munmap(map, size);
    return memchr(there, 1, sizeof(there)) == NULL;
}

/* read() can say so, splice() can't. */
TEST(a_splice_that_would_sleep_is_left_to_read)
{
    struct fixture f = {0};
    struct vattr attr;
    int ends[2];
    static char buf[65536];
    bool eof;
    /* To the middle, just to the end, beyond it. */
    static const size_t lens[] = {20000, 40000, 40001, 40960, 65536};

    fixture_begin_in(&f, "/var/tmp"); /* /tmp may be a tmpfs */
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    host_write_pattern(f.export, "file", 40000);
    struct vnode *vn = fixture_find(&f, "file");
    int fd = open(host_path(f.export, "file").text, O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        size_t len;
        int err = 0;
        /* Asking has the page read, and a fast disk may have done so before the answer. */
        for (int j = 0; j < 20 && err == 0; j++) {
            if (!evict(fd, 40000))
                test_skip("/var/tmp is in memory");
            len = lens[i];
            err = data_splice(&f.ctx, vn, 0, ends[1], 65536, &len, &eof, &attr);
            if (err == 0)
                assert_int_equal(read(ends[0], buf, sizeof(buf)), len);
        }
        assert_int_equal(err, EOPNOTSUPP);
        assert_int_equal(read(ends[0], buf, sizeof(buf)), -1);
        len = lens[i];
        assert_int_equal(data_read(&f.ctx, vn, 0, buf, &len, &eof, &attr), 0);
        size_t again = lens[i];
        assert_int_equal(data_splice(&f.ctx, vn, 0, ends[1], 65536, &again, &eof, &attr), 0);
        assert_int_equal(again, len);
        assert_int_equal(read(ends[0], buf, sizeof(buf)), len);
    }
    close(fd);
    close(ends[0]);
    close(ends[1]);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(a_write_beyond_all_files_is_too_big)
{
    struct fixture f = {0};
    struct vnode *vn;
    struct vchange change = {.has_before = false};
    enum vstable stable = VSTABLE_UNSTABLE;
    size_t len = 1;

    fixture_begin(&f);
    assert_int_equal(fixture_create(&f, f.root, "file", 0644, &vn), 0);
    assert_int_equal(data_write(&f.ctx, vn, UINT64_MAX, "x", &len, &stable, &change), EFBIG);
    assert_int_equal(data_write(&f.ctx, vn, INT64_MAX, "x", &len, &stable, &change), EFBIG);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(what_the_host_appends_is_read_at_once)
{
    struct fixture f = {0};
    char text[4096];

    fixture_begin(&f);
    host_write(f.export, "file", "one");
    struct vnode *vn = fixture_find(&f, "file");
    assert_int_equal(fixture_read(&f, vn, text), 0);
    host_append(f.export, "file", "two");
    assert_int_equal(fixture_read(&f, vn, text), 0);
    assert_string_equal(text, "onetwo");
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(stable_writes_and_commit_reach_the_disk)
{
    struct fixture f = {0};
    struct vnode *vn;
    struct vchange change = {.has_before = false};

    fixture_begin(&f);
    f.ctx.async = false;
    assert_int_equal(fixture_create(&f, f.root, "file", 0644, &vn), 0);
    assert_int_equal(fixture_write(&f, vn, "one", VSTABLE_FILE), 0);
    assert_int_equal(fixture_write(&f, vn, "two", VSTABLE_DATA), 0);
    assert_int_equal(vop_commit(&f.ctx, vn, 0, 0, &change), 0);
    assert_int_equal(fixture_rename(&f, f.root, "file", f.root, "file2"), 0);
    host_expect(f.export, "file2", "two");
    vnode_put(vn);
    assert_int_equal(fixture_remove(&f, f.root, "file2"), 0);
    fixture_unmount(&f);
}

TEST(the_host_may_execute_a_program_after_its_commit)
{
    struct fixture f = {0};
    struct vnode *vn;
    struct vchange change = {.has_before = false};
    static char data[1 << 20];

    fixture_begin(&f);
    FILE *file = fopen("/bin/true", "re");
    size_t size = fread(data, 1, sizeof(data), file);
    fclose(file);
    assert_int_equal(fixture_create(&f, f.root, "true", 0755, &vn), 0);
    enum vstable stable = VSTABLE_UNSTABLE;
    size_t len = size;
    assert_int_equal(data_write(&f.ctx, vn, 0, data, &len, &stable, &change), 0);
    assert_int_equal(len, size);
    memset(&change, 0, sizeof(change));
    assert_int_equal(vop_commit(&f.ctx, vn, 0, 0, &change), 0);
    vnode_put(vn);
    struct host_path path = host_path(f.export, "true");
    pid_t pid = fork();
    if (pid == 0) {
        execl(path.text, "true", (char *)NULL);
        _exit(errno == ETXTBSY ? 3 : 2);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 0);
    fixture_unmount(&f);
}

TEST(attributes_are_set_in_one_go)
{
    struct fixture f = {0};
    struct vnode *vn;
    struct vchange change = {.has_before = false};
    struct vsetattr set = {.set_mode = true,
                           .mode = 0640,
                           .set_size = true,
                           .size = 3,
                           .set_atime = VTIME_GIVEN,
                           .atime = {1000, 5},
                           .set_mtime = VTIME_GIVEN,
                           .mtime = {2000, 6}};

    fixture_begin(&f);
    host_write(f.export, "file", "hello");
    vn = fixture_find(&f, "file");
    assert_int_equal(vop_setattr(&f.ctx, vn, &set, &change), 0);
    assert_int_equal(change.after.mode, 0640);
    assert_int_equal(change.after.size, 3);
    assert_int_equal(change.after.atime.tv_sec, 1000);
    assert_int_equal(change.after.mtime.tv_nsec, 6);
    host_expect(f.export, "file", "hel");
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(a_guarded_change_needs_the_ctime)
{
    struct fixture f = {0};
    struct vchange change = {.has_before = false};
    struct vattr attr = {.type = VNON};
    struct vsetattr set = {.set_mode = true, .mode = 0600, .guarded = true};

    fixture_begin(&f);
    host_write(f.export, "file", "hello");
    struct vnode *vn = fixture_find(&f, "file");
    assert_int_equal(vop_setattr(&f.ctx, vn, &set, &change), VFS_ENOTSYNC);
    assert_int_equal(vop_getattr(&f.ctx, vn, &attr), 0);
    set.guard = attr.ctime;
    assert_int_equal(vop_setattr(&f.ctx, vn, &set, &change), 0);
    assert_int_equal(host_stat(f.export, "file").st_mode & 0777, 0600);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(attributes_of_a_link_are_its_own)
{
    struct fixture f = {0};
    struct vchange change = {.has_before = false};
    struct vsetattr times = {.set_mtime = VTIME_GIVEN, .mtime = {1000, 0}};

    fixture_begin(&f);
    host_write(f.export, "file", "hello");
    host_symlink("file", f.export, "link");
    struct vnode *vn = fixture_find(&f, "link");
    assert_int_equal(vop_setattr(&f.ctx, vn, &times, &change), 0);
    assert_int_equal(host_stat(f.export, "link").st_mtim.tv_sec, 1000);
    assert_true(host_stat(f.export, "file").st_mtim.tv_sec > 1000);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(idle_descriptors_are_closed)
{
    struct fixture f = {0};
    struct vnode *vn;
    char text[4096];

    fixture_begin(&f);
    host_write(f.export, "file", "hello");
    vnode_put(fixture_find(&f, "file")); /* opens the root, which stays open */
    int before = fixture_open_fds();
    vn = fixture_find(&f, "file");
    assert_int_equal(fixture_read(&f, vn, text), 0);
    vnode_put(vn);
    for (int i = 0; i < 3; i++)
        vfs_tick();
    assert_true(fixture_open_fds() <= before);
    fixture_unmount(&f);
}

TEST(the_size_of_the_file_system_is_the_hosts)
{
    struct fixture f = {0};
    struct vstatfs st;
    struct vpathconf pc;

    fixture_begin(&f);
    assert_int_equal(vop_statfs(&f.ctx, f.root, &st), 0);
    assert_true(st.total_bytes > 0 && st.avail_bytes <= st.free_bytes);
    assert_int_equal(vop_pathconf(&f.ctx, f.root, &pc), 0);
    assert_int_equal(pc.name_max, 255);
    assert_true(pc.link_max > 1000 && pc.case_preserving && !pc.case_insensitive);
    fixture_unmount(&f);
}
