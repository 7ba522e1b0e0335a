/*
 * flushes.c - a flush that fails is told: to who asked for it, and by the write verifier to all
 * whose unstable data it may have lost, and to nobody else. The server runs with tests/fault.
 */
#include "tests/lib/fault.h"
#include "tests/lib/image.h"
#include "tests/wire/wire.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* On a disk: /tmp may be a tmpfs, which has nothing to flush. Another directory of the same disk is
 * exported, too, a memfs, and an etfs with the key /mapped. */
static void begin_faulty(struct mounted *m)
{
    static char spec[200], second[200], keys[200];
    char line[200];

    server_prepare(&m->server, "/var/tmp");
    host_mkdir(m->server.home, "second", 0777);
    m->server.no_plain_export = true;
    snprintf(spec, sizeof(spec), "--export=%s,rw,no_root_squash,insecure", m->server.export_dir);
    snprintf(second, sizeof(second), "--export=%s/second,rw,no_root_squash,insecure",
             m->server.home);
    server_add_arg(&m->server, spec);
    server_add_arg(&m->server, second);
    server_add_arg(&m->server, "--export=/memory,fs=memfs,rw,no_root_squash,insecure");
    host_write(m->server.home, "mapped", "text");
    snprintf(line, sizeof(line), "/mapped %s/mapped\n", m->server.home);
    host_write(m->server.home, "keys", line);
    snprintf(keys, sizeof(keys), "--export=/keys,fs=etfs,source=%s/keys,rw,no_root_squash,insecure",
             m->server.home);
    server_add_arg(&m->server, keys);
    fault_prepare(&m->server);
    mounted_begin_prepared(m);
    fault_over();
}

/* The root of another export. */
static struct fh root_of(struct mounted *m, const char *path)
{
    struct mount_answer answer;

    assert_int_equal(ask_mnt(&m->client, 3, path, &answer), MNT_OK);
    return answer.fh;
}

static struct fh file_in(struct mounted *m, const struct fh *dir, const char *name)
{
    struct made made;

    expect_ok(ask_create(&m->client, dir, name, H_UNCHECKED, NULL, NULL, &made));
    return made.fh;
}

/* Its verifier. */
static uint64_t write_unstable(struct mounted *m, const struct fh *fh)
{
    struct nfs3_write done;

    expect_ok(ask_write(&m->client, fh, 0, "data", 4, S_UNSTABLE, &done));
    return done.verifier;
}

static uint64_t commit(struct mounted *m, const struct fh *fh)
{
    uint64_t verifier;

    expect_ok(ask_commit(&m->client, fh, 0, 0, &verifier, NULL));
    return verifier;
}

TEST(every_error_of_a_flush_is_told_whatever_its_number)
{
    struct mounted m;

    begin_faulty(&m);
    struct fh fh = make_file(&m, "file", "");
    for (int err = 1; err < 134; err++) {
        char rules[100];
        const char *name = strerrorname_np(err);
        if (!name)
            continue;
        uint64_t verifier = write_unstable(&m, &fh);
        snprintf(rules, sizeof(rules), "fsync:%s fdatasync:%s", name, name);
        fault_set(&m.server, rules);
        assert_int_not_equal(ask_commit(&m.client, &fh, 0, 0, NULL, NULL), NFS_OK);
        for (uint32_t stable = S_DATA_SYNC; stable <= S_FILE_SYNC; stable++)
            assert_int_not_equal(ask_write(&m.client, &fh, 0, "x", 1, stable, NULL), NFS_OK);
        fault_set(&m.server, "");
        assert_int_not_equal(write_unstable(&m, &fh), verifier);
        commit(&m, &fh);
    }
    mounted_end(&m);
}

