/*
 * remove.c - REMOVE, RMDIR, RENAME, LINK: names that come and go.
 */
#include "tests/lib/image.h"
#include "tests/wire/wire.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

TEST(remove_takes_a_file_away)
{
    struct mounted m;
    struct wcc wcc;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "file", "");
    expect_ok(ask_remove(&m.client, &m.root, "file", &wcc));
    expect_wcc(&wcc, m.dir, NULL);
    assert_false(host_exists(m.dir, "file"));
    expect_status(ask_getattr(&m.client, &fh, NULL), NFS_STALE);
    expect_status(ask_remove(&m.client, &m.root, "file", &wcc), NFS_NOENT);
    expect_wcc(&wcc, m.dir, NULL);
    mounted_end(&m);
}

TEST(remove_takes_a_symlink_not_its_target)
{
    struct mounted m;

    mounted_begin(&m);
    host_write(m.dir, "file", "kept");
    host_symlink("file", m.dir, "link");
    expect_ok(ask_remove(&m.client, &m.root, "link", NULL));
    assert_false(host_exists(m.dir, "link"));
    host_expect(m.dir, "file", "kept");
    mounted_end(&m);
}

TEST(remove_of_a_directory_is_isdir)
{
    struct mounted m;

    mounted_begin(&m);
    make_dir(&m, "dir");
    uint32_t status = ask_remove(&m.client, &m.root, "dir", NULL);
    assert_true(status == NFS_ISDIR || status == NFS_PERM);
    assert_true(host_exists(m.dir, "dir"));
    mounted_end(&m);
}

TEST(a_file_with_another_name_lives_on_when_one_is_removed)
{
    struct mounted m;
    struct attr attr;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "one", "text");
    assert_int_equal(link(host_path(m.dir, "one").text, host_path(m.dir, "two").text), 0);
    expect_ok(ask_remove(&m.client, &m.root, "one", NULL));
    expect_ok(ask_getattr(&m.client, &fh, &attr));
    assert_int_equal(attr.nlink, 1);
    expect_content(&m.client, &fh, "text");
    mounted_end(&m);
}

TEST(rmdir_takes_an_empty_directory_away)
{
    struct mounted m;
    struct wcc wcc;

    mounted_begin(&m);
    struct fh fh = make_dir(&m, "dir");
    expect_ok(ask_rmdir(&m.client, &m.root, "dir", &wcc));
    expect_wcc(&wcc, m.dir, NULL);
    assert_false(host_exists(m.dir, "dir"));
    expect_status(ask_getattr(&m.client, &fh, NULL), NFS_STALE);
    expect_status(ask_rmdir(&m.client, &m.root, "dir", NULL), NFS_NOENT);
    mounted_end(&m);
}

TEST(rmdir_of_a_full_directory_is_notempty_and_of_a_file_notdir)
{
    struct mounted m;
    struct wcc wcc;

    mounted_begin(&m);
    host_mkdir(m.dir, "dir", 0755);
    host_write(m.dir, "dir/file", "");
    expect_status(ask_rmdir(&m.client, &m.root, "dir", &wcc), NFS_NOTEMPTY);
    expect_wcc(&wcc, m.dir, NULL);
    host_write(m.dir, "file", "");
    expect_status(ask_rmdir(&m.client, &m.root, "file", NULL), NFS_NOTDIR);
    mounted_end(&m);
}

TEST(rename_moves_a_file_within_a_directory_and_between_two)
{
    struct mounted m;
    struct wcc from, to;

    mounted_begin(&m);
    struct fh file = make_file(&m, "one", "text"), dir = make_dir(&m, "dir");
    expect_ok(ask_rename(&m.client, &m.root, "one", &m.root, "two", &from, &to));
    expect_wcc(&from, m.dir, NULL);
    expect_wcc(&to, m.dir, NULL);
    expect_content(&m.client, &file, "text");
    expect_ok(ask_rename(&m.client, &m.root, "two", &dir, "three", &from, &to));
    expect_wcc(&from, m.dir, NULL);
    expect_wcc(&to, m.dir, "dir");
    assert_false(host_exists(m.dir, "two"));
    host_expect(m.dir, "dir/three", "text");
    expect_content(&m.client, &file, "text");
    mounted_end(&m);
}

