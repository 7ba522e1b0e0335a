/*
 * wcc.c - `before` attributes of directories: who waits for one answer gets them, where the server
 * can be certain; who has more calls under way does not.
 */
#include "tests/wire/wire.h"
#include <linux/magic.h>
#include <sys/vfs.h>
#include <time.h>

#define XFS_MAGIC 0x58465342

/* Whether hostfs can be certain in this directory: tests/fs/hostfs_wcc.c. */
static bool can_be_certain(const char *dir)
{
    struct statfs fs;
    struct timespec clock, again;
    struct stat st;

    assert_int_equal(statfs(dir, &fs), 0);
    if (fs.f_type != TMPFS_MAGIC && fs.f_type != EXT4_SUPER_MAGIC && fs.f_type != XFS_MAGIC)
        return false;
    do {
        host_stat(dir, NULL);
        clock_gettime(CLOCK_REALTIME_COARSE, &clock);
        host_write(dir, "probe", "");
        clock_gettime(CLOCK_REALTIME_COARSE, &again);
        st = host_stat(dir, NULL);
        host_unlink(dir, "probe");
    } while (clock.tv_sec != again.tv_sec || clock.tv_nsec != again.tv_nsec);
    return st.st_ctim.tv_sec > clock.tv_sec || st.st_ctim.tv_nsec > clock.tv_nsec;
}

static bool is_time(struct nfs_time time, struct timespec host)
{
    return (uint32_t)host.tv_sec == time.sec && (uint32_t)host.tv_nsec == time.nsec;
}

static void put_remove(struct mounted *m, struct bytes *stream)
{
    struct bytes *b = nfs3_begin(&m->client, 12);
    put_fh(b, &m->root);
    put_string(b, "file");
    client_put_record(stream, &m->client.call);
}

/* Sends `count` REMOVEs of one file in one write; how many said what the directory was before. */
static int removed_with_before(struct mounted *m, int count)
{
    struct bytes stream = {0};
    struct reply reply;
    struct wcc wcc;
    int given = 0;

    host_write(m->dir, "file", "");
    struct stat was = host_stat(m->dir, NULL);
    for (int i = 0; i < count; i++)
        put_remove(m, &stream);
    assert_true(client_send_raw(&m->client, stream.data, stream.len));
    for (int i = 0; i < count; i++) {
        assert_true(client_receive(&m->client, &reply));
        get_u32(&reply.results);
        get_wcc(&reply.results, &wcc);
        given += wcc.has_before;
        if (wcc.has_before && count == 1) {
            assert_true(is_time(wcc.before_ctime, was.st_ctim));
            assert_true(is_time(wcc.before_mtime, was.st_mtim));
            assert_int_equal(wcc.before_size, was.st_size);
        }
    }
    bytes_free(&stream);
    return given;
}

TEST(who_waits_for_a_change_learns_what_the_directory_was_before)
{
    struct mounted m;
    int given = 0;

    mounted_begin(&m);
    bool can = can_be_certain(m.dir);
    for (int i = 0; i < 100; i++)
        given += removed_with_before(&m, 1);
    assert_int_equal(given > 50, can);
    assert_true(can || given == 0);
    mounted_end(&m);
}

/* The first removes the file, the last has nothing to remove. */
TEST(who_has_more_calls_under_way_is_not_told_what_the_directory_was_before)
{
    struct mounted m;

    mounted_begin(&m);
    for (int i = 0; i < 100; i++)
        assert_int_equal(removed_with_before(&m, 3), 0);
    mounted_end(&m);
}
