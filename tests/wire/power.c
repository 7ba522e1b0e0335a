/*
 * power.c - a host that loses its power: what was acknowledged is there, and nothing is half-made.
 *
 * The export and the state directory are two ext4 on loop devices. What is in a device's image file
 * has been written by the kernel; all else is lost with the power. So a copy of the image, mounted
 * instead of it, is the disk after a power cut. Which of the two disks has written what it has in
 * memory at that moment is chance: the tests try each, and each moment of a call (tests/fault).
 */
#include "tests/lib/fault.h"
#include "tests/lib/image.h"
#include "tests/wire/wire.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#define POINTS_MAX 200
#define OWNER      12345
#define MADE_AT    1000000000

enum making { GUARDED, EXCLUSIVE, FIFO, DIRECTORY };

/* --- the two disks --- */

static void mount_disk(const struct server *server, const char *name, const char *at)
{
    /* The kernel writes a journal by itself only after minutes: not within the test. Without one
     * that takes half a minute, and there is no such option. */
    if (image_run("cd %1$s/disks && { mount -o loop,commit=900,nodiscard %2$s %3$s 2> /dev/null || "
                  "mount -o loop,nodiscard %2$s %3$s; }",
                  server->home, name, at) != 0)
        test_skip("no ext4 on a loop device here");
}

static void make_disk(const struct server *server, const char *name, const char *at,
                      const char *mkfs)
{
    assert_int_equal(image_run("truncate -s 8M %1$s/disks/%2$s && %3$s -q -F -E "
                               "lazy_itable_init=0,nodiscard %1$s/disks/%2$s > /dev/null 2>&1",
                               server->home, name, mkfs),
                     0);
    mount_disk(server, name, at);
    assert_int_equal(image_run("rmdir %1$s/lost+found && chmod 0700 %1$s", at), 0);
    host_mounted(at);
}

/* With inodes of 128 bytes times have whole seconds: an exclusive create needs a record. */
#define SMALL_INODES "mkfs.ext4 -I 128"

static void begin_on_disks(struct mounted *m, const char *mkfs)
{
    static char spec[200];

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    server_prepare(&m->server, NULL);
    host_mkdir(m->server.home, "disks", 0700);
    host_mount_tmpfs(host_path(m->server.home, "disks").text, "size=64m");
    make_disk(&m->server, "export", m->server.export_dir, mkfs);
    make_disk(&m->server, "state", m->server.state_dir, "mkfs.ext4");
    m->server.no_plain_export = true;
    snprintf(spec, sizeof(spec), "--export=%s,rw,no_root_squash,insecure", m->server.export_dir);
    server_add_arg(&m->server, spec);
    fault_prepare(&m->server);
    mounted_begin_prepared(m);
    assert_int_equal(image_run("sync -f %s %s", m->server.export_dir, m->server.state_dir), 0);
}

/* The server has been killed. `written`: the disk that has written all it had ("export", "state"),
 * or "" for neither. Afterwards another server runs on what is left. */
static void cut_power(struct mounted *m, const char *written)
{
    const struct server *server = &m->server;

    if (*written)
        assert_int_equal(image_run("sync -f %s/%s", server->home, written), 0);
    assert_int_equal(
        image_run("cd %s/disks && cp export export.cut && cp state state.cut", server->home), 0);
    assert_int_equal(umount2(server->export_dir, 0), 0);
    assert_int_equal(umount2(server->state_dir, 0), 0);
    assert_int_equal(
        image_run("cd %s/disks && mv export.cut export && mv state.cut state", server->home), 0);
    mount_disk(server, "export", server->export_dir);
    mount_disk(server, "state", server->state_dir);
    server_restart(&m->server);
    mounted_reconnect(m);
}

/* --- the calls --- */

static void send_making(struct mounted *m, enum making how)
{
    static const uint32_t procedures[] = {8, 8, 11, 9};
    struct sattr set = {.set_uid = true, .uid = OWNER, .set_gid = true, .gid = OWNER};
    struct bytes *b = nfs3_begin(&m->client, procedures[how]);

    set.set_mode = true;
    set.mode = how == DIRECTORY ? 02751 : 0640;
    put_fh(b, &m->root);
    put_string(b, "x");
    if (how == EXCLUSIVE) {
        put_u32(b, H_EXCLUSIVE);
        put_fixed(b, "verifier", 8);
    } else {
        if (how == GUARDED) {
            put_u32(b, H_GUARDED);
            set.set_mtime = SET_CLIENT_TIME;
            set.mtime.sec = MADE_AT;
            set.set_size = true;
            set.size = 5000;
        } else if (how == FIFO) {
            put_u32(b, 7);
        }
        put_sattr(b, &set);
    }
    client_send(&m->client);
}

