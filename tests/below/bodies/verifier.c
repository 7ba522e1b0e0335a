/*
 * verifier.c - exclusive creates that are sent again, at once and after a restart, with verifiers
 * of every kind; and the verifier of unstable writes, which changes only where data were lost.
 */
#include "tests/conformance/wire.h"
/* After it, since the suite has words of the same names. */
#include "tests/below/hands.h"
#include <stdio.h>

static const uint8_t verifiers[][8] = {
    {1, 1, 1, 1, 1, 1, 1, 1},
    {0x80, 0, 0, 1, 0x80, 0, 0, 9},
    {1, 0, 0, 0x80, 9, 0, 0, 0x80},
    {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
    {0, 0, 0, 0, 0, 0, 0, 0},
    {7, 0, 0, 0, 0xf3, 0xff, 0xff, 0xff},
    {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf1},
};
#define VERIFIERS (sizeof(verifiers) / sizeof(verifiers[0]))

static int exclusive(const char *name, const uint8_t verifier[8], struct object *out)
{
    struct vcreate how = {.mode = VCREATE_EXCLUSIVE};

    memcpy(how.verifier, verifier, 8);
    return t_create_how(here, name, &how, out);
}

BODY(exclusive_again_is_the_same_file_for_every_verifier, PLAIN)
{
    struct object made, again;
    char name[16];

    for (unsigned i = 0; i < VERIFIERS; i++) {
        snprintf(name, sizeof(name), "file-%u", i);
        expect_ok(exclusive(name, verifiers[i], &made));
        expect_ok(exclusive(name, verifiers[i], &again));
        expect_same(made, again);
        for (unsigned j = 0; j < VERIFIERS; j++)
            if (j != i)
                expect_error(exclusive(name, verifiers[j], &again), EEXIST);
    }
}

BODY(exclusive_again_after_a_restart_is_the_same_file, PLAIN | RESTART | STABLE)
{
    struct object made[VERIFIERS], again;
    char name[16];

    for (unsigned i = 0; i < VERIFIERS; i++) {
        snprintf(name, sizeof(name), "file-%u", i);
        expect_ok(exclusive(name, verifiers[i], &made[i]));
    }
    restart();
    for (unsigned i = 0; i < VERIFIERS; i++) {
        snprintf(name, sizeof(name), "file-%u", i);
        expect_error(exclusive(name, verifiers[(i + 1) % VERIFIERS], &again), EEXIST);
        expect_ok(exclusive(name, verifiers[i], &again));
        expect_same(made[i], again);
    }
}

static uint64_t write_verifier(struct object file)
{
    struct fh fh = wire_fh(&file);
    struct nfs3_write written;

    expect_ok(wire_error(ask_write(&wire_client, &fh, 0, "text", 4, S_UNSTABLE, &written)));
    return written.verifier;
}

static uint64_t commit_verifier(struct object file)
{
    struct fh fh = wire_fh(&file);
    uint64_t verifier = 0;

    expect_ok(wire_error(ask_commit(&wire_client, &fh, 0, 0, &verifier, NULL)));
    return verifier;
}

BODY(writes_and_commits_have_one_verifier_until_a_restart, PLAIN | RESTART | STABLE)
{
    if (driver != &driver_wire)
        return;
    struct object one = make_file(here, "one", ""), other = make_file(here, "other", "");
    uint64_t verifier = write_verifier(one);
    expect_number(write_verifier(other), verifier);
    expect_number(commit_verifier(one), verifier);
    expect_error(t_write(one, (uint64_t)INT64_MAX - 2, "text", 4), EFBIG, EINVAL, ENOSPC);
    expect_number(commit_verifier(other), verifier);
    restart();
    expect(write_verifier(one) != verifier);
}
