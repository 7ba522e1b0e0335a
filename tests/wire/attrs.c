/*
 * attrs.c - NULL, GETATTR, SETATTR, ACCESS: what a file is like, and changing that.
 */
#include "tests/wire/wire.h"
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <time.h>

TEST(null_answers)
{
    struct mounted m;

    mounted_begin(&m);
    ask_null(&m.client);
    mounted_end(&m);
}

TEST(getattr_of_every_type_tells_what_stat_tells)
{
    struct mounted m;
    struct attr attr, root;

    mounted_begin(&m);
    host_write(m.dir, "file", "seven b");
    host_chmod(m.dir, "file", 04711);
    host_mkdir(m.dir, "dir", 01777);
    host_symlink("somewhere", m.dir, "link");
    assert_int_equal(mknod(host_path(m.dir, "fifo").text, S_IFIFO | 0600, 0), 0);
    assert_int_equal(mknod(host_path(m.dir, "socket").text, S_IFSOCK | 0600, 0), 0);
    const char *names[] = {"file", "dir", "link", "fifo", "socket", "chr", "blk"};
    size_t count = 5;
    if (server_is_root()) {
        assert_int_equal(mknod(host_path(m.dir, "chr").text, S_IFCHR | 0600, makedev(5, 300)), 0);
        assert_int_equal(mknod(host_path(m.dir, "blk").text, S_IFBLK | 0600, makedev(259, 7)), 0);
        count = 7;
    }
    expect_ok(ask_getattr(&m.client, &m.root, &root));
    expect_attr(&root, m.dir, NULL);
    for (size_t i = 0; i < count; i++) {
        struct fh fh = mounted_lookup(&m, names[i]);
        expect_ok(ask_getattr(&m.client, &fh, &attr));
        expect_attr(&attr, m.dir, names[i]);
        assert_int_equal(attr.fsid, root.fsid);
    }
    mounted_end(&m);
}

TEST(getattr_of_a_removed_file_is_stale)
{
    struct mounted m;

    mounted_begin(&m);
    struct fh gone = make_stale(&m);
    expect_status(ask_getattr(&m.client, &gone, NULL), NFS_STALE);
    mounted_end(&m);
}

TEST(timestamps_have_nanoseconds)
{
    struct mounted m;
    struct attr attr;
    struct timespec times[2] = {{1000000000, 123456789}, {1234567890, 987654321}};

    mounted_begin(&m);
    host_write(m.dir, "file", "");
    assert_int_equal(utimensat(-1, host_path(m.dir, "file").text, times, 0), 0);
    struct fh fh = mounted_lookup(&m, "file");
    expect_ok(ask_getattr(&m.client, &fh, &attr));
    assert_int_equal(attr.atime.nsec, 123456789);
    assert_int_equal(attr.mtime.sec, 1234567890);
    assert_int_equal(attr.mtime.nsec, 987654321);
    mounted_end(&m);
}

TEST(setattr_changes_mode_size_and_times)
{
    struct mounted m;
    struct wcc wcc;
    struct sattr set = {.set_mode = true,
                        .mode = 0604,
                        .set_size = true,
                        .size = 5,
                        .set_atime = SET_CLIENT_TIME,
                        .atime = {1111111111, 111},
                        .set_mtime = SET_CLIENT_TIME,
                        .mtime = {1222222222, 222}};

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "more than five");
    expect_ok(ask_setattr(&m.client, &fh, &set, NULL, &wcc));
    expect_wcc(&wcc, m.dir, "file");
    struct stat st = host_stat(m.dir, "file");
    assert_int_equal(st.st_mode & 07777, 0604);
    assert_int_equal(st.st_size, 5);
    assert_int_equal(st.st_atim.tv_sec, 1111111111);
    assert_int_equal(st.st_atim.tv_nsec, 111);
    assert_int_equal(st.st_mtim.tv_sec, 1222222222);
    assert_int_equal(st.st_mtim.tv_nsec, 222);
    host_expect(m.dir, "file", "more ");
    mounted_end(&m);
}

