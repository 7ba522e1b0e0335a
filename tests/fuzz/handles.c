/*
 * handles.c - handle_open() takes what handle_seal() made, and nothing else.
 */
#include "access/handle.h"
#include "tests/fuzz/random.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <loopnfs/errors.h>
#include <stdlib.h>
#include <string.h>

/* Opens a copy that ends where its memory ends. */
static int open_copy(const uint8_t *bytes, size_t len, uint32_t *export_id, struct vnode_id *id)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    int err = handle_open((struct view){copy, (uint32_t)len}, export_id, id);
    free(copy);
    return err;
}

/* A handle of a random node, which opens to what it was made of. */
static void make(struct random *random, struct handle *handle)
{
    static _Alignas(struct vnode) uint8_t room[sizeof(struct vnode) + VNODE_ID_MAX];
    struct vnode *vn = (struct vnode *)(void *)room;
    const uint32_t export_id = random_u32(random);
    struct vnode_id id;
    uint32_t opened;

    vn->id_len = (uint8_t)(1 + random_below(random, VNODE_ID_MAX));
    random_fill(random, vn->id, vn->id_len);
    handle_seal(export_id, vn, handle);
    assert_true(handle->len <= HANDLE_MAX);
    assert_int_equal(open_copy(handle->bytes, handle->len, &opened, &id), 0);
    assert_int_equal(opened, export_id);
    assert_int_equal(id.len, vn->id_len);
    assert_memory_equal(id.bytes, vn->id, vn->id_len);
}

/* Makes another handle of it; *len may be any. */
static void bend(struct random *random, uint8_t *bytes, size_t *len, const struct handle *other)
{
    switch (random_below(random, 7)) {
    case 0:
        bytes[random_below(random, (uint32_t)*len)] ^= (uint8_t)(1u << random_below(random, 8));
        break;
    case 1:
        *len = random_below(random, (uint32_t)*len + 1);
        break;
    case 2: /* longer, by what was there before or by anything */
        *len += random_below(random, 20);
        break;
    case 3: /* the length inside */
        bytes[2] = (uint8_t)random_u32(random);
        break;
    case 4:
        random_fill(random, bytes + random_below(random, (uint32_t)*len - 3), 4);
        break;
    case 5: /* the head of one with the tail of another */
        memcpy(bytes, other->bytes, 4 + random_below(random, 12));
        break;
    case 6:
        random_fill(random, bytes, *len);
        bytes[0] = 1;
        bytes[1] = bytes[3] = 0;
        break;
    }
}

/* With zeros behind it up to 32 bytes it is what U-Boot sends back. */
static bool is_same(const uint8_t *bytes, size_t len, const struct handle *handle)
{
    static const uint8_t zeros[32];

    if (len == 32 && handle->len < 32 && memcmp(bytes + handle->len, zeros, 32u - handle->len) == 0)
        len = handle->len;
    return len == handle->len && memcmp(bytes, handle->bytes, len) == 0;
}

TEST(no_handle_is_accepted_but_those_that_were_minted)
{
    static const uint8_t key[16] = "fifteen letters";
    struct fuzz fuzz;

    handle_init_key(key);
    for (fuzz_begin(&fuzz, 20260105); fuzz_goes_on(&fuzz);) {
        struct handle handle, other;
        uint8_t bytes[2 * HANDLE_MAX] = {0};
        struct vnode_id id;
        uint32_t export_id;

        make(&fuzz.random, &handle);
        make(&fuzz.random, &other);
        for (int i = 0; i < 16; i++) {
            size_t len = handle.len;
            memcpy(bytes, handle.bytes, len);
            bend(&fuzz.random, bytes, &len, &other);
            bool same = is_same(bytes, len, &handle);
            int err = open_copy(bytes, len, &export_id, &id);
            assert_int_equal(err, same ? 0 : VFS_EBADHANDLE);
        }
    }
}