/* The same of a host file that is mapped to a key. */
TEST(every_error_of_a_mapped_files_flush_is_told)
{
    struct mounted m;
    struct fh fh;

    begin_faulty(&m);
    struct fh root = root_of(&m, "/keys");
    expect_ok(ask_lookup(&m.client, &root, "mapped", &fh, NULL, NULL));
    for (int err = 1; err < 134; err++) {
        char rules[100];
        const char *name = strerrorname_np(err);
        if (!name)
            continue;
        uint64_t verifier = write_unstable(&m, &fh);
        snprintf(rules, sizeof(rules), "fsync:%s fdatasync:%s", name, name);
        fault_set(&m.server, rules);
        assert_int_not_equal(ask_write(&m.client, &fh, 0, "x", 1, S_FILE_SYNC, NULL), NFS_OK);
        assert_int_not_equal(ask_commit(&m.client, &fh, 0, 0, NULL, NULL), NFS_OK);
        fault_set(&m.server, "");
        assert_int_not_equal(write_unstable(&m, &fh), verifier);
        commit(&m, &fh);
    }
    mounted_end(&m);
}

TEST(a_file_system_that_went_read_only_is_told_as_such_by_commit)
{
    struct mounted m;

    begin_faulty(&m);
    struct fh fh = make_file(&m, "file", "");
    write_unstable(&m, &fh);
    fault_set(&m.server, "fsync:EROFS");
    expect_status(ask_commit(&m.client, &fh, 0, 0, NULL, NULL), NFS_ROFS);
    mounted_end(&m);
}

/* The calls of which each flushes `fh`, a file in the root, by itself. */
enum meeting {
    MEETS_SETATTR,
    MEETS_LINK,
    MEETS_CREATE,
    MEETS_FILE_SYNC,
    MEETS_DATA_SYNC,
    MEETINGS
};

static uint32_t meet(struct mounted *m, const struct fh *fh, const char *name, enum meeting how)
{
    struct sattr set = {.set_mode = true, .mode = 0600};

    switch (how) {
    case MEETS_SETATTR:
        return ask_setattr(&m->client, fh, &set, NULL, NULL);
    case MEETS_LINK:
        return ask_link(&m->client, fh, &m->root, "link", NULL, NULL);
    case MEETS_CREATE:
        set = (struct sattr){.set_size = true, .size = 100};
        return ask_create(&m->client, &m->root, name, H_UNCHECKED, &set, NULL, NULL);
    default:
        return ask_write(&m->client, fh, 1 << 20, "x", 1,
                         how == MEETS_FILE_SYNC ? S_FILE_SYNC : S_DATA_SYNC, NULL);
    }
}

/* As the kernel does, the error is told once. */
TEST(an_error_that_another_calls_flush_meets_changes_the_verifier)
{
    struct mounted m;

    begin_faulty(&m);
    for (enum meeting how = 0; how < MEETINGS; how++) {
        char name[16];
        snprintf(name, sizeof(name), "file%d", (int)how);
        struct fh fh = make_file(&m, name, "");
        uint64_t verifier = write_unstable(&m, &fh);
        fault_set(&m.server, how == MEETS_DATA_SYNC ? "fdatasync:EIO:1" : "fsync:EIO:1");
        expect_status(meet(&m, &fh, name, how), NFS_IO);
        fault_set(&m.server, "");
        assert_int_not_equal(commit(&m, &fh), verifier);
    }
    mounted_end(&m);
}

TEST(of_commits_at_one_time_none_hides_the_others_error)
{
    struct mounted m;
    struct reply reply;

    begin_faulty(&m);
    struct fh fh = make_file(&m, "file", "");
    uint64_t verifier = write_unstable(&m, &fh);
    fault_set(&m.server, "fsync:delay=300:1 fsync:EIO:1");
    for (int i = 0; i < 6; i++) {
        struct bytes *b = nfs3_begin(&m.client, 21);
        put_fh(b, &fh);
        put_u64(b, 0);
        put_u32(b, 0);
        client_send(&m.client);
    }
    for (int i = 0; i < 6; i++) {
        struct wcc wcc;
        assert_true(client_receive(&m.client, &reply));
        uint32_t status = get_u32(&reply.results);
        get_wcc(&reply.results, &wcc);
        if (status == NFS_OK)
            assert_int_not_equal(get_u64(&reply.results), verifier);
        else
            expect_status(status, NFS_IO);
    }
    mounted_end(&m);
}