TEST(setattr_to_server_time_is_now)
{
    struct mounted m;
    struct sattr set = {.set_atime = SET_SERVER_TIME, .set_mtime = SET_SERVER_TIME};
    struct timespec old[2] = {{1, 0}, {1, 0}};

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    assert_int_equal(utimensat(-1, host_path(m.dir, "file").text, old, 0), 0);
    expect_ok(ask_setattr(&m.client, &fh, &set, NULL, NULL));
    struct stat st = host_stat(m.dir, "file");
    assert_in_range(st.st_mtim.tv_sec, time(NULL) - 5, time(NULL));
    assert_in_range(st.st_atim.tv_sec, time(NULL) - 5, time(NULL));
    mounted_end(&m);
}

TEST(setattr_of_one_time_keeps_the_other)
{
    struct mounted m;
    struct sattr set = {.set_mtime = SET_CLIENT_TIME, .mtime = {77, 7}};
    struct timespec old[2] = {{11, 1}, {22, 2}};

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    assert_int_equal(utimensat(-1, host_path(m.dir, "file").text, old, 0), 0);
    expect_ok(ask_setattr(&m.client, &fh, &set, NULL, NULL));
    struct stat st = host_stat(m.dir, "file");
    assert_int_equal(st.st_atim.tv_sec, 11);
    assert_int_equal(st.st_atim.tv_nsec, 1);
    assert_int_equal(st.st_mtim.tv_sec, 77);
    mounted_end(&m);
}

TEST(setattr_extends_a_file_with_zeros)
{
    struct mounted m;
    struct sattr set = {.set_size = true, .size = 3};
    struct nfs3_read got;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "a");
    expect_ok(ask_setattr(&m.client, &fh, &set, NULL, NULL));
    expect_ok(ask_read(&m.client, &fh, 0, 10, &got));
    assert_int_equal(got.count, 3);
    assert_memory_equal(got.data, "a\0\0", 3);
    mounted_end(&m);
}

TEST(setattr_with_nothing_to_set_is_ok)
{
    struct mounted m;
    struct wcc wcc;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "a");
    expect_ok(ask_setattr(&m.client, &fh, NULL, NULL, &wcc));
    expect_wcc(&wcc, m.dir, "file");
    mounted_end(&m);
}

TEST(setattr_guard_decides)
{
    struct mounted m;
    struct attr attr;
    struct wcc wcc;
    struct sattr set = {.set_mode = true, .mode = 0600};

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "a");
    expect_ok(ask_getattr(&m.client, &fh, &attr));
    struct nfs_time wrong = attr.ctime;
    wrong.nsec ^= 1;
    expect_status(ask_setattr(&m.client, &fh, &set, &wrong, &wcc), NFS_NOT_SYNC);
    expect_wcc(&wcc, m.dir, "file");
    assert_int_equal(host_stat(m.dir, "file").st_mode & 0777, 0644);
    expect_ok(ask_setattr(&m.client, &fh, &set, &attr.ctime, NULL));
    assert_int_equal(host_stat(m.dir, "file").st_mode & 0777, 0600);
    mounted_end(&m);
}

TEST(setattr_of_a_directorys_size_is_refused)
{
    struct mounted m;
    struct sattr set = {.set_size = true, .size = 0};

    mounted_begin(&m);
    uint32_t status = ask_setattr(&m.client, &m.root, &set, NULL, NULL);
    assert_true(status == NFS_ISDIR || status == NFS_INVAL);
    mounted_end(&m);
}

TEST(setattr_of_an_owner_by_root_changes_it)
{
    struct mounted m;
    struct sattr set = {.set_uid = true, .uid = 1234, .set_gid = true, .gid = 2345};

    test_skip_in_variant("user", "only root may give files away");
    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    expect_ok(ask_setattr(&m.client, &fh, &set, NULL, NULL));
    assert_int_equal(host_stat(m.dir, "file").st_uid, 1234);
    assert_int_equal(host_stat(m.dir, "file").st_gid, 2345);
    mounted_end(&m);
}

TEST(setattr_of_an_owner_by_an_ordinary_user_is_perm)
{
    struct mounted m;
    struct sattr set = {.set_uid = true, .uid = 0};

    mounted_begin(&m);
    if (server_is_root()) {
        host_write(m.dir, "file", "");
        host_chown(m.dir, "file", STRANGER, STRANGER);
        m.client.who = caller_uid(STRANGER, STRANGER);
    } else {
        host_write(m.dir, "file", "");
    }
    struct fh fh = mounted_lookup(&m, "file");
    expect_status(ask_setattr(&m.client, &fh, &set, NULL, NULL), NFS_PERM);
    mounted_end(&m);
}

