/*
 * make.c - CREATE, MKDIR, SYMLINK, MKNOD: how things come into being.
 */
#include "tests/wire/wire.h"
#include <string.h>
#include <sys/sysmacros.h>

/* The whole reply of a call that made NAME in the root. */
static void expect_made(struct mounted *m, const struct made *made, const char *name)
{
    struct attr attr;

    assert_true(made->has_fh);
    expect_attr(&made->attr, m->dir, name);
    expect_wcc(&made->dir, m->dir, NULL);
    expect_ok(ask_getattr(&m->client, &made->fh, &attr));
    assert_int_equal(attr.fileid, made->attr.fileid);
    struct fh looked_up = mounted_lookup(m, name);
    assert_true(same_fh(&looked_up, &made->fh));
}

TEST(create_makes_a_file_as_it_was_asked_to)
{
    struct mounted m;
    struct made made;
    struct sattr set = {.set_mode = true,
                        .mode = 0640,
                        .set_size = true,
                        .size = 100,
                        .set_mtime = SET_CLIENT_TIME,
                        .mtime = {1000000001, 5}};

    mounted_begin(&m);
    expect_ok(ask_create(&m.client, &m.root, "file", H_UNCHECKED, &set, NULL, &made));
    expect_made(&m, &made, "file");
    assert_int_equal(made.attr.type, T_REG);
    assert_int_equal(made.attr.mode, 0640);
    assert_int_equal(made.attr.size, 100);
    assert_int_equal(made.attr.mtime.sec, 1000000001);
    assert_int_equal(made.attr.uid, server_uid());
    mounted_end(&m);
}

TEST(create_ignores_the_servers_umask)
{
    struct mounted m;
    struct made made;
    struct sattr set = {.set_mode = true, .mode = 0666};

    server_prepare(&m.server, NULL);
    umask(077);
    mounted_begin_prepared(&m);
    expect_ok(ask_create(&m.client, &m.root, "file", H_GUARDED, &set, NULL, &made));
    assert_int_equal(made.attr.mode, 0666);
    set.mode = 0777;
    expect_ok(ask_mkdir(&m.client, &m.root, "dir", &set, &made));
    assert_int_equal(made.attr.mode, 0777);
    mounted_end(&m);
}

TEST(guarded_create_of_an_existing_file_is_exist)
{
    struct mounted m;
    struct made made;

    mounted_begin(&m);
    host_write(m.dir, "file", "text");
    expect_status(ask_create(&m.client, &m.root, "file", H_GUARDED, NULL, NULL, &made), NFS_EXIST);
    expect_wcc(&made.dir, m.dir, NULL);
    host_expect(m.dir, "file", "text");
    mounted_end(&m);
}

TEST(unchecked_create_of_an_existing_file_keeps_its_content)
{
    struct mounted m;
    struct made made;
    struct sattr set = {.set_mode = true, .mode = 0600};

    mounted_begin(&m);
    host_write(m.dir, "file", "text");
    struct fh before = mounted_lookup(&m, "file");
    expect_ok(ask_create(&m.client, &m.root, "file", H_UNCHECKED, &set, NULL, &made));
    assert_true(same_fh(&before, &made.fh));
    host_expect(m.dir, "file", "text");
    mounted_end(&m);
}

TEST(unchecked_create_with_size_0_truncates_an_existing_file)
{
    struct mounted m;
    struct made made;
    struct sattr set = {.set_size = true, .size = 0};

    mounted_begin(&m);
    host_write(m.dir, "file", "text");
    expect_ok(ask_create(&m.client, &m.root, "file", H_UNCHECKED, &set, NULL, &made));
    assert_int_equal(made.attr.size, 0);
    host_expect(m.dir, "file", "");
    mounted_end(&m);
}

TEST(unchecked_create_over_a_directory_is_refused)
{
    struct mounted m;

    mounted_begin(&m);
    make_dir(&m, "dir");
    uint32_t status = ask_create(&m.client, &m.root, "dir", H_UNCHECKED, NULL, NULL, NULL);
    assert_true(status == NFS_ISDIR || status == NFS_EXIST);
    mounted_end(&m);
}

TEST(unchecked_create_over_a_symlink_does_not_follow_it)
{
    struct mounted m;

    mounted_begin(&m);
    host_symlink("target", m.dir, "link");
    host_symlink("fifo", m.dir, "other");
    assert_int_equal(mknod(host_path(m.dir, "fifo").text, S_IFIFO | 0666, 0), 0);
    expect_status(ask_create(&m.client, &m.root, "link", H_UNCHECKED, NULL, NULL, NULL), NFS_EXIST);
    assert_false(host_exists(m.dir, "target"));
    expect_status(ask_create(&m.client, &m.root, "other", H_UNCHECKED, NULL, NULL, NULL),
                  NFS_EXIST);
    expect_status(ask_create(&m.client, &m.root, "fifo", H_UNCHECKED, NULL, NULL, NULL), NFS_EXIST);
    mounted_end(&m);
}

