/*
 * twins.c - NAME.in, the second name of a posted stream, to write to only: whole pages that a
 * client's kernel writes back hold nothing that the stream has said.
 */
#include "tests/srvfs/scene.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TEST(a_stream_has_a_second_name_to_write_to)
{
    struct scene s;
    struct attr attr, twin_attr;
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    struct fh fh = post(&s, "conn", ends[0]);
    say_at(ends[1], "welcome");
    wait_size(&s, &fh, 7);
    struct fh twin = look(&s, "conn.in");
    expect_ok(ask_getattr(&s.client, &fh, &attr));
    expect_ok(ask_getattr(&s.client, &twin, &twin_attr));
    assert_int_equal(attr.size, 7);
    assert_int_equal(twin_attr.size, 0);
    assert_int_equal(twin_attr.mode, attr.mode & 0222);
    assert_int_equal(twin_attr.uid, attr.uid);
    assert_int_not_equal(twin_attr.fileid, attr.fileid);
    expect_read(&s, &twin, 0, "");
    write_all(&s, &twin, 0, "user ");
    expect_read(&s, &twin, 0, "");
    write_all(&s, &twin, 5, "root\n");
    assert_int_equal(size_of(&s, &twin), 0);
    expect_arrives(ends[1], "user root\n");
    test_note("each open begins a message, also without a truncation");
    write_all(&s, &twin, 0, "user root\n");
    expect_arrives(ends[1], "user root\n");
    scene_end(&s);
}

TEST(a_kernel_that_writes_whole_pages_sends_nothing_back_by_the_second_name)
{
    struct scene s;
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    struct fh fh = post(&s, "conn", ends[0]);
    say_at(ends[1], "what is it that you want to know? ");
    wait_size(&s, &fh, 20);
    struct fh twin = look(&s, "conn.in");
    test_note("the page is read before a part of it is written, and written whole, twice");
    expect_read(&s, &twin, 0, "");
    write_all(&s, &twin, 0, "one ");
    write_all(&s, &twin, 0, "one two ");
    expect_arrives(ends[1], "one two ");
    test_note("its beginning was never filled after the attributes were asked for again");
    struct nfs3_write result;
    expect_ok(ask_write(&s.client, &twin, 0, "\0\0\0\0\0\0\0\0three", 13, S_UNSTABLE, &result));
    assert_int_equal(result.count, 13);
    expect_arrives(ends[1], "three");
    test_note("a truncation ends it");
    struct sattr cut = {.set_size = true};
    expect_ok(ask_setattr(&s.client, &twin, &cut, NULL, NULL));
    write_all(&s, &twin, 0, "one ");
    expect_arrives(ends[1], "one ");
    scene_end(&s);
}

TEST(writers_by_both_names_do_not_take_each_other_for_a_continuation)
{
    struct scene s;
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    struct fh fh = post(&s, "conn", ends[0]);
    struct fh twin = look(&s, "conn.in");
    write_all(&s, &fh, 0, "ab");
    write_all(&s, &twin, 0, "abc");
    write_all(&s, &fh, 0, "abcd");
    expect_arrives(ends[1], "ababcabcd");
    scene_end(&s);
}

TEST(only_what_takes_bytes_as_a_stream_has_a_second_name)
{
    struct scene s;
    int ends[2], file;

    scene_begin(&s);
    expect_ok(ask_create(&s.client, &s.root, "empty", H_GUARDED, NULL, NULL, NULL));
    assert_int_equal(pipe(ends), 0);
    post(&s, "reads", ends[0]);
    post(&s, "writes", ends[1]);
    file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    post(&s, "file", file);
    expect_status(ask_lookup(&s.client, &s.root, "empty.in", NULL, NULL, NULL), NFS_NOENT);
    expect_status(ask_lookup(&s.client, &s.root, "reads.in", NULL, NULL, NULL), NFS_NOENT);
    expect_status(ask_lookup(&s.client, &s.root, "file.in", NULL, NULL, NULL), NFS_NOENT);
    expect_status(ask_lookup(&s.client, &s.root, ".in", NULL, NULL, NULL), NFS_NOENT);
    look(&s, "writes.in");
    scene_end(&s);
}

