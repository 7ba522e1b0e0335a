/*
 * handle_key.c - tests of the key file.
 */
#include "access/handle_key.h"
#include "access/handle.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "tests/unit/exports_fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct handle_key_why why;

static int get(const char *dir, uint8_t key[HANDLE_KEY_SIZE])
{
    why.text[0] = '\0';
    int err = handle_key_get(dir, key, &why);
    /* Who can't have it is told why. */
    assert_int_equal(why.text[0] != '\0', err != 0);
    assert_null(strchr(why.text, '\n'));
    return err;
}

static int keep(const char *dir, const uint8_t key[HANDLE_KEY_SIZE])
{
    return handle_key_keep(dir, key, &why);
}

static const char *state_dir(const char *name)
{
    if (host_exists(fixture_dir(), name))
        host_remove_tree(host_path(fixture_dir(), name).text);
    host_mkdir(fixture_dir(), name, 0700);
    return fixture_text(host_path("$D", name).text);
}

TEST(the_handle_key_is_made_once_and_kept)
{
    const char *dir = state_dir("key-kept");
    uint8_t first[HANDLE_KEY_SIZE], again[HANDLE_KEY_SIZE], zero[HANDLE_KEY_SIZE] = {0};

    assert_int_equal(get(dir, first), 0);
    assert_memory_not_equal(first, zero, sizeof(first));
    struct stat st = host_stat(dir, "handle.key");
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 24);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(get(dir, again), 0);
    assert_memory_equal(first, again, sizeof(first));
    host_unlink(dir, "handle.key");
    assert_int_equal(get(dir, again), 0);
    assert_memory_not_equal(first, again, sizeof(first));
    assert_int_equal(handle_init(dir, &why), 0);
    /* No temporary file is left. */
    host_unlink(dir, "handle.key");
    assert_int_equal(rmdir(dir), 0);
}

TEST(a_handle_key_that_others_may_read_is_refused)
{
    const char *dir = state_dir("key-mode");
    uint8_t key[HANDLE_KEY_SIZE];

    assert_int_equal(get(dir, key), 0);
    host_chmod(dir, "handle.key", 0640);
    assert_int_equal(get(dir, key), EINVAL);
    host_chmod(dir, "handle.key", 0604);
    assert_int_equal(handle_init(dir, &why), EINVAL);
    host_chmod(dir, "handle.key", 0400);
    assert_int_equal(get(dir, key), 0);
}

TEST(a_handle_key_of_the_wrong_length_is_refused)
{
    const char *dir = state_dir("key-length");
    uint8_t key[HANDLE_KEY_SIZE];

    host_write(dir, "handle.key", "");
    host_chmod(dir, "handle.key", 0600);
    assert_int_equal(get(dir, key), EINVAL);
    host_write(dir, "handle.key", "seventeen bytes..");
    assert_int_equal(get(dir, key), EINVAL);
    host_write(dir, "handle.key", "sixteen bytes...");
    assert_int_equal(get(dir, key), 0);
    assert_memory_equal(key, "sixteen bytes...", 16);
}

TEST(a_damaged_handle_key_is_refused)
{
    const char *dir = state_dir("key-damaged");
    uint8_t key[HANDLE_KEY_SIZE], again[HANDLE_KEY_SIZE];

    assert_int_equal(get(dir, key), 0);
    struct host_path path = host_path(dir, "handle.key");
    for (int at = 0; at < 24; at++) {
        unsigned char byte, wrong;
        int fd = open(path.text, O_RDWR);
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        wrong = byte ^ 0x10;
        assert_int_equal(pwrite(fd, &wrong, 1, at), 1);
        assert_int_equal(get(dir, again), EINVAL);
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        close(fd);
    }
    assert_int_equal(get(dir, again), 0);
    assert_memory_equal(key, again, sizeof(key));
    for (int size = 23; size >= 0; size--) {
        assert_int_equal(truncate(path.text, size), 0);
        /* What an earlier server wrote has no checksum. */
        assert_int_equal(get(dir, again), size == 16 ? 0 : EINVAL);
    }
}

TEST(a_handle_key_that_is_removed_is_written_again_and_another_is_left_alone)
{
    const char *dir = state_dir("key-removed");
    uint8_t key[HANDLE_KEY_SIZE], again[HANDLE_KEY_SIZE];

    assert_int_equal(get(dir, key), 0);
    assert_int_equal(keep(dir, key), 0);
    host_unlink(dir, "handle.key");
    assert_int_equal(keep(dir, key), 0);
    assert_int_equal(get(dir, again), 0);
    assert_memory_equal(key, again, sizeof(key));
    host_unlink(dir, "handle.key");
    assert_int_equal(get(dir, again), 0);
    assert_int_equal(keep(dir, key), EEXIST);
    assert_int_equal(keep("/no/such/directory", key), ENOENT);
}

TEST(a_handle_key_that_is_a_link_or_a_directory_is_refused)
{
    const char *dir = state_dir("key-kind");
    uint8_t key[HANDLE_KEY_SIZE];

    host_write(dir, "elsewhere", "sixteen bytes...");
    host_chmod(dir, "elsewhere", 0600);
    host_symlink("elsewhere", dir, "handle.key");
    assert_int_equal(get(dir, key), EINVAL);
    host_unlink(dir, "handle.key");
    host_mkdir(dir, "handle.key", 0700);
    assert_int_equal(get(dir, key), EINVAL);
}

TEST(a_missing_state_directory_is_an_error)
{
    uint8_t key[HANDLE_KEY_SIZE];

    assert_int_equal(get("/no/such/directory", key), ENOENT);
    assert_int_equal(get("/dev/null", key), ENOTDIR);
}
