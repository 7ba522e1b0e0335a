/*
 * hostfs_store.c - the handle table's file in the hands of failing disks: garbage, cut off, full,
 * removed, read-only, before the server starts and while it runs.
 *
 * Whatever becomes of the file, the server goes on (or says that it can't start), and an id leads
 * to its own file or, where the table can't know any more, is looked for; never to another file.
 */
#include "fs/hostfs/hostfs.h"
#include "fs/hostfs/locate/locate.h"
#include "tests/fs/fixture.h"
#include "vfs/mount.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define TABLE "hostfs.sqlite"
#define PAGE  4096
#define DIRS  12
#define FILES 40 /* of each */

struct scene {
    struct fixture f;
    struct vnode_id ids[DIRS * FILES];
    char *table, *wal; /* the file and its log as they were when a server was killed */
    size_t table_size, wal_size;
};

static void path_at(int i, char path[64])
{
    snprintf(path, 64, "dir-%d/file-%d-of-some-length", i / FILES, i % FILES);
}

static void begin_with_table(struct scene *s)
{
    test_skip_in_variant("root", "the kernel opens the handles");
    char path[64];

    fixture_begin(&s->f);
    for (int i = 0; i < DIRS * FILES; i++) {
        path_at(i, path);
        *strchr(path, '/') = '\0';
        if (i % FILES == 0)
            host_mkdir(s->f.export, path, 0755);
        path_at(i, path);
        host_write(s->f.export, path, path);
    }
}

static void meet_all(struct scene *s)
{
    char path[64];

    for (int i = 0; i < DIRS * FILES; i++) {
        path_at(i, path);
        s->ids[i] = fixture_id(&s->f, path);
    }
}

/* A selection, since a search goes through all of the export. */
static void expect_right(struct scene *s, int step)
{
    char path[64];

    for (int i = step / 2; i < DIRS * FILES; i += step) {
        path_at(i, path);
        fixture_expect(&s->f, &s->ids[i], path);
    }
}

static char *load(const char *dir, const char *name, size_t *size)
{
    struct host_path path = host_path(dir, name);
    int fd = open(path.text, O_RDONLY);
    *size = (size_t)host_stat(dir, name).st_size;
    char *bytes = malloc(*size + 1);

    assert_true(fd >= 0 && bytes);
    assert_int_equal(read(fd, bytes, *size), *size);
    close(fd);
    return bytes;
}