TEST(a_second_name_can_not_be_removed_moved_or_changed_by_itself)
{
    struct scene s;
    struct sattr mode = {.set_mode = true, .mode = 0666};
    struct attr attr;
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    post(&s, "conn", ends[0]);
    struct fh twin = look(&s, "conn.in"), again;
    struct made made = {0};
    expect_status(ask_remove(&s.client, &s.root, "conn.in", NULL), NFS_PERM);
    expect_status(ask_rename(&s.client, &s.root, "conn.in", &s.root, "x", NULL, NULL), NFS_PERM);
    expect_status(ask_setattr(&s.client, &twin, &mode, NULL, NULL), NFS_PERM);
    expect_status(ask_create(&s.client, &s.root, "conn.in", H_GUARDED, NULL, NULL, NULL),
                  NFS_EXIST);
    expect_ok(ask_create(&s.client, &s.root, "conn.in", H_UNCHECKED, NULL, NULL, &made));
    again = made.fh;
    assert_int_equal(again.len, twin.len);
    assert_memory_equal(again.data, twin.data, twin.len);
    test_note("it goes where the stream goes");
    expect_ok(ask_rename(&s.client, &s.root, "conn", &s.root, "moved", NULL, NULL));
    expect_status(ask_lookup(&s.client, &s.root, "conn.in", NULL, NULL, NULL), NFS_NOENT);
    again = look(&s, "moved.in");
    assert_memory_equal(again.data, twin.data, twin.len);
    expect_ok(ask_remove(&s.client, &s.root, "moved", NULL));
    expect_status(ask_lookup(&s.client, &s.root, "moved.in", NULL, NULL, NULL), NFS_NOENT);
    assert_true(waits_for_close(ends[1], 20000));
    expect_status(ask_getattr(&s.client, &twin, &attr), NFS_STALE);
    scene_end(&s);
}

TEST(a_post_of_that_name_hides_a_streams_second_name)
{
    struct scene s;
    struct listing listing = {0};
    int ends[2], others[2];

    scene_begin(&s);
    pair_make(ends);
    pair_make(others);
    post(&s, "conn", ends[0]);
    struct fh fh = post(&s, "conn.in", others[0]);
    write_all(&s, &fh, 0, "to the other");
    expect_arrives(others[1], "to the other");
    look(&s, "conn.in.in");
    expect_ok(ask_readdir_all(&s.client, &s.root, 4096, true, &listing));
    assert_int_equal(listing.count, 5); /* `.`, `..`, conn, conn.in, conn.in.in */
    listing_free(&listing);
    scene_end(&s);
}

/* Listed from each position, what follows is what a whole listing has there. */
TEST(a_listing_of_streams_goes_on_from_every_position)
{
    struct scene s;
    struct listing whole = {0}, rest = {0};
    int ends[2];
    char name[16];

    scene_begin(&s);
    pair_make(ends);
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof(name), "post%d", i);
        assert_int_equal(TELL(&s, geteuid(), ends[0], "post", name).error, 0);
        snprintf(name, sizeof(name), "empty%d", i);
        expect_ok(ask_create(&s.client, &s.root, name, H_GUARDED, NULL, NULL, NULL));
    }
    expect_ok(ask_readdir(&s.client, &s.root, 0, 0, 32768, &whole));
    assert_true(whole.eof);
    assert_int_equal(whole.count, 2 + 5 * 3);
    for (size_t at = 0; at < whole.count; at++) {
        expect_ok(
            ask_readdir(&s.client, &s.root, whole.list[at].cookie, whole.verifier, 32768, &rest));
        assert_int_equal(rest.count, whole.count - at - 1);
        for (size_t i = 0; i < rest.count; i++) {
            assert_string_equal(rest.list[i].name, whole.list[at + 1 + i].name);
            assert_int_equal(rest.list[i].fileid, whole.list[at + 1 + i].fileid);
        }
    }
    listing_free(&whole);
    listing_free(&rest);
    close(ends[0]);
    close(ends[1]);
    scene_end(&s);
}

TEST(who_may_not_write_to_a_stream_may_not_by_its_second_name)
{
    struct scene s;
    struct nfs3_write result;
    uint32_t granted;
    int ends[2];

    scene_needs_root();
    scene_begin(&s);
    pair_make(ends);
    post(&s, "conn", ends[0]);
    struct fh twin = look(&s, "conn.in");
    s.client.who = caller_uid(STRANGER, STRANGER);
    expect_status(ask_write(&s.client, &twin, 0, "x", 1, S_UNSTABLE, &result), NFS_ACCES);
    expect_ok(ask_access(&s.client, &twin, 0x3f, &granted, NULL));
    assert_int_equal(granted, 0);
    struct sattr cut = {.set_size = true};
    expect_status(ask_setattr(&s.client, &twin, &cut, NULL, NULL), NFS_ACCES);
    s.client.who = caller_uid(0, 0);
    struct sattr mode = {.set_mode = true, .mode = 0666};
    struct fh fh = look(&s, "conn");
    expect_ok(ask_setattr(&s.client, &fh, &mode, NULL, NULL));
    s.client.who = caller_uid(STRANGER, STRANGER);
    expect_ok(ask_write(&s.client, &twin, 0, "x", 1, S_UNSTABLE, &result));
    expect_ok(ask_access(&s.client, &twin, 0x3f, &granted, NULL));
    assert_int_equal(granted & 0x01, 0); /* ACCESS3_READ */
    assert_int_equal(granted & 0x0c, 0x0c);
    expect_arrives(ends[1], "x");
    scene_end(&s);
}