TEST(exclusive_create_knows_all_8_bytes_of_its_verifier)
{
    struct mounted m;
    struct made made, again;
    uint8_t verifier[8] = {0x80, 2, 3, 4, 0xff, 6, 7, 0x81}, other[8];

    mounted_begin(&m);
    expect_ok(ask_create(&m.client, &m.root, "file", H_EXCLUSIVE, NULL, verifier, &made));
    assert_true(made.has_fh);
    expect_ok(ask_create(&m.client, &m.root, "file", H_EXCLUSIVE, NULL, verifier, &again));
    assert_true(same_fh(&made.fh, &again.fh));
    for (int bit = 0; bit < 64; bit++) {
        memcpy(other, verifier, 8);
        other[bit / 8] ^= 1 << bit % 8;
        expect_status(ask_create(&m.client, &m.root, "file", H_EXCLUSIVE, NULL, other, NULL),
                      NFS_EXIST);
    }
    mounted_end(&m);
}

TEST(exclusive_create_is_followed_by_a_setattr)
{
    struct mounted m;
    struct made made;
    struct sattr set = {
        .set_mode = true, .mode = 0640, .set_atime = SET_SERVER_TIME, .set_mtime = SET_SERVER_TIME};

    mounted_begin(&m);
    expect_ok(ask_create(&m.client, &m.root, "file", H_EXCLUSIVE, NULL, "verifier", &made));
    expect_ok(ask_setattr(&m.client, &made.fh, &set, NULL, NULL));
    struct stat st = host_stat(m.dir, "file");
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(st.st_size, 0);
    assert_true(st.st_mtim.tv_sec > 1600000000);
    mounted_end(&m);
}

TEST(exclusive_create_of_a_file_someone_else_made_is_exist)
{
    struct mounted m;

    mounted_begin(&m);
    host_write(m.dir, "file", "");
    expect_status(ask_create(&m.client, &m.root, "file", H_EXCLUSIVE, NULL, "verifier", NULL),
                  NFS_EXIST);
    mounted_end(&m);
}

TEST(exclusive_create_retry_after_restart_succeeds)
{
    struct mounted m;
    struct made made, again;

    mounted_begin(&m);
    expect_ok(ask_create(&m.client, &m.root, "file", H_EXCLUSIVE, NULL, "verifier", &made));
    server_kill(&m.server);
    server_restart(&m.server);
    mounted_reconnect(&m);
    expect_ok(ask_create(&m.client, &m.root, "file", H_EXCLUSIVE, NULL, "verifier", &again));
    assert_true(same_fh(&made.fh, &again.fh));
    expect_status(ask_create(&m.client, &m.root, "file", H_EXCLUSIVE, NULL, "VERIFIER", NULL),
                  NFS_EXIST);
    mounted_end(&m);
}

TEST(mkdir_makes_a_directory_as_it_was_asked_to)
{
    struct mounted m;
    struct made made;
    struct sattr set = {.set_mode = true, .mode = 01750};

    mounted_begin(&m);
    expect_ok(ask_mkdir(&m.client, &m.root, "dir", &set, &made));
    expect_made(&m, &made, "dir");
    assert_int_equal(made.attr.type, T_DIR);
    assert_int_equal(made.attr.mode, 01750);
    expect_status(ask_mkdir(&m.client, &m.root, "dir", &set, &made), NFS_EXIST);
    expect_wcc(&made.dir, m.dir, NULL);
    mounted_end(&m);
}

TEST(symlink_makes_a_link_with_its_target_unchanged)
{
    struct mounted m;
    struct made made;
    char target[100];

    mounted_begin(&m);
    expect_ok(ask_symlink(&m.client, &m.root, "link", "../up/./x\xff", NULL, &made));
    expect_made(&m, &made, "link");
    assert_int_equal(made.attr.type, T_LNK);
    expect_ok(ask_readlink(&m.client, &made.fh, target, sizeof(target), NULL));
    assert_string_equal(target, "../up/./x\xff");
    expect_status(ask_symlink(&m.client, &m.root, "link", "t", NULL, NULL), NFS_EXIST);
    mounted_end(&m);
}

TEST(symlink_without_a_target_or_with_one_too_long_is_refused)
{
    struct mounted m;
    static char target[5000];

    mounted_begin(&m);
    memset(target, 't', sizeof(target) - 1);
    uint32_t status = ask_symlink(&m.client, &m.root, "link", "", NULL, NULL);
    assert_true(status == NFS_INVAL || status == NFS_NOENT);
    expect_status(ask_symlink(&m.client, &m.root, "link", target, NULL, NULL), NFS_NAMETOOLONG);
    assert_false(host_exists(m.dir, "link"));
    mounted_end(&m);
}

TEST(mknod_makes_fifos_and_sockets)
{
    struct mounted m;
    struct made made;
    struct sattr set = {.set_mode = true, .mode = 0622};

    mounted_begin(&m);
    expect_ok(ask_mknod(&m.client, &m.root, "fifo", T_FIFO, &set, 0, 0, &made));
    expect_made(&m, &made, "fifo");
    assert_int_equal(made.attr.type, T_FIFO);
    assert_int_equal(made.attr.mode, 0622);
    expect_ok(ask_mknod(&m.client, &m.root, "socket", T_SOCK, &set, 0, 0, &made));
    expect_made(&m, &made, "socket");
    assert_int_equal(made.attr.type, T_SOCK);
    expect_status(ask_mknod(&m.client, &m.root, "fifo", T_FIFO, &set, 0, 0, NULL), NFS_EXIST);
    mounted_end(&m);
}

