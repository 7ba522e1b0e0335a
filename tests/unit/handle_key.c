/*
 * handle_key.c - tests of the key file.
 */
#include "exports/handle_key.h"
#include "exports/handle.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "tests/unit/exports_fixture.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

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

    assert_int_equal(handle_key_get(dir, first), 0);
    assert_memory_not_equal(first, zero, sizeof(first));
    struct stat st = host_stat(dir, "handle.key");
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 16);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(handle_key_get(dir, again), 0);
    assert_memory_equal(first, again, sizeof(first));
    host_unlink(dir, "handle.key");
    assert_int_equal(handle_key_get(dir, again), 0);
    assert_memory_not_equal(first, again, sizeof(first));
    assert_int_equal(handle_init(dir), 0);
    /* No temporary file is left. */
    host_unlink(dir, "handle.key");
    assert_int_equal(rmdir(dir), 0);
}

TEST(a_handle_key_that_others_may_read_is_refused)
{
    const char *dir = state_dir("key-mode");
    uint8_t key[HANDLE_KEY_SIZE];

    assert_int_equal(handle_key_get(dir, key), 0);
    host_chmod(dir, "handle.key", 0640);
    assert_int_equal(handle_key_get(dir, key), EINVAL);
    host_chmod(dir, "handle.key", 0604);
    assert_int_equal(handle_init(dir), EINVAL);
    host_chmod(dir, "handle.key", 0400);
    assert_int_equal(handle_key_get(dir, key), 0);
}

TEST(a_handle_key_of_the_wrong_length_is_refused)
{
    const char *dir = state_dir("key-length");
    uint8_t key[HANDLE_KEY_SIZE];

    host_write(dir, "handle.key", "");
    host_chmod(dir, "handle.key", 0600);
    assert_int_equal(handle_key_get(dir, key), EINVAL);
    host_write(dir, "handle.key", "seventeen bytes..");
    assert_int_equal(handle_key_get(dir, key), EINVAL);
    host_write(dir, "handle.key", "sixteen bytes...");
    assert_int_equal(handle_key_get(dir, key), 0);
    assert_memory_equal(key, "sixteen bytes...", 16);
}

TEST(a_handle_key_that_is_a_link_or_a_directory_is_refused)
{
    const char *dir = state_dir("key-kind");
    uint8_t key[HANDLE_KEY_SIZE];

    host_write(dir, "elsewhere", "sixteen bytes...");
    host_chmod(dir, "elsewhere", 0600);
    host_symlink("elsewhere", dir, "handle.key");
    assert_int_equal(handle_key_get(dir, key), EINVAL);
    host_unlink(dir, "handle.key");
    host_mkdir(dir, "handle.key", 0700);
    assert_int_equal(handle_key_get(dir, key), EINVAL);
}

TEST(a_missing_state_directory_is_an_error)
{
    uint8_t key[HANDLE_KEY_SIZE];

    assert_int_equal(handle_key_get("/no/such/directory", key), ENOENT);
    assert_int_equal(handle_key_get("/dev/null", key), ENOTDIR);
}
