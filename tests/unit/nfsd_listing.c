/*
 * nfsd_listing.c - tests of READDIR and READDIRPLUS (nfsd/proc_dir.c) on a file system of their
 * own: one directory whose entries have names of all lengths.
 */
#include "access/handle.h"
#include "nfsd/attributes.h"
#include "nfsd/procedures.h"
#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILES      600
#define REPLY_SIZE 70000
#define UNFINDABLE 7 /* this file is listed, but can't be looked up */

static size_t lookups; /* of entries, since the test set it to 0 */

static size_t name_of(unsigned file, char name[VNAME_MAX + 1])
{
    size_t len = 4 + file * 37 % (VNAME_MAX - 3);

    memset(name, 'a' + file % 26, len);
    name[len] = '\0';
    for (int digit = 3; digit >= 0; digit--, file /= 10)
        name[digit] = '0' + (char)(file % 10);
    return len;
}

static int flat_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    static const struct vnode_id id = {.len = 4, .bytes = "root"};

    (void)args;
    return vnode_intern(fs, &id, VDIR, NULL, NULL, &fs->root, NULL);
}

static int flat_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    (void)ctx;
    *attr = (struct vattr){.type = vn->type, .mode = 0755, .nlink = 1, .fileid = vn->id[0]};
    return 0;
}

static int flat_lookup(const struct vctx *ctx, struct vnode *dir, const char *name,
                       struct vnode **out, struct vattr *attr)
{
    struct vnode_id id = {.len = 4};

    (void)ctx;
    (void)attr;
    lookups++;
    if (atoi(name) == UNFINDABLE)
        return EACCES;
    memcpy(id.bytes, name, 4);
    return vnode_intern(dir->fs, &id, VREG, NULL, NULL, out, NULL);
}

static int flat_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie,
                        struct vdirents *page)
{
    unsigned file = cookie == 0 ? 0 : (unsigned)(cookie - VCOOKIE_FIRST + 1);
    char name[VNAME_MAX + 1];

    (void)ctx;
    (void)dir;
    if (file > FILES)
        return VFS_EBADCOOKIE;
    for (; file < FILES; file++) {
        size_t len = name_of(file, name);
        if (!vdirents_add(page, file + 100, file + VCOOKIE_FIRST, VREG, name, len))
            return page->count == 0 ? VFS_ETOOSMALL : 0;
    }
    page->eof = true;
    return 0;
}

static const struct vfs_type flatfs = {
    .name = "flatfs",
    .flags = VFS_READ_ONLY,
    .ops = {.mount = flat_mount,
            .getattr = flat_getattr,
            .lookup = flat_lookup,
            .readdir = flat_readdir},
};
VFS_TYPE(flatfs);

/* A client in front of the directory: what the gate would have made, and a reply. */
struct client {
    struct vfs *fs;
    struct export export;
    struct export_client rights;
    struct cred cred;
    struct rpc_call call;
    struct nfs3_request rq;
    bool plus;
    bool seen[FILES];
    unsigned nseen, ndots, nplain;
    uint64_t cookie;
    bool eof;
};

static uint32_t reply[REPLY_SIZE / 4];

static void client_init(struct client *c, bool plus)
{
    static const uint8_t key[16] = "a key for tests";

    *c = (struct client){.plus = plus};
    handle_init_key(key);
    assert_int_equal(vnode_table_init(10000, 100), 0);
    assert_int_equal(vfs_mount("flatfs", &(struct vfs_mount_args){0}, &c->fs), 0);
    c->export = (struct export){.id = 1, .fs = c->fs};
    c->call = (struct rpc_call){.results = (uint8_t *)reply, .results_room = sizeof(reply)};
    c->rq = (struct nfs3_request){.call = &c->call,
                                  .access.export = &c->export,
                                  .access.client = &c->rights,
                                  .access.cred = c->cred,
                                  .access.ctx = {.cred = &c->rq.access.cred},
                                  .access.vn = c->fs->root};
}