TEST(flushes_of_one_file_that_are_asked_for_together_are_one)
{
    const int calls = 20;
    struct mounted m;
    struct reply reply;

    begin_faulty(&m);
    struct fh fh = make_file(&m, "file", "");
    unsigned before = fault_calls(&m.server, "fsync");
    fault_set(&m.server, "fsync:delay=300:1");
    for (int i = 0; i < calls; i++) {
        struct bytes *b = nfs3_begin(&m.client, 21);
        put_fh(b, &fh);
        put_u64(b, 0);
        put_u32(b, 0);
        client_send(&m.client);
    }
    for (int i = 0; i < calls; i++) {
        assert_true(client_receive(&m.client, &reply));
        expect_ok(get_u32(&reply.results));
    }
    assert_in_range(fault_calls(&m.server, "fsync") - before, 1, calls / 2);
    mounted_end(&m);
}

TEST(what_one_file_system_loses_changes_no_verifier_of_another)
{
    struct mounted m;

    begin_faulty(&m);
    struct fh memory = root_of(&m, "/memory");
    struct fh fh = make_file(&m, "file", ""), other = file_in(&m, &memory, "file");
    uint64_t verifier = write_unstable(&m, &fh), others = write_unstable(&m, &other);
    fault_set(&m.server, "fsync:EIO:1");
    expect_status(ask_commit(&m.client, &fh, 0, 0, NULL, NULL), NFS_IO);
    assert_int_equal(write_unstable(&m, &other), others);
    assert_int_equal(commit(&m, &other), others);
    assert_int_not_equal(write_unstable(&m, &fh), verifier);
    mounted_end(&m);
}

TEST(exports_of_one_host_file_system_share_a_verifier)
{
    struct mounted m;

    begin_faulty(&m);
    struct fh second = root_of(&m, host_path(m.server.home, "second").text);
    struct fh fh = make_file(&m, "file", ""), other = file_in(&m, &second, "file");
    uint64_t verifier = write_unstable(&m, &fh);
    assert_int_equal(write_unstable(&m, &other), verifier);
    fault_set(&m.server, "fsync:EIO:1");
    expect_status(ask_commit(&m.client, &fh, 0, 0, NULL, NULL), NFS_IO);
    uint64_t next = commit(&m, &other);
    assert_int_not_equal(next, verifier);
    assert_int_equal(write_unstable(&m, &fh), next);
    mounted_end(&m);
}

TEST(a_stable_write_that_fails_loses_nothing_of_others)
{
    struct mounted m;
    static const char *const rules[] = {"fsync:ENOSPC:1", "fsync:EDQUOT:1", "fsync:EIO:1",
                                        "pwrite:ENOSPC:1", "pwrite:EIO:1"};

    begin_faulty(&m);
    struct fh fh = make_file(&m, "file", ""), other = make_file(&m, "other", "");
    uint64_t verifier = write_unstable(&m, &fh);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        fault_set(&m.server, rules[i]);
        assert_int_not_equal(ask_write(&m.client, &other, 0, "x", 1, S_FILE_SYNC, NULL), NFS_OK);
        assert_int_equal(write_unstable(&m, &fh), verifier);
    }
    fault_set(&m.server, "");
    assert_int_equal(commit(&m, &fh), verifier);
    mounted_end(&m);
}

