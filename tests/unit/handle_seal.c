/*
 * handle_seal.c - tests of file handles: what was not sealed here is not opened.
 */
#include "access/handle.h"
#include "tests/lib/test.h"
#include <loopnfs/errors.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t test_key[16] = "0123456789abcde";

static void seal(uint32_t export_id, uint8_t id_len, struct handle *out)
{
    struct vnode *vn = calloc(1, sizeof(*vn) + VNODE_ID_MAX);

    assert_non_null(vn);
    vn->id_len = id_len;
    for (uint8_t i = 0; i < id_len; i++)
        vn->id[i] = (uint8_t)(i * 7 + 1);
    handle_seal(export_id, vn, out);
    free(vn);
}

static int open_bytes(const uint8_t *bytes, uint32_t len)
{
    /* Exactly as many bytes as are said to be there, for ASan to watch. */
    uint8_t *copy = malloc(len ? len : 1);
    struct vnode_id id;
    uint32_t export_id;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    int err = handle_open((struct view){copy, len}, &export_id, &id);
    free(copy);
    return err;
}

TEST(a_handle_opens_to_what_was_sealed_in_it)
{
    handle_init_key(test_key);
    for (uint8_t len = 1; len <= VNODE_ID_MAX; len++) {
        struct handle handle;
        struct vnode_id id;
        uint32_t export_id = 0;

        seal(0xfedcba98u - len, len, &handle);
        assert_true(handle.len <= HANDLE_MAX);
        assert_int_equal(handle_open((struct view){handle.bytes, handle.len}, &export_id, &id), 0);
        assert_int_equal(export_id, 0xfedcba98u - len);
        assert_int_equal(id.len, len);
        for (uint8_t i = 0; i < len; i++)
            assert_int_equal(id.bytes[i], (uint8_t)(i * 7 + 1));
    }
}

TEST(a_handle_with_any_bit_flipped_is_refused)
{
    struct handle handle;

    handle_init_key(test_key);
    for (uint8_t len = 1; len <= VNODE_ID_MAX; len += 47) {
        seal(5, len, &handle);
        for (unsigned bit = 0; bit < handle.len * 8u; bit++) {
            handle.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(open_bytes(handle.bytes, handle.len), VFS_EBADHANDLE);
            handle.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_int_equal(open_bytes(handle.bytes, handle.len), 0);
    }
}

TEST(a_handle_of_the_wrong_length_is_refused)
{
    uint8_t bytes[256] = {0};
    struct handle handle;

    handle_init_key(test_key);
    seal(5, 20, &handle);
    memcpy(bytes, handle.bytes, handle.len);
    for (uint32_t len = 0; len <= sizeof(bytes); len++)
        assert_int_equal(open_bytes(bytes, len), len == handle.len ? 0 : VFS_EBADHANDLE);
}

TEST(a_handle_moved_to_another_export_is_refused)
{
    struct handle one, two;

    handle_init_key(test_key);
    seal(5, 20, &one);
    seal(6, 20, &two);
    memcpy(one.bytes + 4, two.bytes + 4, 4);
    assert_int_equal(open_bytes(one.bytes, one.len), VFS_EBADHANDLE);
}

TEST(a_handle_sealed_with_another_key_is_refused)
{
    static const uint8_t other_key[16] = "0123456789abcdf";
    struct handle handle;

    handle_init_key(other_key);
    seal(5, 20, &handle);
    assert_int_equal(open_bytes(handle.bytes, handle.len), 0);
    handle_init_key(test_key);
    assert_int_equal(open_bytes(handle.bytes, handle.len), VFS_EBADHANDLE);
}

TEST(handles_of_random_bytes_are_refused)
{
    uint8_t bytes[80];

    handle_init_key(test_key);
    srandom(3);
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)random();
        if (round % 2) {
            bytes[0] = 1;
            bytes[1] = bytes[3] = 0;
            bytes[2] %= 64;
        }
        assert_int_equal(open_bytes(bytes, (uint32_t)round % sizeof(bytes)), VFS_EBADHANDLE);
    }
}

/* A node whose id has this length; *handle is its short one. */
static void seal_short(uint32_t export_id, uint8_t id_len, struct handle *out)
{
    struct vnode *vn = calloc(1, sizeof(*vn) + VNODE_ID_MAX);

    assert_non_null(vn);
    vn->id_len = id_len;
    for (uint8_t i = 0; i < id_len; i++)
        vn->id[i] = (uint8_t)(i * 7 + 1);
    handle_seal_short(export_id, vn, out);
    free(vn);
}

static void expect_opens(const uint8_t *bytes, uint32_t len, uint32_t export_id, uint8_t id_len)
{
    struct vnode_id id;
    uint32_t opened = 0;

    assert_int_equal(handle_open((struct view){bytes, len}, &opened, &id), 0);
    assert_int_equal(opened, export_id);
    assert_int_equal(id.len, id_len);
    for (uint8_t i = 0; i < id_len; i++)
        assert_int_equal(id.bytes[i], (uint8_t)(i * 7 + 1));
}

TEST(a_short_handle_has_28_bytes_at_most_and_opens_as_uboot_sends_it_back)
{
    handle_init_key(test_key);
    for (uint8_t len = 1; len <= VNODE_ID_MAX; len++) {
        struct handle handle;
        uint8_t padded[32] = {0}, prefixed[36] = {0};

        seal_short(77, len, &handle);
        assert_true(handle.len <= 28);
        expect_opens(handle.bytes, handle.len, 77, len);
        memcpy(padded, handle.bytes, handle.len);
        expect_opens(padded, 32, 77, len);
        prefixed[3] = handle.len;
        memcpy(prefixed + 4, handle.bytes, handle.len);
        expect_opens(prefixed, 32, 77, len);
        expect_opens(prefixed, 36, 77, len);
        padded[31] ^= 1;
        assert_int_equal(open_bytes(padded, 32), VFS_EBADHANDLE);
        prefixed[3]++;
        assert_int_equal(open_bytes(prefixed, 32), VFS_EBADHANDLE);
        prefixed[3] = 0;
        assert_int_equal(open_bytes(prefixed, 32), VFS_EBADHANDLE);
    }
}
