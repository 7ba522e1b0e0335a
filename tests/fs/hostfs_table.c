/*
 * hostfs_table.c - the handle table itself: kills, damage, growth.
 *
 * Where the kernel opens handles there is no table, and these tests have nothing to look at.
 */
#include "fs/hostfs/hostfs.h"
#include "fs/hostfs/locate/locate.h"
#include "tests/fs/fixture.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TABLE "hostfs.sqlite"

static void begin_with_table(struct fixture *f)
{
    test_skip_in_variant("root", "the kernel opens the handles");
    fixture_begin(f);
}

TEST(the_table_survives_a_kill)
{
    struct fixture f = {0};
    struct vnode_id id;
    int pipe_fds[2];

    begin_with_table(&f);
    host_mkdir(f.export, "dir", 0755);
    host_write(f.export, "dir/file", "hello");
    fixture_unmount(&f);
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        fixture_mount(&f);
        id = fixture_id(&f, "dir/file");
        if (write(pipe_fds[1], &id, sizeof(id)) != sizeof(id))
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(pipe_fds[0], &id, sizeof(id)), sizeof(id));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    fixture_mount(&f);
    fixture_expect(&f, &id, "hello");
    fixture_unmount(&f);
    assert_false(host_exists(f.state, TABLE ".broken"));
}

static void damage(struct fixture *f, off_t size, const char *text)
{
    struct host_path path = host_path(f->state, TABLE);
    if (size >= 0)
        assert_int_equal(truncate(path.text, size), 0);
    if (text) {
        int fd = open(path.text, O_WRONLY);
        assert_int_equal(pwrite(fd, text, strlen(text), 0), strlen(text));
        assert_int_equal(pwrite(fd, text, strlen(text), 4096), strlen(text));
        close(fd);
    }
}

TEST(a_damaged_table_is_moved_aside_and_ids_are_found_again)
{
    struct fixture f = {0};

    begin_with_table(&f);
    host_mkdir(f.export, "dir", 0755);
    host_write(f.export, "dir/file", "hello");
    struct vnode_id id = fixture_id(&f, "dir/file");
    fixture_unmount(&f);
    damage(&f, -1,
           "this is no database, and has never been one; it says so in its first words: "
           "this is no database, and has never been one; it says so in its first words");
    fixture_mount(&f);
    assert_true(host_exists(f.state, TABLE ".broken"));
    fixture_expect(&f, &id, "hello");
    fixture_unmount(&f);
    host_unlink(f.state, TABLE ".broken");
    damage(&f, 4096, NULL);
    fixture_mount(&f);
    assert_true(host_exists(f.state, TABLE ".broken"));
    fixture_expect(&f, &id, "hello");
    fixture_unmount(&f);
}

TEST(a_table_left_open_by_a_crash_of_the_host_is_moved_aside)
{
    struct fixture f = {0};

    begin_with_table(&f);
    host_write(f.export, "file", "hello");
    struct vnode_id id = fixture_id(&f, "file");
    fixture_unmount(&f);
    assert_false(host_exists(f.state, "hostfs.boot"));
    host_write(f.state, "hostfs.boot", "another boot");
    fixture_mount(&f);
    assert_true(host_exists(f.state, TABLE ".broken"));
    fixture_expect(&f, &id, "hello");
    fixture_unmount(&f);
}

/* Of this process's work: what others do on the machine is no part of it. */
static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* More than the map's first size holds, where time allows. */
#define ROWS 1000000

TEST(the_table_grows_and_opens_fast)
{
    struct fixture f = {0};
    struct hostfs_table *table;
    struct hostfs_row row = {.parent = {.len = 10}, .name = "the name of a file"};
    struct vnode_id id = {.len = 10};

    begin_with_table(&f);
    uint32_t rows = test_variant_is("table") ? ROWS : ROWS / 20;
    assert_int_equal(hostfs_table_open(f.state, &table), 0);
    double start = seconds();
    for (uint32_t i = 0; i < rows; i++) {
        /* Scattered, as inode numbers and generations are. */
        uint32_t scattered = i * 2654435761u;
        memcpy(id.bytes, &scattered, sizeof(scattered));
        row.ino = i;
        hostfs_table_put(table, 1, &id, &row);
    }
    test_note("%.1f us a row", (seconds() - start) / rows * 1e6);
    hostfs_table_close(table);
    fixture_unmount(&f);
    start = seconds();
    fixture_mount(&f);
    test_note("opened in %.1f ms", (seconds() - start) * 1e3);
    assert_true(seconds() - start < 1);
    assert_int_equal(hostfs_table_open(f.state, &table), 0);
    for (uint32_t i = 0; i < rows; i += 997) {
        uint32_t scattered = i * 2654435761u;
        memcpy(id.bytes, &scattered, sizeof(scattered));
        assert_int_equal(hostfs_table_get(table, 1, &id, &row), 0);
        assert_int_equal(row.ino, i);
    }
    hostfs_table_close(table);
    fixture_unmount(&f);
}

TEST(what_was_not_found_is_not_looked_for_all_the_time)
{
    struct fixture f = {0};
    char name[32];

    begin_with_table(&f);
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "dir-%d", i);
        host_mkdir(f.export, name, 0755);
    }
    host_write(f.export, "gone", "hello");
    struct vnode_id id = fixture_id(&f, "gone");
    fixture_restart(&f);
    host_unlink(f.export, "gone");
    fixture_expect_stale(&f, &id);
    double start = seconds();
    for (int i = 0; i < 1000; i++)
        fixture_expect_stale(&f, &id);
    assert_true(seconds() - start < 0.5);
    fixture_unmount(&f);
}
