/*
 * nfsd_attributes.c - tests of attributes, times and file ids on their way to the wire and back
 * (nfsd/attributes.c).
 */
#include "nfsd/attributes.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <string.h>

static const struct export_client wide_client;
static const struct export_client narrow_client = {.options = {.ids_32bit = true}};
static const struct nfs3_request wide = {.access.client = &wide_client};
static const struct nfs3_request narrow = {.access.client = &narrow_client};

TEST(a_fileid_of_64_bits_is_folded_for_clients_with_32bit_ids_only)
{
    const uint64_t large = 0x123456789abcdef0;

    assert_true(nfs3_fileid(&wide, large) == large);
    assert_true(nfs3_fileid(&narrow, large) <= UINT32_MAX);
    assert_true(nfs3_fileid(&narrow, large) != nfs3_fileid(&narrow, large + 1));
    assert_true(nfs3_fileid(&narrow, large) == nfs3_fileid(&narrow, large));
    assert_true(nfs3_fileid(&narrow, 2) == 2);
    for (uint64_t id = UINT64_C(1) << 32; id < (UINT64_C(1) << 32) + 100000; id++)
        assert_true(nfs3_fileid(&narrow, id) != 0);
}

TEST(attributes_arrive_as_they_are)
{
    struct vattr attr = {
        .type = VCHR,
        .mode = 04755,
        .nlink = 3,
        .uid = 1000,
        .gid = 100,
        .size = UINT64_C(1) << 40,
        .used = 4096,
        .rdev_major = 5,
        .rdev_minor = 1,
        .fsid = 77,
        .fileid = UINT64_C(1) << 33,
        .atime = {1, 2},
        .mtime = {3, 4},
        .ctime = {5, 999999999},
    };
    post_op_attr out;

    nfs3_attr(&wide, &attr, &out);
    const fattr3 *wire = &out.post_op_attr_u.attributes;
    assert_true(out.attributes_follow);
    assert_int_equal(wire->type, NF3CHR);
    assert_int_equal(wire->mode, 04755);
    assert_int_equal(wire->nlink, 3);
    assert_int_equal(wire->uid, 1000);
    assert_int_equal(wire->gid, 100);
    assert_true(wire->size == attr.size && wire->used == attr.used);
    assert_int_equal(wire->rdev.specdata1, 5);
    assert_int_equal(wire->rdev.specdata2, 1);
    assert_true(wire->fsid == 77 && wire->fileid == attr.fileid);
    assert_int_equal(wire->atime.seconds, 1);
    assert_int_equal(wire->mtime.nseconds, 4);
    assert_int_equal(wire->ctime.nseconds, 999999999);

    attr.type = VNON;
    nfs3_attr(&wide, &attr, &out);
    assert_false(out.attributes_follow);
}

TEST(times_outside_the_wire_s_range_become_its_ends)
{
    struct vattr attr = {.type = VREG, .mtime = {-5, 7}, .ctime = {INT64_C(1) << 33, 7}};
    fattr3 wire;

    nfs3_fattr(&wide, &attr, &wire);
    assert_int_equal(wire.mtime.seconds, 0);
    assert_int_equal(wire.mtime.nseconds, 0);
    assert_int_equal(wire.ctime.seconds, UINT32_MAX);
}

TEST(before_attributes_follow_only_when_they_were_captured)
{
    struct vchange change = {.before_size = 9, .after = {.type = VREG}};
    wcc_data wcc;

    nfs3_wcc(&wide, &change, &wcc);
    assert_false(wcc.before.attributes_follow);
    assert_true(wcc.after.attributes_follow);
    change.has_before = true;
    nfs3_wcc(&wide, &change, &wcc);
    assert_true(wcc.before.attributes_follow);
    assert_true(wcc.before.pre_op_attr_u.attributes.size == 9);
}

TEST(sattr3_sets_what_it_names_and_nothing_else)
{
    sattr3 wire;
    struct vsetattr set;

    memset(&wire, 0, sizeof(wire));
    assert_int_equal(nfs3_set_from_wire(&wire, &set), 0);
    assert_false(set.set_mode || set.set_uid || set.set_gid || set.set_size || set.guarded);
    assert_int_equal(set.set_atime, VTIME_KEEP);

    wire.mode = (set_mode3){.set_it = TRUE, .set_mode3_u = {.mode = 0100644}};
    wire.size = (set_size3){.set_it = TRUE, .set_size3_u = {.size = 42}};
    wire.atime.set_it = SET_TO_SERVER_TIME;
    wire.mtime.set_it = SET_TO_CLIENT_TIME;
    wire.mtime.set_mtime_u.mtime = (nfstime3){4000000000, 999999999};
    assert_int_equal(nfs3_set_from_wire(&wire, &set), 0);
    assert_true(set.set_mode && set.set_size && !set.set_uid);
    assert_int_equal(set.mode, 0644);
    assert_true(set.size == 42);
    assert_int_equal(set.set_atime, VTIME_NOW);
    assert_int_equal(set.set_mtime, VTIME_GIVEN);
    assert_true(set.mtime.tv_sec == 4000000000 && set.mtime.tv_nsec == 999999999);
}

TEST(a_time_with_a_billion_nanoseconds_is_refused)
{
    sattr3 wire;
    struct vsetattr set;

    memset(&wire, 0, sizeof(wire));
    wire.atime.set_it = SET_TO_CLIENT_TIME;
    wire.atime.set_atime_u.atime.nseconds = 1000000000;
    assert_int_equal(nfs3_set_from_wire(&wire, &set), EINVAL);
}
