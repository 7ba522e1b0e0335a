/*
 * handle_short.c - tests of the table behind short handles, and of its file.
 */
#include "access/handle_short.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct vnode_id id_of(uint32_t number)
{
    struct vnode_id id = {.len = 40};

    memset(id.bytes, 0x5a, sizeof(id.bytes));
    memcpy(id.bytes + 3, &number, sizeof(number));
    return id;
}

static void put(uint32_t number, uint8_t hash[HANDLE_SHORT_LEN])
{
    struct vnode_id id = id_of(number);

    handle_short_put(9, &id, hash);
}

static bool known(uint32_t number, const uint8_t hash[HANDLE_SHORT_LEN])
{
    struct vnode_id id, expected = id_of(number);

    if (!handle_short_get(9, hash, &id))
        return false;
    assert_int_equal(id.len, expected.len);
    assert_memory_equal(id.bytes, expected.bytes, id.len);
    return true;
}

static void state_begin(char dir[32])
{
    strcpy(dir, "/tmp/loopnfs-short-XXXXXX");
    assert_non_null(mkdtemp(dir));
    handle_short_init(dir);
}

static void state_end(const char *dir)
{
    handle_short_finish();
    host_remove_tree(dir);
}

TEST(a_short_handle_outlives_the_server)
{
    uint8_t hash[HANDLE_SHORT_LEN], other[HANDLE_SHORT_LEN];
    char dir[32];
    struct vnode_id id;

    state_begin(dir);
    put(1, hash);
    put(2, other);
    assert_memory_not_equal(hash, other, sizeof(hash));
    handle_short_init(dir);
    assert_true(known(1, hash));
    assert_true(known(2, other));
    assert_false(handle_short_get(8, hash, &id)); /* another export's */
    state_end(dir);
}

TEST(of_short_handles_the_256_used_last_are_known)
{
    uint8_t first[HANDLE_SHORT_LEN], second[HANDLE_SHORT_LEN], hash[HANDLE_SHORT_LEN];
    char dir[32];

    state_begin(dir);
    put(0, first);
    put(1, second);
    for (uint32_t i = 2; i < 257; i++) {
        assert_true(known(0, first)); /* used again each time */
        put(i, hash);
    }
    assert_true(known(0, first));
    assert_false(known(1, second));
    handle_short_init(dir);
    assert_true(known(0, first));
    assert_true(known(256, hash));
    state_end(dir);
}

TEST(a_damaged_table_of_short_handles_is_begun_anew)
{
    uint8_t hash[HANDLE_SHORT_LEN];
    char dir[32], path[64], text[4096];

    state_begin(dir);
    put(1, hash);
    put(2, hash);
    snprintf(path, sizeof(path), "%s/handle.short", dir);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof(text), file);
    fclose(file);
    /* Each byte another one, and cut after each byte: never another id, never a crash. */
    for (size_t i = 0; i < 2 * len; i++) {
        char bent[4096];
        size_t bent_len = i < len ? len : i - len;

        memcpy(bent, text, len);
        if (i < len)
            bent[i] ^= 0x11;
        file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(bent, 1, bent_len, file), bent_len);
        assert_int_equal(fclose(file), 0);
        handle_short_init(dir);
        known(2, hash);
    }
    put(3, hash);
    handle_short_init(dir);
    assert_true(known(3, hash));
    state_end(dir);
}

TEST(without_room_for_its_file_the_table_works_in_memory)
{
    uint8_t hash[HANDLE_SHORT_LEN];
    char dir[32];

    state_begin(dir);
    assert_int_equal(rmdir(dir), 0);
    put(1, hash);
    assert_true(known(1, hash));
    handle_short_finish();
}
