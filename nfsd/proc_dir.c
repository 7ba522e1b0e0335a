/*
 * proc_dir.c - READDIR and READDIRPLUS: listings of directories.
 *
 * A listing is filled page by page: vop_readdir() returns entries as the file system has them. Each
 * is encoded straight to its place in the reply, until the next entry would not fit or there are no
 * more. The client's limits (count, maxcount) are for the encoded size of the whole resok. An entry
 * of READDIRPLUS is looked up only when it is certain to fit. A file system that finds attributes
 * and handles cheaper than by a lookup returns them with the page, for all entries that might fit.
 *
 * Cookies are the file system's own and stay valid when the directory changes. So the cookie
 * verifier is not needed: the server sends zeros, and accepts any.
 */
#include "access/handle.h"
#include "nfsd/attributes.h"
#include "nfsd/procedures.h"
#include "vfs/vop.h"
#include "xdr/put.h"

/* The size of an entry3 without its name: value follows, fileid, length, cookie. */
#define ENTRY_SIZE (WIRE_INT + WIRE_HYPER + WIRE_INT + WIRE_HYPER)
/* What an entryplus3 adds to it: attributes; handle follows, its length, the handle. */
#define PLUS_SIZE(handle_len) (WIRE_ATTR + WIRE_INT + WIRE_INT + (handle_len))
/* The end of a listing: FALSE for no further entry, and eof. */
#define LIST_END (WIRE_INT + WIRE_INT)
#define NAME_MIN 4

/* The size of a page in bytes. The page is on the stack, so it must not be too large, and it must
 * have room for the longest name with its attributes and handle. */
#define PAGE_SIZE_MAX 98304
#define PAGE_SIZE_MIN 1024
/* `.`, `..` and one entry of the file system, so that its first entry always finds room. */
#define PAGE_ENTRIES_MIN 3

struct listing {
    struct nfs3_request *rq;
    uint8_t *start, *at, *end; /* the entries, in the reply */
    bool plus;
    size_t names_room; /* READDIRPLUS's dircount: bytes left for names, fileids and cookies */
    uint64_t cookie;   /* of the last entry */
    bool eof;
};

static uint8_t *put_known(const struct listing *list, uint8_t *at, const struct vattr *attr,
                          const struct handle *handle)
{
    fattr3 wire;

    at = put_int(at, attr->type != VNON);
    if (attr->type != VNON) {
        nfs3_fattr(list->rq, attr, &wire);
        at = attr_put_fattr3(at, &wire);
    }
    at = put_int(at, TRUE);
    return put_opaque(at, handle->bytes, handle->len);
}

/* Encodes name_attributes and name_handle. Neither follows where the entry can't be looked up: it
 * is gone, or the caller may read the directory but not search it. */
static uint8_t *put_plus(const struct listing *list, uint8_t *at, const struct vdirent *entry)
{
    struct nfs3_request *rq = list->rq;
    const struct vdirent_plus *plus = vdirent_plus(entry);
    struct view name = {.data = (const uint8_t *)entry->name, .len = entry->namelen};
    struct vnode *vn = NULL;
    struct vattr attr = {0};
    struct handle handle;

    if (plus != NULL) {
        handle_seal_id(rq->access.export->id, plus->id.bytes, plus->id.len, &handle);
        return put_known(list, at, &plus->attr, &handle);
    }
    if (vop_lookup(&rq->access.ctx, rq->access.vn, name, &vn, &attr) == 0) {
        handle_seal(rq->access.export->id, vn, &handle);
        vnode_put(vn);
        return put_known(list, at, &attr, &handle);
    }
    return put_int(put_int(at, FALSE), FALSE);
}

/* Adds an entry. False: the entry does not fit, and nothing was added. dircount ends a listing but
 * never keeps its first entry out: clients take dircount for a hint, and some send one that is too
 * small. */
static bool listing_add(struct listing *list, const struct vdirent *entry)
{
    size_t names = ENTRY_SIZE + (((size_t)entry->namelen + 3) & ~(size_t)3);
    const struct vdirent_plus *plus = vdirent_plus(entry);
    size_t handle = plus != NULL ? handle_len(plus->id.len) : HANDLE_MAX;
    size_t size = names + (list->plus ? PLUS_SIZE(handle) : 0);

    if (size > (size_t)(list->end - list->at))
        return false;
    if (list->plus && names > list->names_room && list->at != list->start)
        return false;
    uint8_t *at = put_int(list->at, TRUE);
    at = put_hyper(at, nfs3_fileid(list->rq, entry->fileid));
    at = put_opaque(at, entry->name, entry->namelen);
    at = put_hyper(at, entry->cookie);
    list->at = list->plus ? put_plus(list, at, entry) : at;
    list->names_room -= names < list->names_room ? names : list->names_room;
    list->cookie = entry->cookie;
    return true;
}

