/*
 * exports_check.c - tests of `--check`: that it finds what mounting would refuse, mounts nothing,
 * and says the same.
 */
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "tests/unit/exports_fixture.h"
#include "vfs/vnode_table.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int load(const char *spec, bool check_only)
{
    const char *specs[] = {fixture_text(spec)};
    const struct exports_source source = {
        .specs = specs, .nspecs = 1, .state_dir = fixture_dir(), .check_only = check_only};

    return exports_load(&source, fixture_message, sizeof(fixture_message));
}

/* Without a vnode table, so that nothing can be mounted. */
static void check_refuses(const char *spec, int err, const char *message)
{
    assert_int_equal(load(spec, true), err);
    test_note("%s", fixture_message);
    assert_non_null(strstr(fixture_message, fixture_text(message)));
}

TEST(a_check_tries_the_values_of_file_systems_options)
{
    check_refuses("/m,fs=memfs,size=banana", EINVAL,
                  "--export /m,fs=memfs,size=banana: can't serve /m from memfs: size=banana: "
                  "size= takes bytes");
    check_refuses("/m,fs=memfs,mode=9", EINVAL, "mode=9: mode= takes an octal mode");
    check_refuses("/s,fs=srvfs,posts=0", EINVAL,
                  "can't serve /s from srvfs: posts=0: posts= takes a number from 1 to 1048576");
    check_refuses("/s,fs=srvfs,mode=77777", EINVAL, "takes a number from 0 to 7777, in octal");
    assert_int_equal(load("/m,fs=memfs,size=1m,inodes=10", true), 0);
    assert_int_equal(load("/s,fs=srvfs,posts=10", true), 0);
}

TEST(a_mount_that_is_refused_says_the_same_as_a_check)
{
    char checked[sizeof(fixture_message)];
    const char *specs[] = {"/m,fs=memfs,size=banana", "/s,fs=srvfs,window=1",
                           "/e,fs=etfs,source=$D/keys", "/e,fs=etfs,source=keys"};

    assert_int_equal(vnode_table_init(1000, 100), 0);
    host_write(fixture_dir(), "keys", "/key /no/such/file\n");
    for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
        int err = load(specs[i], true);
        assert_int_not_equal(err, 0);
        strcpy(checked, fixture_message);
        assert_int_equal(load(specs[i], false), err);
        assert_string_equal(fixture_message, checked);
    }
    vnode_table_finish();
}

TEST(a_check_reads_a_table_of_keys_and_opens_no_device)
{
    host_write(fixture_dir(), "host", "something");
    host_write(fixture_dir(), "keys", fixture_text("/one $D/host ro\n/null /dev/null type=chr\n"));
    assert_int_equal(load("/e,fs=etfs,source=$D/keys", true), 0);
    host_append(fixture_dir(), "keys", fixture_text("/one $D/host\n"));
    check_refuses("/e,fs=etfs,source=$D/keys", EEXIST,
                  "can't serve /e from etfs $D/keys: $D/keys:3: ");
    host_write(fixture_dir(), "keys", fixture_text("/one $D/host offset=100\n"));
    check_refuses("/e,fs=etfs,source=$D/keys", EINVAL,
                  "$D/keys:1: $D/host: the window ends beyond");
    check_refuses("/e,fs=etfs,source=$D/none", ENOENT, "$D/none: No such file");

    /* A terminal that was not unlocked can't be opened (EIO). */
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0);
    char line[200];
    snprintf(line, sizeof(line), "/tty %s type=chr\n", ptsname(master));
    host_write(fixture_dir(), "keys", line);
    assert_int_equal(load("/e,fs=etfs,source=$D/keys", true), 0);
    close(master);
}