/* A stable write that waits in its pwrite() while somebody's COMMIT is told of an error. */
static void expect_told_of_others(struct mounted *m, const struct fh *fh)
{
    struct client other;

    client_connect(&other, m->server.port, 0);
    unsigned writes = fault_calls(&m->server, "pwrite");
    fault_set(&m->server, "pwrite:delay=700:1 fsync:EIO:1");
    struct bytes *b = nfs3_begin(&m->client, 7);
    put_fh(b, fh);
    put_u64(b, 0);
    put_u32(b, 4);
    put_u32(b, S_DATA_SYNC);
    put_opaque(b, "text", 4);
    client_send(&m->client);
    while (fault_calls(&m->server, "pwrite") == writes)
        host_sleep_ms(10);
    expect_status(ask_commit(&other, fh, 0, 0, NULL, NULL), NFS_IO);
    struct reply reply;
    assert_true(client_receive(&m->client, &reply));
    expect_status(get_u32(&reply.results), NFS_IO);
    fault_set(&m->server, "");
    expect_ok(ask_write(&m->client, fh, 0, "text", 4, S_DATA_SYNC, NULL));
    client_disconnect(&other);
}

/* The kernel tells of an error once: it may have been this write's, which was in the page cache. */
TEST(a_stable_write_is_told_of_the_error_that_another_calls_flush_met)
{
    struct mounted m;
    struct fh mapped;

    begin_faulty(&m);
    struct fh fh = make_file(&m, "file", ""), keys = root_of(&m, "/keys");
    expect_told_of_others(&m, &fh);
    expect_ok(ask_lookup(&m.client, &keys, "mapped", &mapped, NULL, NULL));
    expect_told_of_others(&m, &mapped);
    mounted_end(&m);
}

/* How many descriptors the server has of DIR/NAME. */
static int open_by_server(const struct mounted *m, const char *name)
{
    char path[64], target[4096];
    struct host_path file = host_path(m->dir, name);
    int count = 0;

    for (int fd = 0; fd < 1024; fd++) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)m->server.pid, fd);
        ssize_t len = readlink(path, target, sizeof(target) - 1);
        if (len > 0) {
            target[len] = '\0';
            count += strcmp(target, file.text) == 0;
        }
    }
    return count;
}

TEST(a_descriptor_with_uncommitted_writes_stays_open_until_the_commit)
{
    struct mounted m;

    begin_faulty(&m);
    struct fh fh = make_file(&m, "file", ""), idle = make_file(&m, "idle", "");
    expect_ok(ask_write(&m.client, &idle, 0, "x", 1, S_FILE_SYNC, NULL));
    write_unstable(&m, &fh);
    unsigned flushes = fault_calls(&m.server, "fsync");
    expect_ok(ask_read(&m.client, &idle, 0, 10, &(struct nfs3_read){0}));
    while (open_by_server(&m, "idle") > 0)
        host_sleep_ms(100);
    for (int i = 0; i < 40; i++) { /* some ticks of the server more */
        assert_true(open_by_server(&m, "file") > 0);
        host_sleep_ms(100);
    }
    assert_int_equal(fault_calls(&m.server, "fsync"), flushes);
    commit(&m, &fh);
    while (open_by_server(&m, "file") > 0)
        host_sleep_ms(20);
    mounted_end(&m);
}

TEST(a_file_with_uncommitted_writes_that_the_host_removes_gives_its_space_back)
{
    struct mounted m;

    begin_faulty(&m);
    struct fh fh = make_file(&m, "file", "");
    write_unstable(&m, &fh);
    host_unlink(m.dir, "file");
    for (;;) {
        char path[64], target[4096];
        bool open = false;
        for (int fd = 0; fd < 256; fd++) {
            snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)m.server.pid, fd);
            ssize_t len = readlink(path, target, sizeof(target) - 1);
            target[len > 0 ? len : 0] = '\0';
            open |= strstr(target, "(deleted)") && strstr(target, "/export");
        }
        if (!open)
            break;
        host_sleep_ms(100);
    }
    mounted_end(&m);
}