/* Limits a page to the entries that fit, since reading a directory costs time for each. Assumes
 * that handles are as long as the directory's own. */
static void page_prepare(const struct listing *list, struct vdirents *page)
{
    size_t room = (size_t)(list->end - list->at);
    size_t names = list->plus && list->names_room < room ? list->names_room : room;

    page->each = ENTRY_SIZE + (list->plus ? PLUS_SIZE(handle_len(list->rq->access.vn->id_len)) : 0);
    page->room = room;
    page->size = list->plus ? PAGE_SIZE_MAX : names;
    if (page->size < PAGE_SIZE_MIN)
        page->size = PAGE_SIZE_MIN;
    if (page->size > PAGE_SIZE_MAX)
        page->size = PAGE_SIZE_MAX;
    page->max = (uint32_t)(names / (ENTRY_SIZE + NAME_MIN));
    if (page->max < PAGE_ENTRIES_MIN)
        page->max = PAGE_ENTRIES_MIN;
}

/* Adds entries until the reply is full. An error after the first entry is dropped: the next call
 * begins at that place, and meets it again. */
static int listing_fill(struct listing *list)
{
    _Alignas(8) char buf[PAGE_SIZE_MAX];
    struct vdirents page = {.buf = buf, .plus = list->plus};

    do {
        page_prepare(list, &page);
        int err = vop_readdir(&list->rq->access.ctx, list->rq->access.vn, list->cookie, &page);
        if (err != 0)
            return list->at == list->start ? err : 0;

        const struct vdirent *entry = NULL;
        while ((entry = vdirents_next(&page, entry)) != NULL)
            if (!listing_add(list, entry))
                return list->at == list->start ? VFS_ETOOSMALL : 0;
        if (page.count == 0 && !page.eof)
            return list->at == list->start ? VFS_ETOOSMALL : 0;
        list->eof = page.eof;
    } while (!list->eof && (size_t)(list->end - list->at) >= page.each + NAME_MIN &&
             (!list->plus || list->names_room >= ENTRY_SIZE + NAME_MIN));
    return 0;
}

/*
 * Fills `list`, after `dir_attributes`, up to `limit` bytes of the whole resok. The directory's
 * attributes are asked for before the entries on purpose: a change in between then shows as a newer
 * mtime the next time, and does not give an old listing a new time.
 */
static int listing_make(struct listing *list, size_t limit, post_op_attr *dir_attributes,
                        encoded_entries *entries)
{
    struct nfs3_request *rq = list->rq;
    size_t room;

    nfs3_attr_now(rq, rq->access.vn, dir_attributes);
    size_t before = nfs3_wire_attr(dir_attributes) + sizeof(cookieverf3);
    list->start = rpc_call_payload(rq->call, WIRE_STATUS + before, &room);
    if (limit < before + LIST_END || room < LIST_END)
        return VFS_ETOOSMALL;
    if (room > limit - before)
        room = limit - before;
    list->at = list->start;
    list->end = list->start + room - LIST_END;

    int err = listing_fill(list);
    if (err != 0)
        return err;
    list->at = put_int(list->at, FALSE);
    *entries = (encoded_entries){.data = list->start, .len = (uint32_t)(list->at - list->start)};
    return 0;
}

int nfs3_readdir(struct nfs3_request *rq, const READDIR3args *args, READDIR3resok *res)
{
    struct listing list = {.rq = rq, .cookie = args->cookie};
    int err = listing_make(&list, args->count, &res->dir_attributes, &res->reply.entries);

    res->reply.eof = list.eof;
    return err;
}

int nfs3_readdirplus(struct nfs3_request *rq, const READDIRPLUS3args *args, READDIRPLUS3resok *res)
{
    struct listing list = {
        .rq = rq, .plus = true, .names_room = args->dircount, .cookie = args->cookie};
    int err = listing_make(&list, args->maxcount, &res->dir_attributes, &res->reply.entries);

    res->reply.eof = list.eof;
    return err;
}