static bool made(const struct mounted *m)
{
    return host_exists(m->dir, "x");
}

static void expect_whole(struct mounted *m, enum making how)
{
    struct stat st = host_stat(m->dir, "x");

    if (how == EXCLUSIVE) {
        expect_ok(ask_create(&m->client, &m->root, "x", H_EXCLUSIVE, NULL, "verifier", NULL));
        expect_status(ask_create(&m->client, &m->root, "x", H_EXCLUSIVE, NULL, "Verifier", NULL),
                      NFS_EXIST);
        return;
    }
    assert_int_equal(st.st_uid, OWNER);
    assert_int_equal(st.st_gid, OWNER);
    assert_int_equal(st.st_mode & 07777, how == DIRECTORY ? 02751 : 0640);
    if (how == GUARDED) {
        assert_int_equal(st.st_size, 5000);
        assert_int_equal(st.st_mtime, MADE_AT);
    }
}

static void remove_x(const struct mounted *m)
{
    if (made(m))
        assert_int_equal(image_run("rm -r %s/x", m->dir), 0);
    assert_int_equal(image_run("sync -f %s", m->dir), 0);
}

/* Makes x; the rules hold for that call alone. Whether it was answered. */
static bool make_with(struct mounted *m, enum making how, const char *rules, const char *also)
{
    struct reply reply;

    fault_set(&m->server, rules);
    send_making(m, how);
    bool answered = client_receive(&m->client, &reply);
    fault_set(&m->server, also);
    if (answered)
        expect_ok(get_u32(&reply.results));
    m->server.exit_unchecked = true;
    if (answered)
        server_kill(&m->server);
    else
        assert_int_equal(server_wait(&m->server), 128 + SIGKILL);
    return answered;
}

/* The power goes at each call of the making, while one of the disks has written all. */
static void walk_cuts(struct mounted *m, enum making how, const char *also, const char *written)
{
    char rules[256];
    bool answered = false;
    int point = 1;

    for (; !answered && point < POINTS_MAX; point++) {
        snprintf(rules, sizeof(rules), "%s *:kill:%d", also, point);
        answered = make_with(m, how, rules, also);
        cut_power(m, written);
        if (answered)
            assert_true(made(m));
        if (made(m))
            expect_whole(m, how);
        remove_x(m);
    }
    test_note("the power went at %d system calls", point - 1);
    assert_in_range(point, 5, POINTS_MAX - 1);
    mounted_end(m);
    fault_over();
}

/* The state directory's disk writes what it has at each call of the making, and the power goes
 * after the answer: what is there then are also records that were removed. */
static void walk_records(struct mounted *m, enum making how, const char *also)
{
    char rules[256];
    unsigned calls = 0;

    for (unsigned point = 1; point == 1 || point <= calls; point++) {
        unsigned before = fault_calls(&m->server, NULL);
        snprintf(rules, sizeof(rules), "%s *:sync=%s:%u", also, m->server.state_dir, point);
        assert_true(make_with(m, how, rules, also));
        if (calls == 0)
            calls = fault_calls(&m->server, NULL) - before;
        cut_power(m, "");
        assert_true(made(m));
        expect_whole(m, how);
        remove_x(m);
    }
    test_note("records were written at %u system calls", calls);
    assert_in_range(calls, 5, POINTS_MAX);
    mounted_end(m);
    fault_over();
}

#define NO_NAMELESS "openat_nameless:EOPNOTSUPP"

TEST(a_guarded_create_is_whole_or_not_there_when_the_power_goes_and_the_export_was_written)
{
    struct mounted m;

    begin_on_disks(&m, SMALL_INODES);
    walk_cuts(&m, GUARDED, NO_NAMELESS, "export");
}

TEST(a_guarded_create_is_whole_or_not_there_when_the_power_goes_and_the_state_was_written)
{
    struct mounted m;

    begin_on_disks(&m, SMALL_INODES);
    walk_cuts(&m, GUARDED, NO_NAMELESS, "state");
}

TEST(an_exclusive_create_is_done_or_not_begun_when_the_power_goes_and_the_export_was_written)
{
    struct mounted m;

    begin_on_disks(&m, SMALL_INODES);
    walk_cuts(&m, EXCLUSIVE, "", "export");
}

