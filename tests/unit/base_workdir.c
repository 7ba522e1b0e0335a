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

static void begin(void)
{
    strcpy(base, "/tmp/loopnfs-workdir.XXXXXX");
    assert_non_null(mkdtemp(base));
    host_mkdir(base, "a", 0755);
    host_mkdir(base, "b", 0755);
    host_write(base, "a/in-a", "");
    host_write(base, "b/in-b", "");
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
    workdir_leave();
    assert_non_null(getcwd(after, sizeof(after)));
    assert_string_equal(after, before);
    expect_others(before);
    close(a);
    host_remove_tree(base);
}

TEST(a_directory_that_may_not_be_searched_is_not_entered)
{
    if (geteuid() != 0)
        test_skip("only root can become somebody else");
    begin();
    host_chmod(base, "b", 0700);
    int a = open_dir("a"), b = open_dir("b");
    assert_int_equal(chmod(base, 0755), 0);
    assert_int_equal(workdir_enter(a), 0);
    setfsuid(STRANGER);
    assert_int_equal(workdir_enter(b), EACCES);
    assert_true(finds("in-a"));
    workdir_leave();
    assert_false(finds("in-a"));
    setfsuid(0);
    close(a);
    close(b);
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