TEST(mknod_makes_devices_for_root)
{
    struct mounted m;
    struct made made;
    struct sattr set = {.set_mode = true, .mode = 0600};

    test_skip_in_variant("user", "only root may make devices");
    mounted_begin(&m);
    expect_ok(ask_mknod(&m.client, &m.root, "chr", T_CHR, &set, 5, 300, &made));
    expect_made(&m, &made, "chr");
    assert_int_equal(made.attr.rdev_major, 5);
    assert_int_equal(made.attr.rdev_minor, 300);
    expect_ok(ask_mknod(&m.client, &m.root, "blk", T_BLK, &set, 259, 7, &made));
    expect_made(&m, &made, "blk");
    assert_int_equal(major(host_stat(m.dir, "blk").st_rdev), 259);
    mounted_end(&m);
}

TEST(mknod_of_a_device_by_an_ordinary_user_is_perm)
{
    struct mounted m;

    mounted_begin(&m);
    host_mkdir(m.dir, "dir", 0777);
    struct fh dir = mounted_lookup(&m, "dir");
    m.client.who = caller_uid(STRANGER, STRANGER);
    uint32_t status = ask_mknod(&m.client, &dir, "chr", T_CHR, NULL, 1, 3, NULL);
    assert_true(status == NFS_PERM || status == NFS_ACCES);
    assert_false(host_exists(m.dir, "dir/chr"));
    mounted_end(&m);
}

TEST(mknod_of_a_file_directory_or_link_is_badtype)
{
    struct mounted m;

    mounted_begin(&m);
    expect_status(ask_mknod(&m.client, &m.root, "x", T_REG, NULL, 0, 0, NULL), NFS_BADTYPE);
    expect_status(ask_mknod(&m.client, &m.root, "x", T_DIR, NULL, 0, 0, NULL), NFS_BADTYPE);
    expect_status(ask_mknod(&m.client, &m.root, "x", T_LNK, NULL, 0, 0, NULL), NFS_BADTYPE);
    assert_false(host_exists(m.dir, "x"));
    mounted_end(&m);
}

TEST(making_things_in_a_file_is_notdir)
{
    struct mounted m;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    struct client *c = &m.client;
    expect_status(ask_create(c, &fh, "x", H_UNCHECKED, NULL, NULL, NULL), NFS_NOTDIR);
    expect_status(ask_mkdir(c, &fh, "x", NULL, NULL), NFS_NOTDIR);
    expect_status(ask_symlink(c, &fh, "x", "t", NULL, NULL), NFS_NOTDIR);
    expect_status(ask_mknod(c, &fh, "x", T_FIFO, NULL, 0, 0, NULL), NFS_NOTDIR);
    expect_status(ask_remove(c, &fh, "x", NULL), NFS_NOTDIR);
    expect_status(ask_rmdir(c, &fh, "x", NULL), NFS_NOTDIR);
    expect_status(ask_rename(c, &fh, "x", &m.root, "y", NULL, NULL), NFS_NOTDIR);
    expect_status(ask_rename(c, &m.root, "file", &fh, "y", NULL, NULL), NFS_NOTDIR);
    expect_status(ask_link(c, &fh, &fh, "x", NULL, NULL), NFS_NOTDIR);
    mounted_end(&m);
}

TEST(making_things_in_a_removed_directory_is_stale)
{
    struct mounted m;

    mounted_begin(&m);
    struct fh file = make_file(&m, "file", ""), dir = make_dir(&m, "dir");
    struct client *c = &m.client;
    expect_ok(ask_rmdir(c, &m.root, "dir", NULL));
    expect_status(ask_create(c, &dir, "x", H_UNCHECKED, NULL, NULL, NULL), NFS_STALE);
    expect_status(ask_mkdir(c, &dir, "x", NULL, NULL), NFS_STALE);
    expect_status(ask_symlink(c, &dir, "x", "t", NULL, NULL), NFS_STALE);
    expect_status(ask_mknod(c, &dir, "x", T_FIFO, NULL, 0, 0, NULL), NFS_STALE);
    expect_status(ask_remove(c, &dir, "x", NULL), NFS_STALE);
    expect_status(ask_rmdir(c, &dir, "x", NULL), NFS_STALE);
    expect_status(ask_rename(c, &dir, "x", &m.root, "y", NULL, NULL), NFS_STALE);
    expect_status(ask_rename(c, &m.root, "file", &dir, "y", NULL, NULL), NFS_STALE);
    expect_status(ask_link(c, &file, &dir, "x", NULL, NULL), NFS_STALE);
    expect_status(ask_lookup(c, &dir, "x", NULL, NULL, NULL), NFS_STALE);
    mounted_end(&m);
}
