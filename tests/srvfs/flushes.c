/*
 * flushes.c - a posted file whose flush fails: who asked is told, and by the verifier all who wrote
 * what it may have lost. The server runs with tests/fault.
 */
#include "tests/lib/fault.h"
#include "tests/srvfs/scene.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static struct fh begin_with_file(struct scene *s)
{
    scene_prepare(s, "");
    fault_prepare(&s->server);
    scene_start(s);
    fault_over();
    host_write(s->server.home, "posted", "text");
    int fd = open(host_path(s->server.home, "posted").text, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return post(s, "file", fd);
}

static uint64_t write_unstable(struct scene *s, const struct fh *fh)
{
    struct nfs3_write done;

    expect_ok(ask_write(&s->client, fh, 0, "data", 4, S_UNSTABLE, &done));
    assert_int_equal(done.committed, S_UNSTABLE);
    return done.verifier;
}

TEST(every_error_of_a_flush_of_a_posted_file_is_told_whatever_its_number)
{
    struct scene s;
    char rules[100];
    uint64_t now;

    struct fh fh = begin_with_file(&s);
    for (int err = 1; err < 134; err++) {
        const char *name = strerrorname_np(err);
        if (!name)
            continue;
        uint64_t verifier = write_unstable(&s, &fh);
        snprintf(rules, sizeof(rules), "fsync:%s fdatasync:%s", name, name);
        fault_set(&s.server, rules);
        assert_int_not_equal(ask_commit(&s.client, &fh, 0, 0, NULL, NULL), NFS_OK);
        for (uint32_t stable = S_DATA_SYNC; stable <= S_FILE_SYNC; stable++)
            assert_int_not_equal(ask_write(&s.client, &fh, 0, "x", 1, stable, NULL), NFS_OK);
        fault_set(&s.server, "");
        uint64_t after = write_unstable(&s, &fh);
        assert_true(after != verifier);
        expect_ok(ask_commit(&s.client, &fh, 0, 0, &now, NULL));
        assert_true(now == after);
    }
    scene_end(&s);
}

/* The stable write of one has met the error of the other's data, which the kernel tells once. */
TEST(a_flush_that_another_write_asks_for_hides_no_error_of_a_posted_file)
{
    struct scene s;
    uint64_t now;

    struct fh fh = begin_with_file(&s);
    uint64_t before = write_unstable(&s, &fh);
    fault_set(&s.server, "fsync:EIO:1 fdatasync:EIO:1");
    assert_int_not_equal(ask_write(&s.client, &fh, 0, "x", 1, S_DATA_SYNC, NULL), NFS_OK);
    fault_set(&s.server, "");
    expect_ok(ask_commit(&s.client, &fh, 0, 0, &now, NULL));
    assert_true(now != before);
    scene_end(&s);
}
