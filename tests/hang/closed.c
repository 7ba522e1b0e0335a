/*
 * closed.c - a FUSE file system that tells of lost writes when a file is closed, as those do that
 * write to somewhere else: nothing of that is lost on the way to the client.
 */
#include "tests/hang/fixture.h"
#include <errno.h>
#include <signal.h>

static uint64_t write_unstable(struct hang *h, const struct fh *fh)
{
    struct nfs3_write done;

    expect_ok(ask_write(&h->m.client, fh, 0, "data", 4, S_UNSTABLE, &done));
    return done.verifier;
}

TEST(an_error_that_a_close_tells_is_told_by_commit_and_changes_the_verifier)
{
    static const int errors[] = {EIO, ENOSPC, EDQUOT, EROFS, EACCES, ETIMEDOUT};
    struct hang h;
    struct fh fh;
    uint64_t now;

    hang_prepare(&h);
    hang_begin(&h);
    expect_ok(ask_lookup(&h.m.client, &h.root, "f0", &fh, NULL, NULL));
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        uint64_t before = write_unstable(&h, &fh);
        h.fuse->close_error = errors[i];
        assert_int_not_equal(ask_commit(&h.m.client, &fh, 0, 0, &now, NULL), NFS_OK);
        for (uint32_t stable = S_DATA_SYNC; stable <= S_FILE_SYNC; stable++)
            assert_int_not_equal(ask_write(&h.m.client, &fh, 0, "x", 1, stable, NULL), NFS_OK);
        h.fuse->close_error = 0;
        uint64_t after = write_unstable(&h, &fh);
        assert_true(after != before);
        expect_ok(ask_commit(&h.m.client, &fh, 0, 0, &now, NULL));
        assert_true(now == after);
    }
    hang_end(&h);
}

/* Nobody commits: the server's own flush meets the error, before it lets go of the file. */
TEST(an_error_that_a_close_tells_before_the_export_ends_changes_the_verifier)
{
    struct hang h;
    struct fh fh;
    uint64_t now;

    hang_prepare(&h);
    hang_begin(&h);
    expect_ok(ask_lookup(&h.m.client, &h.root, "f0", &fh, NULL, NULL));
    uint64_t before = write_unstable(&h, &fh);
    h.fuse->close_error = EIO;
    kill(h.m.server.pid, SIGHUP);
    assert_true(server_log_waits_for(&h.m.server, "exports reloaded", 30000));
    uint32_t status = ask_commit(&h.m.client, &fh, 0, 0, &now, NULL);
    assert_true(status != NFS_OK || now != before);
    h.fuse->close_error = 0;
    uint64_t after = write_unstable(&h, &fh);
    assert_true(after != before);
    hang_end(&h);
}