TEST(rename_replaces_its_target_whose_handle_is_stale_then)
{
    struct mounted m;

    mounted_begin(&m);
    struct fh new = make_file(&m, "new", "new"), old = make_file(&m, "old", "old");
    expect_ok(ask_rename(&m.client, &m.root, "new", &m.root, "old", NULL, NULL));
    host_expect(m.dir, "old", "new");
    expect_content(&m.client, &new, "new");
    expect_status(ask_getattr(&m.client, &old, NULL), NFS_STALE);
    mounted_end(&m);
}

TEST(rename_onto_another_name_of_the_same_file_does_nothing)
{
    struct mounted m;

    mounted_begin(&m);
    make_file(&m, "one", "text");
    assert_int_equal(link(host_path(m.dir, "one").text, host_path(m.dir, "two").text), 0);
    expect_ok(ask_rename(&m.client, &m.root, "one", &m.root, "two", NULL, NULL));
    assert_true(host_exists(m.dir, "one"));
    assert_true(host_exists(m.dir, "two"));
    mounted_end(&m);
}

TEST(rename_moves_a_directory_with_all_below_it)
{
    struct mounted m;
    struct fh up;

    mounted_begin(&m);
    host_mkdir(m.dir, "a", 0755);
    host_mkdir(m.dir, "a/sub", 0755);
    host_write(m.dir, "a/sub/file", "text");
    struct fh b = make_dir(&m, "b");
    struct fh sub = mounted_walk(&m, "a/sub"), file = mounted_walk(&m, "a/sub/file");
    struct fh a = mounted_lookup(&m, "a");
    expect_ok(ask_rename(&m.client, &a, "sub", &b, "moved", NULL, NULL));
    expect_content(&m.client, &file, "text");
    expect_ok(ask_lookup(&m.client, &sub, "..", &up, NULL, NULL));
    assert_true(same_fh(&up, &b));
    mounted_end(&m);
}

TEST(rename_errors_are_those_of_the_rfc)
{
    struct mounted m;
    struct wcc from, to;

    mounted_begin(&m);
    host_write(m.dir, "file", "");
    host_mkdir(m.dir, "empty", 0755);
    host_mkdir(m.dir, "full", 0755);
    host_mkdir(m.dir, "full/sub", 0755);
    struct client *c = &m.client;
    struct fh *root = &m.root;
    struct fh sub = mounted_walk(&m, "full/sub");
    expect_status(ask_rename(c, root, "missing", root, "x", &from, &to), NFS_NOENT);
    expect_wcc(&from, m.dir, NULL);
    expect_wcc(&to, m.dir, NULL);
    uint32_t status = ask_rename(c, root, "empty", root, "full", NULL, NULL);
    assert_true(status == NFS_NOTEMPTY || status == NFS_EXIST);
    status = ask_rename(c, root, "file", root, "empty", NULL, NULL);
    assert_true(status == NFS_ISDIR || status == NFS_EXIST);
    status = ask_rename(c, root, "empty", root, "file", NULL, NULL);
    assert_true(status == NFS_NOTDIR || status == NFS_EXIST);
    expect_status(ask_rename(c, root, "full", &sub, "x", NULL, NULL), NFS_INVAL);
    expect_ok(ask_rename(c, root, "empty", root, "new", NULL, NULL));
    mounted_end(&m);
}

