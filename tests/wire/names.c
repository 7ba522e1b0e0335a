/*
 * names.c - LOOKUP and READLINK, and what a name may be.
 */
#include "tests/wire/wire.h"
#include <string.h>

TEST(lookup_finds_a_file_and_tells_about_it_and_its_directory)
{
    struct mounted m;
    struct attr attr, dir_attr, again;
    struct fh fh;

    mounted_begin(&m);
    host_write(m.dir, "file", "text");
    expect_ok(ask_lookup(&m.client, &m.root, "file", &fh, &attr, &dir_attr));
    expect_attr(&attr, m.dir, "file");
    expect_attr(&dir_attr, m.dir, NULL);
    expect_ok(ask_getattr(&m.client, &fh, &again));
    assert_int_equal(again.fileid, attr.fileid);
    mounted_end(&m);
}

TEST(lookup_twice_gives_the_same_handle)
{
    struct mounted m;

    mounted_begin(&m);
    host_write(m.dir, "file", "text");
    struct fh a = mounted_lookup(&m, "file"), b = mounted_lookup(&m, "file");
    assert_true(same_fh(&a, &b));
    mounted_end(&m);
}

TEST(lookup_of_a_missing_name_is_noent)
{
    struct mounted m;
    struct attr dir_attr;

    mounted_begin(&m);
    expect_status(ask_lookup(&m.client, &m.root, "missing", NULL, NULL, &dir_attr), NFS_NOENT);
    expect_attr(&dir_attr, m.dir, NULL);
    mounted_end(&m);
}

TEST(lookup_in_a_file_is_notdir)
{
    struct mounted m;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    expect_status(ask_lookup(&m.client, &fh, "x", NULL, NULL, NULL), NFS_NOTDIR);
    mounted_end(&m);
}

TEST(lookup_of_dot_is_the_directory_itself)
{
    struct mounted m;
    struct fh fh;

    mounted_begin(&m);
    expect_ok(ask_lookup(&m.client, &m.root, ".", &fh, NULL, NULL));
    assert_true(same_fh(&fh, &m.root));
    mounted_end(&m);
}

TEST(lookup_of_dotdot_is_the_parent)
{
    struct mounted m;
    struct attr attr;
    struct fh up;

    mounted_begin(&m);
    host_mkdir(m.dir, "a", 0755);
    host_mkdir(m.dir, "a/b", 0755);
    struct fh a = mounted_walk(&m, "a"), b = mounted_walk(&m, "a/b");
    expect_ok(ask_lookup(&m.client, &b, "..", &up, &attr, NULL));
    expect_attr_but_atime(&attr, m.dir, "a");
    assert_true(same_fh(&up, &a));
    expect_ok(ask_lookup(&m.client, &a, "..", &up, NULL, NULL));
    assert_true(same_fh(&up, &m.root));
    mounted_end(&m);
}

TEST(lookup_of_dotdot_at_the_export_root_is_the_root)
{
    struct mounted m;
    struct attr attr;
    struct fh up;

    mounted_begin(&m);
    expect_ok(ask_lookup(&m.client, &m.root, "..", &up, &attr, NULL));
    expect_attr_but_atime(&attr, m.dir, NULL);
    assert_true(same_fh(&up, &m.root));
    mounted_end(&m);
}

TEST(names_that_would_escape_or_confuse_are_refused)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {{"", 0},        {"a/b", 3}, {"../etc", 6}, {"/", 1},     {"/etc/passwd", 11},
               {"file\0x", 6}, {"\0", 1},  {"dir/..", 6}, {"./file", 6}};
    struct mounted m;

    mounted_begin(&m);
    host_write(m.dir, "file", "");
    host_mkdir(m.dir, "dir", 0755);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint32_t status = ask_lookup_bytes(&m.client, &m.root, bad[i].bytes, bad[i].len, NULL);
        if (status != NFS_INVAL && status != NFS_ACCES)
            fail_msg("LOOKUP of bad name %zu: %s", i, nfs3_status_name(status));
        /* CREATE, UNCHECKED, nothing set. */
        struct bytes *b = nfs3_begin(&m.client, 8);
        put_fh(b, &m.root);
        put_opaque(b, bad[i].bytes, bad[i].len);
        put_u32(b, H_UNCHECKED);
        put_sattr(b, NULL);
        struct cursor c = client_finish(&m.client);
        status = get_u32(&c);
        if (status != NFS_INVAL && status != NFS_ACCES)
            fail_msg("CREATE of bad name %zu: %s", i, nfs3_status_name(status));
    }
    ask_null(&m.client);
    mounted_end(&m);
}

