/*
 * base_workdir.c - a thread's own working directory.
 */
#include "base/workdir.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#define STRANGER 1000

static char base[] = "/tmp/loopnfs-workdir.XXXXXX";

/* The process' own working directory is base/NAME, or where it was. */
static void begin_in(const char *name)
{
    strcpy(base, "/tmp/loopnfs-workdir.XXXXXX");
    assert_non_null(mkdtemp(base));
    host_mkdir(base, "a", 0755);
    host_mkdir(base, "b", 0755);
    host_mkdir(base, "closed", 0755);
    host_write(base, "a/in-a", "");
    host_write(base, "b/in-b", "");
    if (name)
        assert_int_equal(chdir(host_path(base, name).text), 0);
    workdir_init();
}

static void begin(void)
{
    begin_in(NULL);
}

static int open_dir(const char *name)
{
    int fd = open(host_path(base, name).text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_return_code(fd, errno);
    return fd;
}

static bool finds(const char *name)
{
    struct stat st;

    return stat(name, &st) == 0;
}

static void *note_cwd(void *arg)
{
    if (getcwd(arg, PATH_MAX) == NULL)
        *(char *)arg = '\0';
    return NULL;
}

/* Another thread's working directory is this one. */
static void expect_others(const char *cwd)
{
    char others[PATH_MAX];
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, note_cwd, others), 0);
    pthread_join(thread, NULL);
    assert_string_equal(others, cwd);
}

/* A thread has it from who made it: so the one that sees its own is made before. */
static struct {
    pthread_barrier_t entered, seen;
    char cwd[PATH_MAX];
} watcher;

static void *watch(void *arg)
{
    pthread_barrier_wait(&watcher.entered);
    note_cwd(watcher.cwd);
    pthread_barrier_wait(&watcher.seen);
    return arg;
}

TEST(a_working_directory_is_one_threads_own)
{
    char before[PATH_MAX], after[PATH_MAX];
    pthread_t thread;

    begin();
    int a = open_dir("a"), b = open_dir("b");
    assert_non_null(getcwd(before, sizeof(before)));
    pthread_barrier_init(&watcher.entered, NULL, 2);
    pthread_barrier_init(&watcher.seen, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, watch, NULL), 0);
    assert_int_equal(workdir_enter(a), 0);
    assert_true(finds("in-a"));
    pthread_barrier_wait(&watcher.entered);
    pthread_barrier_wait(&watcher.seen);
    assert_string_equal(watcher.cwd, before);
    pthread_join(thread, NULL);
    assert_int_equal(workdir_enter(b), 0);
    assert_true(finds("in-b"));
    assert_false(finds("in-a"));
    close(b); /* the working directory stays */
    assert_true(finds("in-b"));
    assert_true(workdir_leave());
    assert_non_null(getcwd(after, sizeof(after)));
    assert_string_equal(after, before);
    expect_others(before);
    close(a);
    host_remove_tree(base);
}

TEST(a_directory_that_may_not_be_searched_is_not_entered)
{
    char before[PATH_MAX], after[PATH_MAX];

    if (geteuid() != 0)
        test_skip("only root can become somebody else");
    begin();
    host_chmod(base, "b", 0700);
    int a = open_dir("a"), b = open_dir("b");
    host_chmod(base, NULL, 0755);
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(workdir_enter(a), 0);
    setfsuid(STRANGER);
    assert_int_equal(workdir_enter(b), EACCES);
    assert_true(finds("in-a"));
    setfsuid(0);
    assert_true(workdir_leave());
    assert_non_null(getcwd(after, sizeof(after)));
    assert_string_equal(after, before);
    close(a);
    close(b);
    host_remove_tree(base);
}

/* As root it can. */
TEST(who_may_not_go_back_is_told)
{
    if (geteuid() != 0)
        test_skip("only root can become somebody else");
    begin_in("closed");
    int a = open_dir("a");
    host_chmod(base, NULL, 0755);
    host_chmod(base, "closed", 0700);
    assert_int_equal(workdir_enter(a), 0);
    setfsuid(STRANGER);
    assert_false(workdir_leave());
    assert_true(finds("in-a"));
    setfsuid(0);
    assert_true(workdir_leave());
    assert_false(finds("in-a"));
    close(a);
    host_remove_tree(base);
}

/* One that has its own makes another, which fails to enter: it must not stay where the first is. */
static int other_end;
static char others_cwd[PATH_MAX];

static void *fail_to_enter(void *arg)
{
    const int *file = arg;

    other_end = workdir_enter(*file);
    if (workdir_leave())
        note_cwd(others_cwd);
    return NULL;
}

TEST(a_thread_made_by_one_that_is_away_goes_back_by_itself)
{
    char before[PATH_MAX];
    pthread_t thread;

    begin();
    int a = open_dir("a");
    int file = open(host_path(base, "a/in-a").text, O_RDONLY | O_CLOEXEC);
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(workdir_enter(a), 0);
    assert_int_equal(pthread_create(&thread, NULL, fail_to_enter, &file), 0);
    pthread_join(thread, NULL);
    assert_int_equal(other_end, ENOTDIR);
    assert_string_equal(others_cwd, before);
    assert_true(finds("in-a"));
    assert_true(workdir_leave());
    close(file);
    close(a);
    host_remove_tree(base);
}

TEST(what_is_no_directory_is_not_entered)
{
    begin();
    int fd = open(host_path(base, "a/in-a").text, O_RDONLY | O_CLOEXEC);
    assert_int_equal(workdir_enter(fd), ENOTDIR);
    close(fd);
    assert_int_equal(workdir_enter(fd), EBADF);
    host_remove_tree(base);
}
