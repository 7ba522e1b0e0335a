/*
 * xdr_view.c - tests of xdr/view.h: opaque data that is borrowed, not copied.
 */
#include "tests/lib/test.h"
#include "xdr/view.h"

#include <string.h>

static bool_t decode(const void *bytes, size_t len, struct view *view, uint32_t max, size_t *used)
{
    XDR xdrs = {0};
    char copy[256];

    memcpy(copy, bytes, len);
    xdrmem_create(&xdrs, copy, (unsigned)len, XDR_DECODE);
    bool_t ok = xdr_view(&xdrs, view, max);
    *used = xdr_getpos(&xdrs);
    if (ok) {
        assert_ptr_equal(view->data, copy + 4);
        view->data = (const uint8_t *)bytes + 4;
    }
    return ok;
}

TEST(a_view_points_into_the_message_and_its_padding_is_passed_over)
{
    struct view view;
    size_t used;

    assert_true(decode("\0\0\0\5he\0lo\0\0\0next", 16, &view, 255, &used));
    assert_int_equal(view.len, 5);
    assert_memory_equal(view.data, "he\0lo", 5);
    assert_int_equal(used, 12);
    assert_true(decode("\0\0\0\0", 4, &view, 255, &used));
    assert_int_equal(view.len, 0);
    assert_int_equal(used, 4);
}

TEST(a_length_beyond_the_bound_or_the_message_is_refused)
{
    struct view view;
    size_t used;

    assert_false(decode("\0\0\0\5hello\0\0\0", 12, &view, 4, &used));
    assert_false(decode("\0\0\0\11hello\0\0\0", 12, &view, 255, &used));
    /* The data is there, its padding isn't. */
    assert_false(decode("\0\0\0\5hello", 9, &view, 255, &used));
    assert_false(decode("\xff\xff\xff\xffhello\0\0\0", 12, &view, UINT32_MAX, &used));
    assert_false(decode("\xff\xff\xff\xfdhello\0\0\0", 12, &view, UINT32_MAX, &used));
    assert_false(decode("\0\0\0", 3, &view, 255, &used));
}

TEST(encoding_pads_with_zeros_and_keeps_to_its_room)
{
    struct view view = {(const uint8_t *)"hello", 5};
    char out[16];
    XDR xdrs = {0};

    memset(out, 'x', sizeof(out));
    xdrmem_create(&xdrs, out, sizeof(out), XDR_ENCODE);
    assert_true(xdr_view(&xdrs, &view, 5));
    assert_int_equal(xdr_getpos(&xdrs), 12);
    assert_memory_equal(out, "\0\0\0\5hello\0\0\0xxxx", 16);

    for (unsigned room = 0; room < 12; room++) {
        xdrmem_create(&xdrs, out, room, XDR_ENCODE);
        assert_false(xdr_view(&xdrs, &view, 5));
    }
    xdrmem_create(&xdrs, out, sizeof(out), XDR_ENCODE);
    assert_false(xdr_view(&xdrs, &view, 4));
}

TEST(data_that_is_in_its_place_already_is_not_copied)
{
    char out[16] = "____data_______";
    struct view view = {(const uint8_t *)out + 4, 7};
    XDR xdrs = {0};

    xdrmem_create(&xdrs, out, sizeof(out), XDR_ENCODE);
    assert_true(xdr_payload3(&xdrs, &view));
    assert_int_equal(xdr_getpos(&xdrs), 12);
    assert_memory_equal(out, "\0\0\0\7data___\0", 12);
    /* Nor past the end of the stream. */
    xdrmem_create(&xdrs, out, 8, XDR_ENCODE);
    assert_false(xdr_payload3(&xdrs, &view));
}

TEST(encoded_entries_go_out_as_they_are)
{
    struct view entries = {(const uint8_t *)"\0\0\0\1abcd", 8};
    char out[8];
    XDR xdrs = {0};

    xdrmem_create(&xdrs, out, sizeof(out), XDR_ENCODE);
    assert_true(xdr_encoded(&xdrs, &entries));
    assert_memory_equal(out, "\0\0\0\1abcd", 8);
    assert_int_equal(xdr_getpos(&xdrs), 8);
    assert_false(xdr_encoded(&xdrs, &entries));
    entries.len = 7;
    xdrmem_create(&xdrs, out, sizeof(out), XDR_ENCODE);
    assert_false(xdr_encoded(&xdrs, &entries));
    xdrmem_create(&xdrs, out, sizeof(out), XDR_DECODE);
    assert_false(xdr_encoded(&xdrs, &entries));
}

TEST(handles_have_at_most_64_bytes)
{
    uint8_t bytes[68] = {0, 0, 0, 64};
    char wrong[72] = {0, 0, 0, 65};
    struct view fh;
    XDR xdrs = {0};

    xdrmem_create(&xdrs, (char *)bytes, sizeof(bytes), XDR_DECODE);
    assert_true(xdr_nfs_fh3(&xdrs, &fh));
    assert_int_equal(fh.len, 64);
    xdrmem_create(&xdrs, wrong, sizeof(wrong), XDR_DECODE);
    assert_false(xdr_nfs_fh3(&xdrs, &fh));
    xdrmem_create(&xdrs, wrong, sizeof(wrong), XDR_DECODE);
    assert_false(xdr_fhandle3(&xdrs, &fh));
}