TEST(making_dot_or_dotdot_is_refused)
{
    static const char *const names[] = {".", ".."};
    struct mounted m;

    mounted_begin(&m);
    struct fh file = make_file(&m, "file", "");
    struct fh dir = make_dir(&m, "dir");
    for (int i = 0; i < 2; i++) {
        const char *name = names[i];
        assert_int_not_equal(ask_create(&m.client, &dir, name, H_UNCHECKED, NULL, NULL, NULL),
                             NFS_OK);
        assert_int_not_equal(ask_mkdir(&m.client, &dir, name, NULL, NULL), NFS_OK);
        assert_int_not_equal(ask_symlink(&m.client, &dir, name, "t", NULL, NULL), NFS_OK);
        assert_int_not_equal(ask_mknod(&m.client, &dir, name, T_FIFO, NULL, 0, 0, NULL), NFS_OK);
        assert_int_not_equal(ask_remove(&m.client, &dir, name, NULL), NFS_OK);
        assert_int_not_equal(ask_rmdir(&m.client, &dir, name, NULL), NFS_OK);
        assert_int_not_equal(ask_link(&m.client, &file, &dir, name, NULL, NULL), NFS_OK);
        assert_int_not_equal(ask_rename(&m.client, &dir, name, &m.root, "taken", NULL, NULL),
                             NFS_OK);
        assert_int_not_equal(ask_rename(&m.client, &m.root, "file", &dir, name, NULL, NULL),
                             NFS_OK);
    }
    assert_true(host_exists(m.dir, "dir"));
    assert_true(host_exists(m.dir, "file"));
    mounted_end(&m);
}

TEST(rmdir_of_dot_is_inval_and_of_dotdot_is_exist)
{
    struct mounted m;

    mounted_begin(&m);
    struct fh dir = make_dir(&m, "dir");
    expect_status(ask_rmdir(&m.client, &dir, ".", NULL), NFS_INVAL);
    uint32_t status = ask_rmdir(&m.client, &dir, "..", NULL);
    assert_true(status == NFS_EXIST || status == NFS_INVAL || status == NFS_NOTEMPTY);
    mounted_end(&m);
}

TEST(a_name_of_255_bytes_works)
{
    struct mounted m;
    struct attr attr;
    char name[256];

    memset(name, 'n', 255);
    name[255] = 0;
    mounted_begin(&m);
    make_file(&m, name, "long");
    expect_ok(ask_lookup(&m.client, &m.root, name, NULL, &attr, NULL));
    expect_attr(&attr, m.dir, name);
    expect_ok(ask_remove(&m.client, &m.root, name, NULL));
    mounted_end(&m);
}

TEST(a_name_of_256_bytes_is_too_long)
{
    struct mounted m;
    char name[257];

    memset(name, 'n', 256);
    name[256] = 0;
    mounted_begin(&m);
    struct fh file = make_file(&m, "file", "");
    struct client *c = &m.client;
    const struct fh *root = &m.root;
    expect_status(ask_lookup(c, root, name, NULL, NULL, NULL), NFS_NAMETOOLONG);
    expect_status(ask_create(c, root, name, H_UNCHECKED, NULL, NULL, NULL), NFS_NAMETOOLONG);
    expect_status(ask_create(c, root, name, H_EXCLUSIVE, NULL, "12345678", NULL), NFS_NAMETOOLONG);
    expect_status(ask_mkdir(c, root, name, NULL, NULL), NFS_NAMETOOLONG);
    expect_status(ask_symlink(c, root, name, "t", NULL, NULL), NFS_NAMETOOLONG);
    expect_status(ask_mknod(c, root, name, T_FIFO, NULL, 0, 0, NULL), NFS_NAMETOOLONG);
    expect_status(ask_remove(c, root, name, NULL), NFS_NAMETOOLONG);
    expect_status(ask_rmdir(c, root, name, NULL), NFS_NAMETOOLONG);
    expect_status(ask_rename(c, root, "file", root, name, NULL, NULL), NFS_NAMETOOLONG);
    expect_status(ask_rename(c, root, name, root, "file", NULL, NULL), NFS_NAMETOOLONG);
    expect_status(ask_link(c, &file, root, name, NULL, NULL), NFS_NAMETOOLONG);
    mounted_end(&m);
}

TEST(a_name_of_a_hundred_thousand_bytes_is_too_long)
{
    struct mounted m;
    static char name[100000];

    memset(name, 'n', sizeof(name));
    mounted_begin(&m);
    expect_status(ask_lookup_bytes(&m.client, &m.root, name, sizeof(name), NULL), NFS_NAMETOOLONG);
    ask_null(&m.client);
    mounted_end(&m);
}

