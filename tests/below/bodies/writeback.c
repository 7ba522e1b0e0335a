/*
 * writeback.c - a disk that fails at write-back: what a COMMIT says is there with the verifier of
 * the WRITE is there after a new mount, whatever call met the error before. Over the wire, on file
 * systems with a disk of their own.
 */
#include "tests/conformance/wire.h"
/* After it, since the suite has words of the same names. */
#include "tests/below/hands.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SIZE (512u << 10)

static bool has_disk(void)
{
    return driver == &driver_wire && access("/run/below/disk", F_OK) == 0;
}

static void expect_no_stable_write(struct object file)
{
    struct fh fh = wire_fh(&file);
    struct nfs3_write written;

    if (ask_write(&wire_client, &fh, SIZE, "more", 4, S_FILE_SYNC, &written) == 0)
        fail("a write is said to be stable on a disk that is gone");
}

static uint64_t write_all(struct object file)
{
    struct fh fh = wire_fh(&file);
    struct nfs3_write written = {.verifier = 0};
    unsigned char *buf = malloc(SIZE);

    expect(buf != NULL);
    fill_pattern(buf, 0, SIZE);
    expect_ok(wire_error(ask_write(&wire_client, &fh, 0, buf, SIZE, S_UNSTABLE, &written)));
    expect_number(written.count, SIZE);
    free(buf);
    return written.verifier;
}

/* The whole of it is there. */
static void expect_all(struct object file)
{
    unsigned char *buf = malloc(SIZE);
    size_t len = SIZE;

    expect(buf != NULL);
    expect_ok(t_read(file, 0, buf, &len, NULL));
    expect_number(len, SIZE);
    for (size_t i = 0; i < SIZE; i++)
        if (buf[i] != pattern(i))
            fail("an acknowledged byte, at %zu, is lost", i);
    free(buf);
}

enum between { NOTHING_ELSE, A_SETATTR, A_LINK, ANOTHER_COMMIT };

/* how: what becomes of the disk, a request of inside.sh. */
static void lose_and_commit(const char *how, enum between what)
{
    if (!has_disk())
        return;
    struct object other = make_file(here, "other", "other"), file = make_file(here, "file", "");
    expect_ok(driver->commit(&other, 0, 0));
    hands("settle");
    uint64_t written = write_all(file), said = 0;
    struct fh fh = wire_fh(&file);
    hands(how);
    hands("flush");
    /* Each of these may fail, and may be who is told of the error. */
    if (what == A_SETATTR)
        (void)t_chmod(file, 0600);
    else if (what == A_LINK)
        (void)t_link(file, here, "link");
    else if (what == ANOTHER_COMMIT)
        (void)driver->commit(&other, 0, 0);
    int err = wire_error(ask_commit(&wire_client, &fh, 0, 0, &said, NULL));
    if (strcmp(how, "break") != 0)
        expect_no_stable_write(file);
    else
        hands("mend");
    if (err == 0 && said == written) {
        driver->restart(mount_again);
        expect_all(file);
    }
    /* What is left of the file system may be of no use. */
    driver->restart(mount_other);
}

BODY(a_commit_after_a_lost_write_back_does_not_say_all_is_well, PLAIN | RESTART | STABLE)
{
    lose_and_commit("break", NOTHING_ELSE);
}

BODY(a_setattr_that_meets_the_error_keeps_it_for_the_commit, PLAIN | RESTART | STABLE)
{
    lose_and_commit("break", A_SETATTR);
}

BODY(a_link_that_meets_the_error_keeps_it_for_the_commit, PLAIN | LINKS | RESTART | STABLE)
{
    lose_and_commit("break", A_LINK);
}

BODY(the_commit_of_another_file_keeps_the_error_for_the_commit, PLAIN | RESTART | STABLE)
{
    lose_and_commit("break", ANOTHER_COMMIT);
}

BODY(a_disk_that_is_pulled_out_is_told, PLAIN | RESTART | STABLE)
{
    lose_and_commit("pull", NOTHING_ELSE);
}

BODY(a_setattr_after_the_disk_was_pulled_out_keeps_the_error, PLAIN | RESTART | STABLE)
{
    lose_and_commit("pull", A_SETATTR);
}

/* ext4 says EROFS then, XFS EIO. */
BODY(a_file_system_that_the_kernel_gave_up_is_told, PLAIN | RESTART | STABLE)
{
    lose_and_commit("stop", NOTHING_ELSE);
}

BODY(a_setattr_after_the_kernel_gave_it_up_keeps_the_error, PLAIN | RESTART | STABLE)
{
    lose_and_commit("stop", A_SETATTR);
}
