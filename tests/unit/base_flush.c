/*
 * base_flush.c - the one way to flush: what it says of what can't be flushed, and of what is lost.
 */
#include "base/flush.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

TEST(only_what_has_no_flush_may_say_that_it_has_none)
{
    struct flush_state file = {0};
    _Atomic uint64_t verifier = 7;
    int fds[2];

    /* A pipe has no fsync(): it says EINVAL, as a broken disk might. */
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(flush_file(&file, fds[1], 0, &verifier), EINVAL);
    assert_int_equal(flush_file(&file, fds[1], FLUSH_NOTHING, &verifier), 0);
    assert_int_equal(flush_file(&file, fds[1], flush_how_of(fds[1]), &verifier), 0);
    assert_int_equal(flush_file(&file, -1, FLUSH_NOTHING, &verifier), EBADF);
    close(fds[0]);
    close(fds[1]);
    char path[] = "/tmp/loopnfs-flush-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(flush_how_of(fd), 0);
    assert_int_equal(flush_file(&file, fd, FLUSH_AT_CLOSE, &verifier), 0);
    unlink(path);
    close(fd);
}

TEST(a_failed_flush_renews_the_verifier_where_unstable_data_was_lost)
{
    struct flush_state file = {0};
    _Atomic uint64_t verifier = 7;

    /* Nothing was written: nothing is lost. */
    assert_int_equal(flush_file(&file, -1, 0, &verifier), EBADF);
    assert_int_equal(verifier, 7);
    flush_write_begins(&file);
    assert_true(flush_is_due(&file));
    assert_int_equal(flush_file(&file, -1, 0, &verifier), EBADF);
    assert_int_not_equal(verifier, 7);
    assert_false(flush_is_due(&file));
    /* It is told once: nobody's data is lost twice. */
    uint64_t renewed = verifier;
    assert_int_equal(flush_file(&file, -1, 0, &verifier), EBADF);
    assert_int_equal(verifier, renewed);
}

TEST(the_write_verifier_is_another_after_each_renewal)
{
    _Atomic uint64_t verifier = flush_verifier_fresh(0);
    uint64_t seen[4];

    for (int i = 0; i < 4; i++) {
        seen[i] = verifier;
        for (int j = 0; j < i; j++)
            assert_int_not_equal(seen[i], seen[j]);
        flush_verifier_renew(&verifier);
    }
}
