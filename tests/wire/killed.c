/*
 * killed.c - a server that is killed at any of its system calls leaves nothing half-made: each way
 * of making an object is walked through from its first call to its last (tests/fault).
 */
#include "tests/lib/fault.h"
#include "tests/wire/wire.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OWNER      12345
#define POINTS_MAX 200
static const struct nfs_time made_at = {1000000000, 5000};

enum making { EXCLUSIVE, UNCHECKED, GUARDED, DIRECTORY, LINK, FIFO };

static void begin_server(struct mounted *m)
{
    static char spec[200];

    server_prepare(&m->server, "/var/tmp");
    m->server.no_plain_export = true;
    snprintf(spec, sizeof(spec), "--export=%s,rw,no_root_squash,insecure", m->server.export_dir);
    server_add_arg(&m->server, spec);
    fault_prepare(&m->server);
    mounted_begin_prepared(m);
}

static const struct sattr *attributes(enum making how)
{
    static struct sattr set;

    set = (struct sattr){.set_uid = true, .uid = OWNER, .set_gid = true, .gid = OWNER};
    set.set_mode = how != LINK;
    set.mode = how == DIRECTORY ? 02751 : 0640;
    if (how != LINK && how != FIFO) {
        set.set_atime = set.set_mtime = SET_CLIENT_TIME;
        set.atime = set.mtime = made_at;
    }
    set.set_size = how == UNCHECKED || how == GUARDED;
    set.size = 5000;
    return &set;
}

/* Sends the call that makes `x`; no answer is waited for. */
static void send_making(struct mounted *m, enum making how)
{
    static const uint32_t procedures[] = {8, 8, 8, 9, 10, 11};
    struct bytes *b = nfs3_begin(&m->client, procedures[how]);

    put_fh(b, &m->root);
    put_string(b, "x");
    if (how == EXCLUSIVE) {
        put_u32(b, H_EXCLUSIVE);
        put_fixed(b, "verifier", 8);
    } else if (how == UNCHECKED || how == GUARDED) {
        put_u32(b, how == GUARDED ? H_GUARDED : H_UNCHECKED);
        put_sattr(b, attributes(how));
    } else {
        if (how == FIFO)
            put_u32(b, 7);
        put_sattr(b, attributes(how));
        if (how == LINK)
            put_string(b, "target");
    }
    client_send(&m->client);
}

/* That `x` is all that it was to be. */
static void expect_whole(const struct mounted *m, enum making how)
{
    struct stat st = host_stat(m->dir, "x");

    if (how == EXCLUSIVE)
        return;
    const struct sattr *set = attributes(how);
    if (server_is_root()) {
        assert_int_equal(st.st_uid, OWNER);
        assert_int_equal(st.st_gid, OWNER);
    }
    if (set->set_mode)
        assert_int_equal(st.st_mode & 05777, set->mode & 05777);
    if (set->set_size)
        assert_int_equal(st.st_size, set->size);
    if (set->set_mtime)
        assert_int_equal(st.st_mtime, made_at.sec);
}

/* That the export has `x` at most; true: it has. */
static bool only_x(const struct mounted *m)
{
    DIR *dir = opendir(m->dir);
    struct dirent *entry;
    bool found = false;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        assert_string_equal(entry->d_name, "x");
        found = true;
    }
    closedir(dir);
    return found;
}

static uint32_t exclusive(struct mounted *m, const char *verifier)
{
    return ask_create(&m->client, &m->root, "x", H_EXCLUSIVE, NULL, verifier, NULL);
}

/* After a restart: the call again, as the client sends it. */
static void make_again(struct mounted *m, enum making how)
{
    struct reply reply;
    bool whole = only_x(m);

    if (whole)
        expect_whole(m, how);
    send_making(m, how);
    assert_true(client_receive(&m->client, &reply));
    uint32_t status = get_u32(&reply.results);
    /* Only an exclusive create, and an unchecked one, can tell their own from another's. */
    if (whole && how != EXCLUSIVE && how != UNCHECKED)
        expect_status(status, NFS_EXIST);
    else
        expect_ok(status);
    assert_true(only_x(m));
    if (!whole || how != UNCHECKED) /* which sets the size of what is there, and so its mtime */
        expect_whole(m, how);
    if (how == EXCLUSIVE) {
        expect_ok(exclusive(m, "verifier"));
        expect_status(exclusive(m, "Verifier"), NFS_EXIST);
    }
}

static void remove_x(const struct mounted *m, enum making how)
{
    char path[4200];

    snprintf(path, sizeof(path), "%s/x", m->dir);
    assert_int_equal(how == DIRECTORY ? rmdir(path) : unlink(path), 0);
}

/* Kills the server at the first call, the second, ...; `also`: a rule beside. */
static void walk(enum making how, const char *also)
{
    struct mounted m;
    struct reply reply;
    char rules[100];
    int point = 1;

    begin_server(&m);
    for (; point < POINTS_MAX; point++) {
        snprintf(rules, sizeof(rules), "%s *:kill:%d", also, point);
        fault_set(&m.server, rules);
        send_making(&m, how);
        bool answered = client_receive(&m.client, &reply);
        fault_set(&m.server, also);
        if (answered) {
            expect_ok(get_u32(&reply.results));
            break;
        }
        m.server.exit_unchecked = true;
        assert_int_equal(server_wait(&m.server), 128 + SIGKILL);
        server_restart(&m.server);
        mounted_reconnect(&m);
        make_again(&m, how);
        remove_x(&m, how);
    }
    test_note("killed at %d system calls", point - 1);
    assert_in_range(point, 5, POINTS_MAX - 1);
    expect_whole(&m, how);
    mounted_end(&m);
    fault_over();
}