static uint32_t get_int(const uint8_t **at)
{
    const uint8_t *b = *at;

    *at += 4;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint64_t get_hyper(const uint8_t **at)
{
    uint64_t high = get_int(at);
    return high << 32 | get_int(at);
}

static void see(struct client *c, uint64_t fileid, const uint8_t *name, uint32_t len)
{
    char expected[VNAME_MAX + 1];

    if (len <= 2) {
        c->ndots++;
        return;
    }
    uint64_t file = fileid - 100;
    assert_true(file < FILES);
    assert_false(c->seen[file]);
    assert_int_equal(name_of((unsigned)file, expected), len);
    assert_memory_equal(name, expected, len);
    c->seen[file] = true;
    c->nseen++;
}

/* Walks the encoded entries as a client does. Returns what READDIRPLUS's dircount counts. */
static size_t walk(struct client *c, const uint8_t *at, const uint8_t *end)
{
    size_t names = 0;

    while (get_int(&at) != 0) {
        const uint8_t *start = at - 4;
        uint64_t fileid = get_hyper(&at);
        uint32_t len = get_int(&at);
        see(c, fileid, at, len);
        at += (len + 3) & ~3u;
        c->cookie = get_hyper(&at);
        names += (size_t)(at - start);
        if (c->plus) {
            bool attributes = get_int(&at) != 0;
            at += attributes ? 84 : 0;
            bool handle = get_int(&at) != 0;
            assert_int_equal(attributes, handle);
            c->nplain += !handle;
            if (handle) {
                uint32_t handle_len = get_int(&at);
                assert_in_range(handle_len, 1, 64);
                at += (handle_len + 3) & ~3u;
            }
        }
    }
    c->eof = get_int(&at) != 0;
    assert_ptr_equal(at, end);
    return names;
}

/* One call, encoded as rpc/ does, and checked against its limits. */
static int list(struct client *c, uint32_t dircount, uint32_t limit)
{
    READDIR3res plain = {0};
    READDIRPLUS3res plus = {0};
    XDR xdrs;
    int err;

    memset(reply, 0xee, sizeof(reply));
    xdrmem_create(&xdrs, (char *)reply, sizeof(reply), XDR_ENCODE);
    if (c->plus) {
        READDIRPLUS3args args = {.cookie = c->cookie, .dircount = dircount, .maxcount = limit};
        err = nfs3_readdirplus(&c->rq, &args, &plus.READDIRPLUS3res_u.resok);
        assert_true(xdr_READDIRPLUS3res(&xdrs, &plus));
    } else {
        READDIR3args args = {.cookie = c->cookie, .count = limit};
        err = nfs3_readdir(&c->rq, &args, &plain.READDIR3res_u.resok);
        assert_true(xdr_READDIR3res(&xdrs, &plain));
    }
    if (err != 0)
        return err;
    size_t size = xdr_getpos(&xdrs) - WIRE_STATUS;
    assert_in_range(size, 1, limit);
    const uint8_t *entries = (uint8_t *)reply + WIRE_STATUS + WIRE_ATTR + 8;
    const size_t one_entry = 24 + VNAME_MAX + 1;
    size_t names = walk(c, entries, (uint8_t *)reply + WIRE_STATUS + size);
    if (c->plus)
        assert_in_range(names, 1, dircount < one_entry ? one_entry : dircount);
    return 0;
}

static void list_all(bool plus, uint32_t dircount, uint32_t limit)
{
    struct client c;

    client_init(&c, plus);
    for (unsigned calls = 0; !c.eof; calls++) {
        assert_in_range(calls, 0, FILES + 3);
        assert_int_equal(list(&c, dircount, limit), 0);
    }
    assert_int_equal(c.nseen, FILES);
    assert_int_equal(c.ndots, 2);
    assert_int_equal(c.nplain, plus ? 1 : 0);
    vfs_put(c.fs);
    vnode_table_finish();
}

TEST(readdir_lists_every_entry_once_within_any_count)
{
    for (uint32_t limit = 400; limit < 900; limit += 7)
        list_all(false, 0, limit);
    for (uint32_t limit = 1000; limit < 68000; limit += 6701)
        list_all(false, 0, limit);
    list_all(false, 0, UINT32_MAX);
}

TEST(readdirplus_lists_every_entry_once_within_any_maxcount)
{
    for (uint32_t limit = 600; limit < 1100; limit += 7)
        list_all(true, limit, limit);
    for (uint32_t limit = 2000; limit < 68000; limit += 6701)
        list_all(true, limit, limit);
    list_all(true, UINT32_MAX, UINT32_MAX);
}

TEST(readdirplus_stops_at_dircount_but_never_before_its_first_entry)
{
    list_all(true, 1024, 32768);
    list_all(true, 300, 32768);
    list_all(true, 0, 32768);
}

TEST(a_count_in_which_no_entry_fits_is_too_small)
{
    struct client c;

    client_init(&c, false);
    assert_int_equal(list(&c, 0, 0), VFS_ETOOSMALL);
    assert_int_equal(list(&c, 0, 88 + 8 + 8), VFS_ETOOSMALL);
    assert_int_equal(list(&c, 0, 88 + 8 + 8 + 27), VFS_ETOOSMALL);
    assert_int_equal(list(&c, 0, 88 + 8 + 8 + 28), 0);
    assert_true(c.cookie == 1);
    c.plus = true;
    c.cookie = 0;
    assert_int_equal(list(&c, 8192, 200), VFS_ETOOSMALL);
    vfs_put(c.fs);
    vnode_table_finish();
}

TEST(readdirplus_looks_up_nothing_that_does_not_fit)
{
    struct client c;

    client_init(&c, true);
    lookups = 0;
    assert_int_equal(list(&c, 8192, 4096), 0);
    assert_true(c.nseen > 5);
    /* The wrapper's `.` and `..` of the root need none of the file system. */
    assert_int_equal(lookups, c.nseen);
    vfs_put(c.fs);
    vnode_table_finish();
}

TEST(an_impossible_cookie_is_a_bad_cookie)
{
    struct client c;

    client_init(&c, false);
    c.cookie = UINT64_C(1) << 63;
    assert_int_equal(list(&c, 0, 4096), VFS_EBADCOOKIE);
    c.cookie = 100000;
    assert_int_equal(list(&c, 0, 4096), VFS_EBADCOOKIE);
    vfs_put(c.fs);
    vnode_table_finish();
}

TEST(the_end_of_a_listing_is_said_again_when_asked_after_it)
{
    struct client c;

    client_init(&c, false);
    c.cookie = FILES - 1 + VCOOKIE_FIRST;
    assert_int_equal(list(&c, 0, 4096), 0);
    assert_true(c.eof);
    assert_int_equal(c.nseen, 0);
    vfs_put(c.fs);
    vnode_table_finish();
}
