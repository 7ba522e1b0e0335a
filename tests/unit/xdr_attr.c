/*
 * xdr_attr.c - tests of xdr/attr.h: attributes as RFC 1813 has them on the wire.
 */
#include "tests/lib/test.h"
#include "xdr/attr.h"

#include <string.h>

/* Every byte of it differs from its neighbours', so that none can be in another's place. */
static const fattr3 attributes = {
    .type = NF3DIR,
    .mode = 0x01020304,
    .nlink = 0x05060708,
    .uid = 0x090a0b0c,
    .gid = 0x0d0e0f10,
    .size = 0x1112131415161718,
    .used = 0x191a1b1c1d1e1f20,
    .rdev = {0x21222324, 0x25262728},
    .fsid = 0x292a2b2c2d2e2f30,
    .fileid = 0x3132333435363738,
    .atime = {0x393a3b3c, 0x3d3e3f40},
    .mtime = {0x41424344, 0x45464748},
    .ctime = {0x494a4b4c, 0x4d4e4f50},
};

/* What they are to be: the type, then 80 bytes that count. */
static void assert_attributes(const uint8_t *wire)
{
    assert_memory_equal(wire, "\0\0\0\2", 4);
    for (uint8_t i = 1; i <= 80; i++)
        assert_int_equal(wire[3 + i], i);
}

/* Encodes with every room from none up; the first that is enough must be `size`. */
static void encode(bool_t (*routine)(XDR *, void *), void *what, size_t size, uint8_t wire[200])
{
    XDR xdrs;

    for (unsigned room = 0; room <= size; room++) {
        memset(wire, 0xee, 200);
        xdrmem_create(&xdrs, (char *)wire, room, XDR_ENCODE);
        assert_int_equal(routine(&xdrs, what), room == size);
        for (unsigned i = room; i < 200; i++)
            assert_int_equal(wire[i], 0xee);
    }
    assert_int_equal(xdr_getpos(&xdrs), size);
}

static bool_t any_fattr(XDR *xdrs, void *what)
{
    return xdr_fattr3(xdrs, what);
}

static bool_t any_post_op(XDR *xdrs, void *what)
{
    return xdr_post_op_attr(xdrs, what);
}

static bool_t any_wcc(XDR *xdrs, void *what)
{
    return xdr_wcc_data(xdrs, what);
}

TEST(attributes_are_84_bytes_in_the_order_of_the_rfc)
{
    fattr3 attr = attributes;
    uint8_t wire[200];

    encode(any_fattr, &attr, 84, wire);
    assert_attributes(wire);
}

TEST(attributes_that_do_not_follow_are_one_word)
{
    post_op_attr attr = {.attributes_follow = TRUE, .post_op_attr_u.attributes = attributes};
    uint8_t wire[200];

    encode(any_post_op, &attr, 88, wire);
    assert_memory_equal(wire, "\0\0\0\1", 4);
    assert_attributes(wire + 4);
    attr.attributes_follow = FALSE;
    encode(any_post_op, &attr, 4, wire);
    assert_memory_equal(wire, "\0\0\0\0", 4);
}

TEST(wcc_data_has_before_and_after_each_where_it_follows)
{
    wcc_data wcc = {
        .before = {TRUE,
                   {{0x0102030405060708, {0x090a0b0c, 0x0d0e0f10}, {0x11121314, 0x15161718}}}},
        .after = {TRUE, {attributes}}};
    uint8_t wire[200];

    encode(any_wcc, &wcc, 28 + 88, wire);
    assert_memory_equal(wire, "\0\0\0\1", 4);
    for (uint8_t i = 1; i <= 24; i++)
        assert_int_equal(wire[3 + i], i);
    assert_memory_equal(wire + 28, "\0\0\0\1", 4);
    assert_attributes(wire + 32);
    wcc.before.attributes_follow = FALSE;
    encode(any_wcc, &wcc, 4 + 88, wire);
    assert_memory_equal(wire, "\0\0\0\0\0\0\0\1", 8);
    assert_attributes(wire + 8);
    wcc.after.attributes_follow = FALSE;
    encode(any_wcc, &wcc, 8, wire);
    assert_memory_equal(wire, "\0\0\0\0\0\0\0\0", 8);
}