TEST(an_exclusive_create_without_nameless_files_is_done_or_not_begun_when_the_power_goes)
{
    struct mounted m;

    begin_on_disks(&m, SMALL_INODES);
    walk_cuts(&m, EXCLUSIVE, NO_NAMELESS, "export");
}

TEST(a_mknod_is_whole_or_not_there_when_the_power_goes_and_the_export_was_written)
{
    struct mounted m;

    begin_on_disks(&m, SMALL_INODES);
    walk_cuts(&m, FIFO, "", "export");
}

TEST(a_mkdir_is_whole_or_not_there_when_the_power_goes_and_the_state_was_written)
{
    struct mounted m;

    begin_on_disks(&m, SMALL_INODES);
    walk_cuts(&m, DIRECTORY, "", "state");
}

TEST(a_guarded_create_that_was_answered_outlives_the_power)
{
    struct mounted m;

    begin_on_disks(&m, SMALL_INODES);
    walk_records(&m, GUARDED, NO_NAMELESS);
}

TEST(an_exclusive_create_that_was_answered_outlives_the_power)
{
    struct mounted m;

    begin_on_disks(&m, SMALL_INODES);
    walk_records(&m, EXCLUSIVE, NO_NAMELESS);
}

TEST(a_mknod_that_was_answered_outlives_the_power)
{
    struct mounted m;

    begin_on_disks(&m, SMALL_INODES);
    walk_records(&m, FIFO, "");
}

/* --- names --- */

static void expect_names(const struct mounted *m)
{
    static const char *const there[] = {"new/moved", "new/linked", "kept",       "made/in it",
                                        "link",      "fifo",       "new/dir/..", "new/dir/in it"},
                             *const gone[] = {"old/moving", "removed", "old/gone", "old/dir"};

    for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++)
        if (!host_exists(m->dir, there[i]))
            fail_msg("%s is lost", there[i]);
    for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
        if (host_exists(m->dir, gone[i]))
            fail_msg("%s is back", gone[i]);
}

/* Every change of names was answered; then the power goes. */
static void change_names(struct mounted *m)
{
    struct made made;

    host_mkdir(m->dir, "old", 0777);
    host_mkdir(m->dir, "new", 0777);
    host_mkdir(m->dir, "old/gone", 0777);
    host_mkdir(m->dir, "old/dir", 0777);
    host_write(m->dir, "old/dir/in it", "text");
    host_write(m->dir, "old/moving", "text");
    host_write(m->dir, "removed", "text");
    host_write(m->dir, "kept", "text");
    assert_int_equal(image_run("sync -f %s", m->dir), 0);
    struct fh from = mounted_lookup(m, "old"), to = mounted_lookup(m, "new"),
              kept = mounted_lookup(m, "kept");
    expect_ok(ask_mkdir(&m->client, &m->root, "made", NULL, &made));
    struct fh dir = made.fh;
    expect_ok(ask_create(&m->client, &dir, "in it", H_UNCHECKED, NULL, NULL, &made));
    expect_ok(ask_symlink(&m->client, &m->root, "link", "target", NULL, &made));
    expect_ok(ask_link(&m->client, &kept, &to, "linked", NULL, NULL));
    expect_ok(ask_remove(&m->client, &m->root, "removed", NULL));
    expect_ok(ask_mknod(&m->client, &m->root, "fifo", 7, NULL, 0, 0, &made));
    expect_ok(ask_rmdir(&m->client, &from, "gone", NULL));
    expect_ok(ask_rename(&m->client, &from, "dir", &to, "dir", NULL, NULL));
    expect_ok(ask_rename(&m->client, &from, "moving", &to, "moved", NULL, NULL));
    m->server.exit_unchecked = true;
    server_kill(&m->server);
    cut_power(m, "");
    expect_names(m);
    assert_int_equal(host_stat(m->dir, "new/dir/..").st_ino, host_stat(m->dir, "new").st_ino);
    mounted_end(m);
    fault_over();
}

TEST(changes_of_names_that_were_answered_outlive_the_power_on_ext4)
{
    struct mounted m;

    begin_on_disks(&m, "mkfs.ext4");
    change_names(&m);
}

TEST(changes_of_names_that_were_answered_outlive_the_power_on_ext4_without_a_journal)
{
    struct mounted m;

    begin_on_disks(&m, "mkfs.ext4 -O ^has_journal");
    change_names(&m);
}

TEST(changes_of_names_that_were_answered_outlive_the_power_on_ext2)
{
    struct mounted m;

    begin_on_disks(&m, "mkfs.ext2");
    change_names(&m);
}