TEST(an_exclusive_create_that_is_killed_is_done_or_not_begun)
{
    walk(EXCLUSIVE, "");
}

TEST(an_exclusive_create_that_is_killed_is_done_or_not_begun_without_nameless_files)
{
    walk(EXCLUSIVE, "openat_nameless:EOPNOTSUPP");
}

/* As where new files belong to somebody else than their maker: only that owner may link them. */
TEST(an_exclusive_create_that_is_killed_is_done_or_not_begun_where_nameless_files_stay_so)
{
    walk(EXCLUSIVE, "linkat:EPERM");
}

TEST(an_unchecked_create_that_is_killed_is_done_or_not_begun)
{
    walk(UNCHECKED, "");
}

TEST(a_guarded_create_that_is_killed_is_done_or_not_begun)
{
    walk(GUARDED, "");
}

TEST(a_guarded_create_that_is_killed_is_done_or_not_begun_without_nameless_files)
{
    walk(GUARDED, "openat_nameless:EOPNOTSUPP");
}

TEST(a_mkdir_that_is_killed_is_done_or_not_begun)
{
    walk(DIRECTORY, "");
}

TEST(a_symlink_that_is_killed_is_done_or_not_begun)
{
    walk(LINK, "");
}

TEST(a_mknod_that_is_killed_is_done_or_not_begun)
{
    walk(FIFO, "");
}

/* An ordinary user's server may have to change a file's mode to open it. */
TEST(a_server_that_is_killed_while_it_opens_a_file_leaves_its_mode)
{
    test_skip_in_variant("root", "it opens everything");
    struct mounted m;
    struct reply reply;
    char rules[100];
    int point = 1, changed = 0;

    begin_server(&m);
    host_write(m.dir, "file", "text");
    host_chmod(m.dir, "file", 0040);
    struct fh fh = mounted_lookup(&m, "file");
    for (; point < POINTS_MAX; point++) {
        snprintf(rules, sizeof(rules), "*:kill:%d", point);
        fault_set(&m.server, rules);
        struct bytes *b = nfs3_begin(&m.client, 6);
        put_fh(b, &fh);
        put_u64(b, 0);
        put_u32(b, 10);
        client_send(&m.client);
        bool answered = client_receive(&m.client, &reply);
        fault_set(&m.server, "");
        if (answered) {
            expect_ok(get_u32(&reply.results));
            break;
        }
        m.server.exit_unchecked = true;
        assert_int_equal(server_wait(&m.server), 128 + SIGKILL);
        changed += (host_stat(m.dir, "file").st_mode & 07777) != 0040;
        server_restart(&m.server);
        assert_int_equal(host_stat(m.dir, "file").st_mode & 07777, 0040);
        mounted_reconnect(&m);
    }
    assert_in_range(point, 5, POINTS_MAX - 1);
    assert_true(changed > 0);
    assert_int_equal(host_stat(m.dir, "file").st_mode & 07777, 0040);
    mounted_end(&m);
    fault_over();
}

static uint32_t exclusive_by(struct client *client, const struct mounted *m)
{
    return ask_create(client, &m->root, "x", H_EXCLUSIVE, NULL, "verifier", NULL);
}

TEST(two_clients_with_one_verifier_do_not_both_make_the_file)
{
    struct mounted m;
    struct client other;

    begin_server(&m);
    expect_ok(exclusive(&m, "verifier"));
    /* Its machine is another one. */
    client_connect(&other, m.server.port, 0);
    other.who.machine = "another";
    expect_status(exclusive_by(&other, &m), NFS_EXIST);
    client_disconnect(&other);
    mounted_end(&m);
    fault_over();
}

/* Behind QEMU's user network, or NAT: only the connections tell one from the other. */
TEST(clones_of_one_machine_with_one_verifier_do_not_both_make_the_file)
{
    struct mounted m;
    struct client clones[4];

    begin_server(&m);
    for (int i = 0; i < 4; i++)
        client_connect(&clones[i], m.server.port, 0);
    for (int round = 0; round < 2; round++) {
        /* Who made it may ask again, and nobody else. */
        for (int i = 0; i < 3; i++)
            expect_status(exclusive_by(&clones[i], &m), i == 0 ? NFS_OK : NFS_EXIST);
        assert_int_equal(host_stat(m.dir, "x").st_size, 0);
    }
    /* Who comes again from another port has closed the first one. */
    client_disconnect(&clones[0]);
    expect_ok(exclusive_by(&clones[3], &m));
    expect_ok(exclusive_by(&clones[3], &m));
    expect_status(exclusive_by(&clones[1], &m), NFS_EXIST);
    /* Once it is gone, another one may make it. */
    expect_ok(ask_remove(&clones[3], &m.root, "x", NULL));
    expect_ok(exclusive_by(&clones[2], &m));
    expect_status(exclusive_by(&clones[3], &m), NFS_EXIST);
    for (int i = 1; i < 4; i++)
        client_disconnect(&clones[i]);
    mounted_end(&m);
    fault_over();
}
