/*
 * filesystem.c - FSSTAT, FSINFO, PATHCONF, and what a full or foreign file system answers.
 */
#include "tests/wire/wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

TEST(fsstat_tells_what_statvfs_tells)
{
    struct mounted m;
    struct nfs3_fsstat st;
    struct statvfs host;

    server_prepare(&m.server, "/dev/shm");
    mounted_begin_prepared(&m);
    expect_ok(ask_fsstat(&m.client, &m.root, &st));
    assert_int_equal(statvfs(m.dir, &host), 0);
    expect_attr_but_atime(&st.attr, m.dir, NULL);
    assert_int_equal(st.total_bytes, (uint64_t)host.f_blocks * host.f_frsize);
    assert_int_equal(st.total_files, host.f_files);
    /* Others use this file system meanwhile. */
    assert_true(llabs((long long)(st.free_bytes - host.f_bfree * host.f_frsize)) < 64 << 20);
    assert_true(llabs((long long)(st.avail_bytes - host.f_bavail * host.f_frsize)) < 64 << 20);
    assert_true(llabs((long long)(st.free_files - host.f_ffree)) < 100000);
    mounted_end(&m);
}

TEST(fsinfo_says_what_the_clients_need)
{
    struct mounted m;
    struct nfs3_fsinfo info;

    mounted_begin(&m);
    expect_ok(ask_fsinfo(&m.client, &m.root, &info));
    expect_attr_but_atime(&info.attr, m.dir, NULL);
    assert_int_equal(info.rtmax, 1 << 20);
    assert_int_equal(info.wtmax, 1 << 20);
    assert_int_equal(info.rtpref, 1 << 20);
    assert_int_equal(info.wtpref, 1 << 20);
    assert_int_equal(info.dtpref, 64 << 10);
    assert_true(info.rtmult > 0 && info.rtmult <= 4096);
    assert_true(info.wtmult > 0 && info.wtmult <= 4096);
    assert_true(info.maxfilesize >= 1ull << 40);
    assert_true(info.maxfilesize <= INT64_MAX);
    assert_int_equal(info.time_delta.sec, 0);
    assert_int_equal(info.time_delta.nsec, 1);
    assert_int_equal(info.properties, 0x01 | 0x02 | 0x08 | 0x10);
    mounted_end(&m);
}

TEST(pathconf_tells_what_the_host_tells)
{
    struct mounted m;
    struct nfs3_pathconf conf;

    mounted_begin(&m);
    expect_ok(ask_pathconf(&m.client, &m.root, &conf));
    expect_attr_but_atime(&conf.attr, m.dir, NULL);
    assert_int_equal(conf.name_max, 255);
    /* Of a file system that it does not know the C library tells its own default. */
    long linkmax = pathconf(m.dir, _PC_LINK_MAX);
    assert_true(conf.linkmax == (uint32_t)linkmax || (linkmax == 127 && conf.linkmax > 127));
    assert_true(conf.no_trunc);
    assert_true(conf.chown_restricted);
    assert_true(conf.case_preserving);
    assert_false(conf.case_insensitive);
    mounted_end(&m);
}

TEST(questions_about_a_file_system_by_a_stale_or_bad_handle)
{
    struct mounted m;
    struct nfs3_fsstat st;
    struct nfs3_fsinfo info;
    struct nfs3_pathconf conf;

    mounted_begin(&m);
    struct fh gone = make_stale(&m), bad = make_bad(&m.root);
    expect_status(ask_fsstat(&m.client, &gone, &st), NFS_STALE);
    expect_status(ask_fsinfo(&m.client, &gone, &info), NFS_STALE);
    expect_status(ask_pathconf(&m.client, &gone, &conf), NFS_STALE);
    expect_status(ask_fsstat(&m.client, &bad, &st), NFS_BADHANDLE);
    expect_status(ask_fsinfo(&m.client, &bad, &info), NFS_BADHANDLE);
    expect_status(ask_pathconf(&m.client, &bad, &conf), NFS_BADHANDLE);
    mounted_end(&m);
}

TEST(a_full_file_system_is_nospc)
{
    struct mounted m;
    struct made made;
    static char block[256 * 1024];
    uint32_t status = NFS_OK;

    test_skip_in_variant("user", "only root may mount a small file system");
    server_prepare(&m.server, NULL);
    host_private_mounts();
    host_mount_tmpfs(m.server.export_dir, "size=2m,nr_inodes=40");
    mounted_begin_prepared(&m);
    struct fh fh = make_file(&m, "file", "");
    for (int i = 0; i < 20 && status == NFS_OK; i++) {
        struct nfs3_write done;
        status =
            ask_write(&m.client, &fh, i * sizeof(block), block, sizeof(block), S_UNSTABLE, &done);
        if (status == NFS_OK)
            assert_true(done.count > 0);
    }
    expect_status(status, NFS_NOSPC);
    status = NFS_OK;
    for (int i = 0; i < 50 && status == NFS_OK; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        status = ask_create(&m.client, &m.root, name, H_GUARDED, NULL, NULL, &made);
    }
    expect_status(status, NFS_NOSPC);
    expect_status(ask_mkdir(&m.client, &m.root, "dir", NULL, NULL), NFS_NOSPC);
    expect_status(ask_symlink(&m.client, &m.root, "link", "t", NULL, NULL), NFS_NOSPC);
    expect_status(ask_mknod(&m.client, &m.root, "fifo", T_FIFO, NULL, 0, 0, NULL), NFS_NOSPC);
    mounted_end(&m);
}

