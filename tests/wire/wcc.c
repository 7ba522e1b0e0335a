/*
 * wcc.c - `before` attributes of directories: who waits for one answer gets them, where the server
 * can be certain; who has more calls under way does not.
 */
#include "tests/wire/wire.h"
#include <stdio.h>
#include <time.h>

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

/* Makes a file and sends `count` REMOVEs of it in one write; how many said what the directory was
 * before. */
static int removed_with_before(struct mounted *m, int count)
{
    struct bytes stream = {0};
    struct reply reply;
    struct wcc wcc;
    int given = 0;

    make_file(m, "file", "");
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

    mounted_begin(&m);
    bool can = host_changes_have_times(m.dir);
    /* An older kernel's times say it only now and then. */
    for (int i = 0; i < 100; i++)
        assert_in_range(removed_with_before(&m, 1), can, 1);
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

/* As rm -r does it. In tmpfs most of these leave the directory's ctime as it is. */
TEST(who_removes_one_file_after_the_other_learns_what_the_directory_was_before_each)
{
    struct mounted m;
    struct reply reply;
    struct wcc wcc;
    char name[16];
    int given = 0;

    server_prepare(&m.server, "/dev/shm");
    mounted_begin_prepared(&m);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "f-%d", i);
        make_file(&m, name, "");
    }
    for (int i = 0; i < 200; i++) {
        struct bytes *b = nfs3_begin(&m.client, 12);
        snprintf(name, sizeof(name), "f-%d", i);
        put_fh(b, &m.root);
        put_string(b, name);
        client_send(&m.client);
        assert_true(client_receive(&m.client, &reply));
        expect_ok(get_u32(&reply.results));
        get_wcc(&reply.results, &wcc);
        given += wcc.has_before;
    }
    assert_int_equal(given, 200);
    mounted_end(&m);
}