TEST(names_are_bytes)
{
    static const char *const names[] = {"\xff\xfe", "caf\xc3\xa9", "cafe\xcc\x81", "new\nline", " ",
                                        "...",      "a\\b",        "-rf",          "\x7f\x01"};
    struct mounted m;
    struct listing listing = {0};

    mounted_begin(&m);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        make_file(&m, names[i], "x");
        host_expect(m.dir, names[i], "x");
    }
    expect_ok(ask_readdir_all(&m.client, &m.root, 8192, false, &listing));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_non_null(listing_find(&listing, names[i]));
    listing_free(&listing);
    mounted_end(&m);
}

TEST(readlink_gives_the_target_as_it_is)
{
    static const char *const targets[] = {"file", "/absolute/../path", "../../..", "sp ace\xff"};
    struct mounted m;
    struct attr attr;
    char target[4096];

    mounted_begin(&m);
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        host_symlink(targets[i], m.dir, "link");
        struct fh fh = mounted_lookup(&m, "link");
        expect_ok(ask_readlink(&m.client, &fh, target, sizeof(target), &attr));
        assert_string_equal(target, targets[i]);
        expect_attr(&attr, m.dir, "link");
        host_unlink(m.dir, "link");
    }
    mounted_end(&m);
}

TEST(readlink_of_a_target_of_4095_bytes_is_whole)
{
    struct mounted m;
    char target[4096], got[5000];

    mounted_begin(&m);
    memset(target, 't', 4095);
    target[4095] = 0;
    host_symlink(target, m.dir, "link");
    struct fh fh = mounted_lookup(&m, "link");
    expect_ok(ask_readlink(&m.client, &fh, got, sizeof(got), NULL));
    assert_string_equal(got, target);
    mounted_end(&m);
}

TEST(readlink_of_what_is_no_link_is_inval)
{
    struct mounted m;
    char target[100];

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    expect_status(ask_readlink(&m.client, &fh, target, sizeof(target), NULL), NFS_INVAL);
    expect_status(ask_readlink(&m.client, &m.root, target, sizeof(target), NULL), NFS_INVAL);
    mounted_end(&m);
}

TEST(readlink_of_a_stale_handle_is_stale)
{
    struct mounted m;
    char target[100];

    mounted_begin(&m);
    struct fh gone = make_stale(&m);
    expect_status(ask_readlink(&m.client, &gone, target, sizeof(target), NULL), NFS_STALE);
    mounted_end(&m);
}

TEST(symlinks_are_never_followed_by_the_server)
{
    struct mounted m;
    struct attr attr;

    mounted_begin(&m);
    host_symlink("/etc", m.dir, "etc");
    struct fh fh = mounted_lookup(&m, "etc");
    expect_ok(ask_getattr(&m.client, &fh, &attr));
    assert_int_equal(attr.type, T_LNK);
    expect_status(ask_lookup(&m.client, &fh, "passwd", NULL, NULL, NULL), NFS_NOTDIR);
    mounted_end(&m);
}

TEST(a_directory_replaced_by_a_symlink_on_the_host_is_not_followed)
{
    struct mounted m;
    struct fh fh;

    mounted_begin(&m);
    host_mkdir(m.dir, "dir", 0755);
    host_write(m.dir, "dir/passwd", "mine");
    struct fh dir = mounted_lookup(&m, "dir");
    host_rename(m.dir, "dir", m.server.home, "moved away");
    host_symlink("/etc", m.dir, "dir");
    uint32_t status = ask_lookup(&m.client, &dir, "passwd", &fh, NULL, NULL);
    if (status == NFS_OK)
        expect_content(&m.client, &fh, "mine");
    else
        expect_status(status, NFS_STALE);
    mounted_end(&m);
}

TEST(forty_nested_directories_work)
{
    struct mounted m;
    struct attr attr;
    struct made made;

    mounted_begin(&m);
    struct fh fh = m.root;
    for (int i = 0; i < 45; i++) {
        expect_ok(ask_mkdir(&m.client, &fh, "a directory with a long name", NULL, &made));
        fh = made.fh;
    }
    expect_ok(ask_create(&m.client, &fh, "deep", H_GUARDED, NULL, NULL, &made));
    expect_ok(ask_write(&m.client, &made.fh, 0, "text", 4, S_FILE_SYNC, NULL));
    mounted_reconnect(&m);
    expect_content(&m.client, &made.fh, "text");
    server_restart(&m.server);
    mounted_reconnect(&m);
    expect_content(&m.client, &made.fh, "text");
    expect_ok(ask_getattr(&m.client, &fh, &attr));
    mounted_end(&m);
}