/* With few descriptors, and more files that are written than may stay open. */
TEST(what_is_flushed_for_want_of_descriptors_and_fails_changes_the_verifier)
{
    enum { FILES = 40 };
    struct mounted m;
    struct fh fh[FILES];
    uint64_t verifier[FILES];
    struct nfs3_write done;

    server_prepare(&m.server, "/var/tmp");
    server_add_arg(&m.server, "--cache-fds=32");
    fault_prepare(&m.server);
    mounted_begin_prepared(&m);
    fault_over();
    for (int i = 0; i < FILES; i++) {
        char name[16];
        snprintf(name, sizeof(name), "file%d", i);
        fh[i] = make_file(&m, name, "");
    }
    fault_set(&m.server, "fsync:EIO:1");
    unsigned flushes = fault_calls(&m.server, "fsync");
    for (int i = 0; i < FILES; i++) {
        uint32_t status = ask_write(&m.client, &fh[i], 0, "data", 4, S_UNSTABLE, &done);
        verifier[i] = status == NFS_OK && done.committed == S_UNSTABLE ? done.verifier : 0;
        if (status != NFS_OK) /* it had to flush itself */
            expect_status(status, NFS_IO);
    }
    assert_true(fault_calls(&m.server, "fsync") > flushes);
    fault_set(&m.server, "");
    /* One flush failed: its file's writer was told, or finds out now. */
    int told = 0;
    for (int i = 0; i < FILES; i++)
        told += verifier[i] == 0 || commit(&m, &fh[i]) != verifier[i];
    assert_true(told > 0);
    assert_true(fault_calls(&m.server, "fsync") - flushes >= FILES);
    mounted_end(&m);
}

/* How many descriptors the server has of what is in its export. */
static int open_in_export(const struct mounted *m)
{
    char path[64], target[4096];
    int count = 0;

    for (int fd = 0; fd < 1024; fd++) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)m->server.pid, fd);
        ssize_t len = readlink(path, target, sizeof(target) - 1);
        target[len > 0 ? len : 0] = '\0';
        count += strncmp(target, m->dir, strlen(m->dir)) == 0;
    }
    return count;
}

/* Each disk has its share of the descriptors, and many disks have not many shares. */
TEST(uncommitted_files_of_many_disks_leave_descriptors_for_others)
{
    enum { DISKS = 10, FILES = 8, CACHE = 32 };
    static char spec[200];
    struct mounted m;
    struct fh disk[DISKS], fh;
    char name[32];

    test_skip_in_variant("user", "a crossed disk is root's");
    host_private_mounts();
    server_prepare(&m.server, "/var/tmp");
    for (int i = 0; i < DISKS; i++) {
        snprintf(name, sizeof(name), "m%d", i);
        host_mkdir(m.server.export_dir, name, 0777);
        struct host_path at = host_path(m.server.export_dir, name);
        snprintf(name, sizeof(name), "image%d", i);
        image_make("ext4", m.server.home, name, NULL);
        image_mount(m.server.home, name, at.text, "");
    }
    m.server.no_plain_export = true;
    snprintf(spec, sizeof(spec), "--export=%s,rw,crossmnt,no_root_squash,insecure",
             m.server.export_dir);
    server_add_arg(&m.server, spec);
    server_add_arg(&m.server, "--cache-fds=32");
    fault_prepare(&m.server);
    mounted_begin_prepared(&m);
    fault_over();
    for (int i = 0; i < DISKS; i++) {
        snprintf(name, sizeof(name), "m%d", i);
        expect_ok(ask_lookup(&m.client, &m.root, name, &disk[i], NULL, NULL));
    }
    /* So slow that no thread which flushes for others makes room in time. */
    fault_set(&m.server, "fsync:delay=50");
    for (int i = 0; i < DISKS * FILES; i++) {
        snprintf(name, sizeof(name), "file%d", i);
        fh = file_in(&m, &disk[i % DISKS], name);
        write_unstable(&m, &fh);
    }
    /* A node has two at most. */
    assert_in_range(open_in_export(&m), 1, 2 * (CACHE * 3 / 4) + CACHE + DISKS);
    fault_set(&m.server, "");
    mounted_end(&m);
}