static void store(const char *dir, const char *name, const char *bytes, size_t size)
{
    struct host_path path = host_path(dir, name);
    int fd = open(path.text, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

/* Leaves the file system unmounted, and the files as a server leaves them that is killed. */
static void remember_killed(struct scene *s)
{
    meet_all(s);
    s->table = load(s->f.state, TABLE, &s->table_size);
    s->wal = load(s->f.state, TABLE "-wal", &s->wal_size);
    fixture_unmount(&s->f);
}

/* Leaves it unmounted and the file closed in good order. */
static void remember_closed(struct scene *s)
{
    meet_all(s);
    fixture_unmount(&s->f);
    s->table = load(s->f.state, TABLE, &s->table_size);
    assert_true(s->table_size >= 8 * PAGE);
}

static void restore(struct scene *s)
{
    static const char *const names[] = {TABLE "-wal", TABLE ".broken", "hostfs.boot"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(host_path(s->f.state, names[i]).text);
    store(s->f.state, TABLE, s->table, s->table_size);
    if (s->wal)
        store(s->f.state, TABLE "-wal", s->wal, s->wal_size);
}

static void garble(const char *dir, const char *name, size_t at, size_t size)
{
    struct host_path path = host_path(dir, name);
    int fd = open(path.text, O_WRONLY);
    unsigned char bytes[PAGE];

    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)random();
    assert_int_equal(pwrite(fd, bytes, size, (off_t)at), size);
    close(fd);
}

static void cut(const char *dir, const char *name, size_t size)
{
    assert_int_equal(truncate(host_path(dir, name).text, (off_t)size), 0);
}

TEST(a_page_of_garbage_anywhere_in_the_table_harms_nobody)
{
    static struct scene s;
    begin_with_table(&s);
    remember_closed(&s);
    for (size_t at = 0; at < s.table_size; at += PAGE) {
        restore(&s);
        garble(s.f.state, TABLE, at, PAGE);
        fixture_mount(&s.f);
        expect_right(&s, 60);
        fixture_unmount(&s.f);
    }
}

TEST(a_table_that_is_cut_off_anywhere_harms_nobody)
{
    static struct scene s;
    begin_with_table(&s);
    remember_closed(&s);
    for (size_t size = 0; size < s.table_size; size += PAGE / 2 + 100) {
        restore(&s);
        cut(s.f.state, TABLE, size);
        fixture_mount(&s.f);
        expect_right(&s, 120);
        fixture_unmount(&s.f);
    }
}

TEST(bytes_that_are_wrong_here_and_there_in_the_table_harm_nobody)
{
    static struct scene s;
    begin_with_table(&s);
    remember_closed(&s);
    srandom(1);
    for (int round = 0; round < 60; round++) {
        restore(&s);
        for (int i = 0; i < 1 + round; i++)
            garble(s.f.state, TABLE, (size_t)random() % (s.table_size - 4), 1 + random() % 4);
        fixture_mount(&s.f);
        expect_right(&s, 120);
        fixture_unmount(&s.f);
    }
}

TEST(a_log_that_is_garbage_or_cut_off_after_a_kill_harms_nobody)
{
    static struct scene s;
    begin_with_table(&s);
    remember_killed(&s);
    for (size_t at = 0; at < s.wal_size; at += s.wal_size / 40 + 1) {
        restore(&s);
        if (at % 2)
            cut(s.f.state, TABLE "-wal", at);
        else
            garble(s.f.state, TABLE "-wal", at, 24);
        fixture_mount(&s.f);
        expect_right(&s, 120);
        fixture_unmount(&s.f);
    }
}

TEST(a_table_that_becomes_garbage_while_it_is_used_harms_nobody)
{
    static struct scene s;
    begin_with_table(&s);
    meet_all(&s);
    for (int round = 0; round < 4; round++) {
        fixture_restart(&s.f);
        size_t size = (size_t)host_stat(s.f.state, TABLE).st_size;
        if (round == 0)
            cut(s.f.state, TABLE, 0);
        else if (round == 1)
            cut(s.f.state, TABLE, size / 2);
        for (size_t at = 0; round > 1 && at + PAGE <= size; at += PAGE)
            garble(s.f.state, TABLE, at, PAGE);
        expect_right(&s, 24);
        fixture_restart(&s.f);
        expect_right(&s, 60);
        meet_all(&s);
    }
    fixture_unmount(&s.f);
}

TEST(a_damaged_row_is_found_by_its_checksum)
{
    static struct scene s;
    struct hostfs_table *table;
    struct hostfs_row row;
    int damaged = 0;

    begin_with_table(&s);
    remember_closed(&s);
    restore(&s);
    /* One letter of many names. */
    for (size_t i = 0; i + 8 < s.table_size; i++)
        if (memcmp(s.table + i, "-of-some", 8) == 0 && ++damaged)
            s.table[i + 4] = 'S';
    assert_true(damaged >= DIRS * FILES);
    restore(&s);
    assert_int_equal(hostfs_table_open(s.f.state, &table), 0);
    for (int i = 0; i < DIRS * FILES; i++)
        assert_int_equal(hostfs_table_get(table, 7, &s.ids[i], &row), ENOENT);
    hostfs_table_close(table);
    fixture_mount(&s.f);
    expect_right(&s, 60);
    fixture_unmount(&s.f);
}

/* The state directory on a file system of so many pages, of which the server's own files take some.
 * False: the server could not start, and said so. */
static bool try_with_room(struct scene *s, unsigned pages)
{
    char options[32];
    struct vfs_mount_args args = {
        .source = s->f.export, .state_dir = s->f.state, .fsid = 7, .options = "handles=table"};

    snprintf(options, sizeof(options), "size=%uk", pages * (PAGE / 1024));
    assert_int_equal(mount("tmpfs", s->f.state, "tmpfs", 0, options), 0);
    fixture_host();
    bool mounted = vfs_mount("hostfs", &args, &s->f.fs) == 0;
    if (mounted) {
        s->f.root = s->f.fs->root;
        meet_all(s);
        expect_right(s, 60);
        fixture_unmount(&s->f);
        if (vfs_mount("hostfs", &args, &s->f.fs) == 0) {
            s->f.root = s->f.fs->root;
            expect_right(s, 60);
            fixture_unmount(&s->f);
        }
    }
    fixture_host();
    assert_int_equal(umount2(s->f.state, MNT_DETACH), 0);
    return mounted;
}

TEST(a_full_disk_below_the_state_directory_harms_nobody)
{
    static struct scene s;
    int mounted = 0, refused = 0;

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    begin_with_table(&s);
    fixture_unmount(&s.f);
    for (unsigned pages = 1; pages < 80; pages += pages < 24 ? 1 : 7)
        *(try_with_room(&s, pages) ? &mounted : &refused) += 1;
    assert_true(mounted > 5 && refused > 0);
}

TEST(what_a_full_disk_can_not_take_is_kept_in_memory_and_written_later)
{
    static struct scene s;
    struct hostfs_table *table;
    struct hostfs_row row;

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    begin_with_table(&s);
    fixture_unmount(&s.f);
    host_mount_tmpfs(s.f.state, "size=256k");
    fixture_mount(&s.f);
    host_write_pattern(s.f.state, "ballast", 128 * 1024);
    meet_all(&s);
    assert_int_equal(hostfs_table_open(s.f.state, &table), 0);
    for (int i = 0; i < DIRS * FILES; i++)
        assert_int_equal(hostfs_table_get(table, 7, &s.ids[i], &row), 0);
    fixture_host();
    host_unlink(s.f.state, "ballast");
    assert_int_equal(mount(NULL, s.f.state, NULL, MS_REMOUNT, "size=8m"), 0);
    hostfs_table_tick(table);
    hostfs_table_close(table);
    fixture_restart(&s.f);
    assert_int_equal(hostfs_table_open(s.f.state, &table), 0);
    for (int i = 0; i < DIRS * FILES; i++)
        assert_int_equal(hostfs_table_get(table, 7, &s.ids[i], &row), 0);
    hostfs_table_close(table);
    fixture_unmount(&s.f);
}

TEST(a_state_directory_that_becomes_read_only_harms_nobody)
{
    static struct scene s;

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    begin_with_table(&s);
    fixture_unmount(&s.f);
    host_mount_tmpfs(s.f.state, "");
    fixture_mount(&s.f);
    host_write(s.f.state, "probe", "");
    mount(NULL, s.f.state, NULL, MS_REMOUNT | MS_RDONLY | MS_BIND, NULL);
    meet_all(&s);
    expect_right(&s, 24);
    fixture_unmount(&s.f);
}

TEST(a_table_that_is_removed_while_it_is_used_is_made_again)
{
    static struct scene s;
    struct hostfs_table *table;
    struct hostfs_row row;

    begin_with_table(&s);
    meet_all(&s);
    assert_int_equal(hostfs_table_open(s.f.state, &table), 0);
    host_unlink(s.f.state, TABLE);
    host_unlink(s.f.state, TABLE "-wal");
    expect_right(&s, 60);
    hostfs_table_tick(table);
    assert_true(host_exists(s.f.state, TABLE));
    hostfs_table_close(table);
    fixture_restart(&s.f);
    /* From the table: nothing had to be looked for. */
    assert_int_equal(hostfs_table_open(s.f.state, &table), 0);
    for (int i = 0; i < DIRS * FILES; i++)
        assert_int_equal(hostfs_table_get(table, 7, &s.ids[i], &row), 0);
    hostfs_table_close(table);
    fixture_unmount(&s.f);
}

TEST(a_table_of_an_earlier_server_is_moved_aside)
{
    static struct scene s;

    begin_with_table(&s);
    remember_closed(&s);
    unlink(host_path(s.f.state, TABLE).text);
    host_write(s.f.state, "hostfs.lmdb", "what LMDB had");
    host_write(s.f.state, "hostfs.lmdb-lock", "");
    fixture_mount(&s.f);
    expect_right(&s, 60);
    fixture_unmount(&s.f);
    assert_true(host_exists(s.f.state, "hostfs.lmdb.old"));
    assert_false(host_exists(s.f.state, "hostfs.lmdb"));
}

TEST(a_table_of_another_version_is_moved_aside)
{
    static struct scene s;

    begin_with_table(&s);
    remember_closed(&s);
    /* The user_version of SQLite's header. */
    s.table[63] = 9;
    restore(&s);
    fixture_mount(&s.f);
    assert_true(host_exists(s.f.state, TABLE ".broken"));
    expect_right(&s, 60);
    fixture_unmount(&s.f);
}