TEST(a_read_only_mount_of_the_host_is_rofs)
{
    struct mounted m;

    test_skip_in_variant("user", "only root may mount");
    server_prepare(&m.server, NULL);
    host_private_mounts();
    host_mount_tmpfs(m.server.export_dir, "size=1m");
    host_write(m.server.export_dir, "file", "text");
    host_remount_read_only(m.server.export_dir);
    mounted_begin_prepared(&m);
    struct fh fh = mounted_lookup(&m, "file");
    struct sattr set = {.set_mode = true, .mode = 0600};
    expect_content(&m.client, &fh, "text");
    expect_status(ask_write(&m.client, &fh, 0, "x", 1, S_UNSTABLE, NULL), NFS_ROFS);
    expect_status(ask_setattr(&m.client, &fh, &set, NULL, NULL), NFS_ROFS);
    expect_status(ask_create(&m.client, &m.root, "x", H_GUARDED, NULL, NULL, NULL), NFS_ROFS);
    expect_status(ask_mkdir(&m.client, &m.root, "x", NULL, NULL), NFS_ROFS);
    expect_status(ask_remove(&m.client, &m.root, "file", NULL), NFS_ROFS);
    expect_status(ask_rename(&m.client, &m.root, "file", &m.root, "x", NULL, NULL), NFS_ROFS);
    mounted_end(&m);
}

/* A mount below the export. */
static void begin_with_mount(struct mounted *m, const char *option)
{
    static char spec[300];

    server_prepare(&m->server, NULL);
    host_private_mounts();
    host_mkdir(m->server.export_dir, "mnt", 0755);
    host_write(m->server.export_dir, "mnt/covered", "");
    host_mount_tmpfs(host_path(m->server.export_dir, "mnt").text, "size=1m");
    host_write(m->server.export_dir, "mnt/inside", "text");
    m->server.no_plain_export = true;
    snprintf(spec, sizeof(spec), "--export=%s,rw,no_root_squash,insecure%s", m->server.export_dir,
             option);
    server_add_arg(&m->server, spec);
    mounted_begin_prepared(m);
}

TEST(a_mount_below_the_export_is_hidden_without_crossmnt)
{
    struct mounted m;
    struct fh mnt;
    struct listing listing = {0};

    test_skip_in_variant("user", "only root may mount");
    begin_with_mount(&m, "");
    uint32_t status = ask_lookup(&m.client, &m.root, "mnt", &mnt, NULL, NULL);
    if (status == NFS_OK)
        expect_status(ask_lookup(&m.client, &mnt, "inside", NULL, NULL, NULL), NFS_NOENT);
    expect_ok(ask_readdir_all(&m.client, &m.root, 4096, true, &listing));
    listing_free(&listing);
    mounted_end(&m);
}

TEST(a_mount_below_the_export_is_crossed_with_crossmnt)
{
    struct mounted m;
    struct attr root, attr;
    struct fh up;

    test_skip_in_variant("user", "only root may mount");
    begin_with_mount(&m, ",crossmnt");
    struct fh mnt = mounted_lookup(&m, "mnt"), inside = mounted_walk(&m, "mnt/inside");
    expect_content(&m.client, &inside, "text");
    expect_ok(ask_getattr(&m.client, &m.root, &root));
    expect_ok(ask_getattr(&m.client, &mnt, &attr));
    /* Its own number may be one of the export's, too. */
    assert_int_not_equal(attr.fileid, root.fileid);
    attr.fileid = host_stat(m.dir, "mnt").st_ino;
    expect_attr_but_atime(&attr, m.dir, "mnt");
    assert_int_not_equal(attr.fsid, root.fsid);
    expect_ok(ask_lookup(&m.client, &mnt, "..", &up, NULL, NULL));
    assert_true(same_fh(&up, &m.root));
    make_file(&m, "outside", "");
    expect_status(ask_rename(&m.client, &m.root, "outside", &mnt, "x", NULL, NULL), NFS_XDEV);
    struct fh outside = mounted_lookup(&m, "outside");
    expect_status(ask_link(&m.client, &outside, &mnt, "x", NULL, NULL), NFS_XDEV);
    mounted_end(&m);
}