TEST(setattr_of_a_symlink_does_not_touch_its_target)
{
    struct mounted m;
    struct sattr set = {.set_mtime = SET_CLIENT_TIME, .mtime = {99, 9}};

    mounted_begin(&m);
    host_write(m.dir, "file", "");
    host_symlink("file", m.dir, "link");
    struct fh fh = mounted_lookup(&m, "link");
    expect_ok(ask_setattr(&m.client, &fh, &set, NULL, NULL));
    assert_int_equal(host_stat(m.dir, "link").st_mtim.tv_sec, 99);
    assert_int_not_equal(host_stat(m.dir, "file").st_mtim.tv_sec, 99);
    mounted_end(&m);
}

TEST(setattr_of_a_fifo_does_not_open_it)
{
    struct mounted m;
    struct attr attr;
    struct sattr set = {.set_mode = true, .mode = 0611};

    mounted_begin(&m);
    assert_int_equal(mknod(host_path(m.dir, "fifo").text, S_IFIFO | 0600, 0), 0);
    struct fh fh = mounted_lookup(&m, "fifo");
    expect_ok(ask_setattr(&m.client, &fh, &set, NULL, NULL));
    expect_ok(ask_getattr(&m.client, &fh, &attr));
    assert_int_equal(attr.mode, 0611);
    mounted_end(&m);
}

TEST(setattr_of_a_size_beyond_the_largest_file_is_fbig_or_inval)
{
    struct mounted m;
    struct sattr set = {.set_size = true, .size = UINT64_MAX};

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    uint32_t status = ask_setattr(&m.client, &fh, &set, NULL, NULL);
    assert_true(status == NFS_FBIG || status == NFS_INVAL);
    assert_int_equal(host_stat(m.dir, "file").st_size, 0);
    mounted_end(&m);
}

TEST(access_grants_the_owner_what_his_bits_say)
{
    struct mounted m;
    struct attr attr;
    uint32_t granted, all = 0x3f;

    mounted_begin(&m);
    if (server_is_root())
        m.client.who = caller_uid(STRANGER, STRANGER);
    host_write(m.dir, "file", "");
    host_chmod(m.dir, "file", 0644);
    host_mkdir(m.dir, "dir", 0755);
    if (server_is_root()) {
        host_chown(m.dir, "file", STRANGER, STRANGER);
        host_chown(m.dir, "dir", STRANGER, STRANGER);
    }
    struct fh file = mounted_lookup(&m, "file"), dir = mounted_lookup(&m, "dir");
    expect_ok(ask_access(&m.client, &file, all, &granted, &attr));
    expect_attr(&attr, m.dir, "file");
    assert_int_equal(granted, A_READ | A_MODIFY | A_EXTEND);
    expect_ok(ask_access(&m.client, &dir, all, &granted, &attr));
    assert_int_equal(granted & (A_READ | A_LOOKUP | A_MODIFY | A_EXTEND | A_DELETE),
                     A_READ | A_LOOKUP | A_MODIFY | A_EXTEND | A_DELETE);
    expect_ok(ask_access(&m.client, &file, A_READ, &granted, NULL));
    assert_int_equal(granted, A_READ);
    mounted_end(&m);
}

TEST(access_follows_a_change_of_mode_at_once)
{
    struct mounted m;
    uint32_t granted;

    mounted_begin(&m);
    host_write(m.dir, "file", "");
    if (server_is_root()) {
        host_chown(m.dir, "file", STRANGER, STRANGER);
        m.client.who = caller_uid(STRANGER, STRANGER);
    }
    struct fh fh = mounted_lookup(&m, "file");
    expect_ok(ask_access(&m.client, &fh, A_READ | A_EXECUTE, &granted, NULL));
    assert_int_equal(granted, A_READ);
    host_chmod(m.dir, "file", 0100);
    expect_ok(ask_access(&m.client, &fh, A_READ | A_EXECUTE, &granted, NULL));
    assert_int_equal(granted, A_EXECUTE);
    mounted_end(&m);
}

TEST(access_of_a_stale_handle_is_stale)
{
    struct mounted m;

    mounted_begin(&m);
    struct fh gone = make_stale(&m);
    expect_status(ask_access(&m.client, &gone, 0x3f, NULL, NULL), NFS_STALE);
    mounted_end(&m);
}