TEST(link_gives_a_file_a_second_name)
{
    struct mounted m;
    struct attr attr;
    struct wcc wcc;

    mounted_begin(&m);
    struct fh fh = make_file(&m, "one", "text"), dir = make_dir(&m, "dir");
    expect_ok(ask_link(&m.client, &fh, &dir, "two", &attr, &wcc));
    expect_attr(&attr, m.dir, "one");
    expect_wcc(&wcc, m.dir, "dir");
    assert_int_equal(attr.nlink, 2);
    assert_int_equal(host_stat(m.dir, "one").st_ino, host_stat(m.dir, "dir/two").st_ino);
    struct fh two = mounted_walk(&m, "dir/two");
    expect_content(&m.client, &two, "text");
    expect_status(ask_link(&m.client, &fh, &dir, "two", &attr, &wcc), NFS_EXIST);
    expect_attr(&attr, m.dir, "one");
    expect_wcc(&wcc, m.dir, "dir");
    mounted_end(&m);
}

TEST(link_of_a_directory_is_refused)
{
    struct mounted m;

    mounted_begin(&m);
    struct fh dir = make_dir(&m, "dir");
    uint32_t status = ask_link(&m.client, &dir, &m.root, "x", NULL, NULL);
    assert_true(status == NFS_ISDIR || status == NFS_PERM || status == NFS_INVAL);
    mounted_end(&m);
}

TEST(link_of_a_stale_file_is_stale)
{
    struct mounted m;

    mounted_begin(&m);
    struct fh gone = make_stale(&m);
    expect_status(ask_link(&m.client, &gone, &m.root, "x", NULL, NULL), NFS_STALE);
    mounted_end(&m);
}

TEST(link_to_a_symlink_links_the_symlink)
{
    struct mounted m;

    mounted_begin(&m);
    host_symlink("nowhere", m.dir, "link");
    struct fh fh = mounted_lookup(&m, "link");
    expect_ok(ask_link(&m.client, &fh, &m.root, "again", NULL, NULL));
    assert_int_equal(host_stat(m.dir, "again").st_ino, host_stat(m.dir, "link").st_ino);
    mounted_end(&m);
}

TEST(a_link_too_many_is_mlink)
{
    struct mounted m;
    struct nfs3_pathconf conf;
    char name[32];

    /* The machine's own file system may know no such limit. */
    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    server_prepare(&m.server, NULL);
    assert_int_equal(image_run("truncate -s 16M %1$s/image && mkfs.ext4 -q -F %1$s/image && "
                               "mount -o loop %1$s/image %2$s",
                               m.server.home, m.server.export_dir),
                     0);
    mounted_begin_prepared(&m);
    expect_ok(ask_pathconf(&m.client, &m.root, &conf));
    assert_in_range(conf.linkmax, 1000, 70000);
    struct fh fh = make_file(&m, "file", "");
    make_dir(&m, "links");
    for (uint32_t i = 1; i < conf.linkmax; i++) {
        snprintf(name, sizeof(name), "links/%u", i);
        if (link(host_path(m.dir, "file").text, host_path(m.dir, name).text)) {
            assert_int_equal(errno, EMLINK);
            break;
        }
    }
    expect_status(ask_link(&m.client, &fh, &m.root, "more", NULL, NULL), NFS_MLINK);
    mounted_end(&m);
}

TEST(an_export_and_another_are_xdev_for_link_and_rename)
{
    struct mounted m;
    struct mount_answer other;
    char spec[300];

    server_prepare(&m.server, NULL);
    host_mkdir(m.server.home, "other", 0755);
    struct host_path path = host_path(m.server.home, "other");
    snprintf(spec, sizeof(spec), "--export=%.200s,rw,no_root_squash,insecure", path.text);
    server_add_arg(&m.server, spec);
    mounted_begin_prepared(&m);
    assert_int_equal(ask_mnt(&m.client, 3, path.text, &other), MNT_OK);
    struct fh fh = make_file(&m, "file", "");
    expect_status(ask_link(&m.client, &fh, &other.fh, "x", NULL, NULL), NFS_XDEV);
    expect_status(ask_rename(&m.client, &m.root, "file", &other.fh, "x", NULL, NULL), NFS_XDEV);
    assert_true(host_exists(m.dir, "file"));
    mounted_end(&m);
}
