/*
 * libnfs_files.c - everyday work through libnfs's file API, as programs that use it do it.
 */
#include "tests/wire/wire.h"
#include <fcntl.h>
#include <nfsc/libnfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define BIG (10 * 1024 * 1024)

static struct nfs_context *mount_with_libnfs(struct server *server)
{
    struct nfs_context *nfs = nfs_init_context();
    char url[300];

    assert_non_null(nfs);
    snprintf(url, sizeof(url), "nfs://127.0.0.1%s?version=3&nfsport=%u&mountport=%u",
             server->export_dir, server->port, server->port);
    struct nfs_url *parsed = nfs_parse_url_dir(nfs, url);
    assert_non_null(parsed);
    if (nfs_mount(nfs, parsed->server, parsed->path))
        fail_msg("libnfs: %s", nfs_get_error(nfs));
    nfs_destroy_url(parsed);
    return nfs;
}

static void write_and_read_back(struct nfs_context *nfs, const char *dir)
{
    char *data = malloc(BIG), *back = calloc(1, BIG);
    struct nfsfh *file;
    struct nfs_stat_64 st;

    for (size_t i = 0; i < BIG; i++)
        data[i] = (char)host_pattern(i);
    assert_int_equal(nfs_creat(nfs, "/dir/big", 0644, &file), 0);
    for (size_t at = 0; at < BIG;) {
        int n = nfs_write(nfs, file, BIG - at, data + at);
        assert_true(n > 0);
        at += n;
    }
    assert_int_equal(nfs_fsync(nfs, file), 0);
    assert_int_equal(nfs_close(nfs, file), 0);
    assert_int_equal(host_stat(dir, "dir/big").st_size, BIG);
    assert_int_equal(nfs_stat64(nfs, "/dir/big", &st), 0);
    assert_int_equal(st.nfs_size, BIG);
    assert_int_equal(st.nfs_ino, host_stat(dir, "dir/big").st_ino);
    assert_int_equal(nfs_open(nfs, "/dir/big", O_RDONLY, &file), 0);
    for (size_t at = 0; at < BIG;) {
        int n = nfs_read(nfs, file, BIG - at, back + at);
        assert_true(n > 0);
        at += n;
    }
    assert_memory_equal(data, back, BIG);
    assert_int_equal(nfs_close(nfs, file), 0);
    free(data);
    free(back);
}

TEST(libnfs_does_a_days_work)
{
    struct server server;
    struct nfsdir *dir;
    struct statvfs vfs;
    char target[100];
    int count = 0;

    server_run(&server);
    struct nfs_context *nfs = mount_with_libnfs(&server);
    assert_int_equal(nfs_mkdir(nfs, "/dir"), 0);
    write_and_read_back(nfs, server.export_dir);
    assert_int_equal(nfs_rename(nfs, "/dir/big", "/renamed"), 0);
    assert_int_equal(nfs_link(nfs, "/renamed", "/linked"), 0);
    assert_int_equal(nfs_symlink(nfs, "renamed", "/symlink"), 0);
    assert_int_equal(nfs_readlink(nfs, "/symlink", target, sizeof(target)), 0);
    assert_string_equal(target, "renamed");
    assert_int_equal(nfs_truncate(nfs, "/renamed", 1000), 0);
    assert_int_equal(nfs_chmod(nfs, "/renamed", 0600), 0);
    assert_int_equal(host_stat(server.export_dir, "linked").st_mode & 0777, 0600);
    assert_int_equal(host_stat(server.export_dir, "linked").st_size, 1000);
    assert_int_equal(nfs_opendir(nfs, "/", &dir), 0);
    while (nfs_readdir(nfs, dir))
        count++;
    nfs_closedir(nfs, dir);
    assert_int_equal(count, 6); /* with `.` and `..` */
    assert_int_equal(nfs_statvfs(nfs, "/", &vfs), 0);
    assert_true(vfs.f_blocks > 0);
    assert_int_equal(nfs_unlink(nfs, "/renamed"), 0);
    assert_int_equal(nfs_unlink(nfs, "/linked"), 0);
    assert_int_equal(nfs_unlink(nfs, "/symlink"), 0);
    assert_int_equal(nfs_rmdir(nfs, "/dir"), 0);
    assert_true(nfs_rmdir(nfs, "/dir") < 0);
    nfs_destroy_context(nfs);
    server_finish(&server);
}

TEST(libnfs_sees_the_errors_it_expects)
{
    struct server server;
    struct nfsfh *file;
    struct nfs_stat_64 st;

    server_run(&server);
    struct nfs_context *nfs = mount_with_libnfs(&server);
    assert_int_equal(nfs_stat64(nfs, "/missing", &st), -2);
    assert_int_equal(nfs_mkdir(nfs, "/dir"), 0);
    assert_int_equal(nfs_mkdir(nfs, "/dir"), -17);
    assert_int_equal(nfs_creat(nfs, "/dir/file", 0644, &file), 0);
    nfs_close(nfs, file);
    assert_int_equal(nfs_rmdir(nfs, "/dir"), -39);
    assert_true(nfs_open(nfs, "/dir/file/x", O_RDONLY, &file) < 0);
    nfs_destroy_context(nfs);
    server_finish(&server);
}
