/*
 * nfs3client.c - the procedures of NFS version 3; see nfs3client.h. Directory listings and the
 * procedures about whole file systems are in nfs3listing.c.
 *
 * Every function has the shape of its procedure in RFC 1813 section 3.3: arguments in their order,
 * the reply in its order, and cursor_expect_end(): a reply with a byte too many is an error.
 */
#include "tests/lib/nfs3client.h"
#include "tests/lib/test.h"
#include <string.h>

enum {
    NFS3_NULL,
    GETATTR,
    SETATTR,
    LOOKUP,
    ACCESS,
    READLINK,
    READ,
    WRITE,
    CREATE,
    MKDIR,
    SYMLINK,
    MKNOD,
    REMOVE,
    RMDIR,
    RENAME,
    LINK,
    READDIR,
    READDIRPLUS,
    FSSTAT,
    FSINFO,
    PATHCONF,
    COMMIT
};

static const struct {
    uint32_t status;
    const char *name;
} status_names[] = {
    {NFS_OK, "OK"},
    {NFS_PERM, "PERM"},
    {NFS_NOENT, "NOENT"},
    {NFS_IO, "IO"},
    {NFS_NXIO, "NXIO"},
    {NFS_ACCES, "ACCES"},
    {NFS_EXIST, "EXIST"},
    {NFS_XDEV, "XDEV"},
    {NFS_NODEV, "NODEV"},
    {NFS_NOTDIR, "NOTDIR"},
    {NFS_ISDIR, "ISDIR"},
    {NFS_INVAL, "INVAL"},
    {NFS_FBIG, "FBIG"},
    {NFS_NOSPC, "NOSPC"},
    {NFS_ROFS, "ROFS"},
    {NFS_MLINK, "MLINK"},
    {NFS_NAMETOOLONG, "NAMETOOLONG"},
    {NFS_NOTEMPTY, "NOTEMPTY"},
    {NFS_DQUOT, "DQUOT"},
    {NFS_STALE, "STALE"},
    {NFS_REMOTE, "REMOTE"},
    {NFS_BADHANDLE, "BADHANDLE"},
    {NFS_NOT_SYNC, "NOT_SYNC"},
    {NFS_BAD_COOKIE, "BAD_COOKIE"},
    {NFS_NOTSUPP, "NOTSUPP"},
    {NFS_TOOSMALL, "TOOSMALL"},
    {NFS_SERVERFAULT, "SERVERFAULT"},
    {NFS_BADTYPE, "BADTYPE"},
    {NFS_JUKEBOX, "JUKEBOX"},
};

const char *nfs3_status_name(uint32_t status)
{
    for (size_t i = 0; i < sizeof(status_names) / sizeof(status_names[0]); i++)
        if (status_names[i].status == status)
            return status_names[i].name;
    return "a status RFC 1813 does not know";
}

void expect_status_at(uint32_t got, uint32_t wanted, const char *what, const char *file, int line)
{
    if (got == wanted)
        return;
    print_error("%s: %s instead of %s\n", what, nfs3_status_name(got), nfs3_status_name(wanted));
    _fail(file, line);
}

void put_fh(struct bytes *b, const struct fh *fh)
{
    put_opaque(b, fh->data, fh->len);
}

static void put_time(struct bytes *b, struct nfs_time t)
{
    put_u32(b, t.sec);
    put_u32(b, t.nsec);
}

/* A discriminated union with a word in its true arm. */
static void put_optional_u32(struct bytes *b, bool present, uint32_t value)
{
    put_u32(b, present);
    if (present)
        put_u32(b, value);
}

void put_sattr(struct bytes *b, const struct sattr *set)
{
    static const struct sattr nothing;

    if (!set)
        set = &nothing;
    put_optional_u32(b, set->set_mode, set->mode);
    put_optional_u32(b, set->set_uid, set->uid);
    put_optional_u32(b, set->set_gid, set->gid);
    put_u32(b, set->set_size);
    if (set->set_size)
        put_u64(b, set->size);
    put_u32(b, set->set_atime);
    if (set->set_atime == SET_CLIENT_TIME)
        put_time(b, set->atime);
    put_u32(b, set->set_mtime);
    if (set->set_mtime == SET_CLIENT_TIME)
        put_time(b, set->mtime);
}

void get_fh(struct cursor *c, struct fh *fh)
{
    struct fh ignored;
    size_t len;
    const uint8_t *data = get_opaque(c, 64, &len);

    if (!fh)
        fh = &ignored;
    fh->len = len;
    memcpy(fh->data, data, len);
    assert_int_not_equal(len, 0);
}

static struct nfs_time get_time(struct cursor *c)
{
    struct nfs_time t;

    t.sec = get_u32(c);
    t.nsec = get_u32(c);
    assert_true(t.nsec < 1000000000);
    return t;
}

void get_attr(struct cursor *c, struct attr *attr)
{
    struct attr ignored;

    if (!attr)
        attr = &ignored;
    *attr = (struct attr){.present = true};
    attr->type = get_u32(c);
    assert_in_range(attr->type, T_REG, T_FIFO);
    attr->mode = get_u32(c);
    assert_int_equal(attr->mode & ~07777u, 0);
    attr->nlink = get_u32(c);
    attr->uid = get_u32(c);
    attr->gid = get_u32(c);
    attr->size = get_u64(c);
    attr->used = get_u64(c);
    attr->rdev_major = get_u32(c);
    attr->rdev_minor = get_u32(c);
    attr->fsid = get_u64(c);
    attr->fileid = get_u64(c);
    attr->atime = get_time(c);
    attr->mtime = get_time(c);
    attr->ctime = get_time(c);
}

void get_post_attr(struct cursor *c, struct attr *attr)
{
    if (attr)
        *attr = (struct attr){0};
    if (get_bool(c))
        get_attr(c, attr);
}

void get_wcc(struct cursor *c, struct wcc *wcc)
{
    struct wcc ignored;

    if (!wcc)
        wcc = &ignored;
    *wcc = (struct wcc){.has_before = get_bool(c)};
    if (wcc->has_before) {
        wcc->before_size = get_u64(c);
        wcc->before_mtime = get_time(c);
        wcc->before_ctime = get_time(c);
    }
    get_post_attr(c, &wcc->after);
}

struct bytes *nfs3_begin(struct client *client, uint32_t procedure)
{
    return client_begin(client, PROGRAM_NFS, 3, procedure);
}

/* Begins a call whose arguments start with a handle, and for most a name. */
static struct bytes *begin_fh(struct client *client, uint32_t procedure, const struct fh *fh,
                              const char *name)
{
    struct bytes *b = nfs3_begin(client, procedure);

    put_fh(b, fh);
    if (name)
        put_string(b, name);
    return b;
}

void ask_null(struct client *client)
{
    nfs3_begin(client, NFS3_NULL);
    struct cursor c = client_finish(client);
    cursor_expect_end(&c);
}

uint32_t ask_getattr(struct client *client, const struct fh *fh, struct attr *attr)
{
    begin_fh(client, GETATTR, fh, NULL);
    struct cursor c = client_finish(client);
    uint32_t status = get_u32(&c);
    if (status == NFS_OK)
        get_attr(&c, attr);
    cursor_expect_end(&c);
    return status;
}

/* The replies of SETATTR, REMOVE and RMDIR are a wcc_data in either arm. */
static uint32_t finish_wcc(struct client *client, struct wcc *wcc)
{
    struct cursor c = client_finish(client);
    uint32_t status = get_u32(&c);

    get_wcc(&c, wcc);
    cursor_expect_end(&c);
    return status;
}

uint32_t ask_setattr(struct client *client, const struct fh *fh, const struct sattr *set,
                     const struct nfs_time *guard, struct wcc *wcc)
{
    struct bytes *b = begin_fh(client, SETATTR, fh, NULL);

    put_sattr(b, set);
    put_u32(b, guard != NULL);
    if (guard)
        put_time(b, *guard);
    return finish_wcc(client, wcc);
}

static uint32_t finish_lookup(struct client *client, struct fh *fh, struct attr *attr,
                              struct attr *dir_attr)
{
    struct cursor c = client_finish(client);
    uint32_t status = get_u32(&c);

    if (status == NFS_OK) {
        get_fh(&c, fh);
        get_post_attr(&c, attr);
    }
    get_post_attr(&c, dir_attr);
    cursor_expect_end(&c);
    return status;
}

uint32_t ask_lookup(struct client *client, const struct fh *dir, const char *name, struct fh *fh,
                    struct attr *attr, struct attr *dir_attr)
{
    begin_fh(client, LOOKUP, dir, name);
    return finish_lookup(client, fh, attr, dir_attr);
}

uint32_t ask_lookup_bytes(struct client *client, const struct fh *dir, const void *name, size_t len,
                          struct fh *fh)
{
    put_opaque(begin_fh(client, LOOKUP, dir, NULL), name, len);
    return finish_lookup(client, fh, NULL, NULL);
}

uint32_t ask_access(struct client *client, const struct fh *fh, uint32_t want, uint32_t *granted,
                    struct attr *attr)
{
    put_u32(begin_fh(client, ACCESS, fh, NULL), want);
    struct cursor c = client_finish(client);
    uint32_t status = get_u32(&c);
    get_post_attr(&c, attr);
    if (status == NFS_OK) {
        uint32_t got = get_u32(&c);
        if (granted)
            *granted = got;
    }
    cursor_expect_end(&c);
    return status;
}

uint32_t ask_readlink(struct client *client, const struct fh *fh, char *target, size_t size,
                      struct attr *attr)
{
    begin_fh(client, READLINK, fh, NULL);
    struct cursor c = client_finish(client);
    uint32_t status = get_u32(&c);
    get_post_attr(&c, attr);
    if (status == NFS_OK)
        get_string(&c, target, size);
    cursor_expect_end(&c);
    return status;
}

uint32_t ask_read(struct client *client, const struct fh *fh, uint64_t offset, uint32_t count,
                  struct nfs3_read *result)
{
    struct bytes *b = begin_fh(client, READ, fh, NULL);
    struct nfs3_read ignored;

    put_u64(b, offset);
    put_u32(b, count);
    struct cursor c = client_finish(client);
    if (!result)
        result = &ignored;
    *result = (struct nfs3_read){0};
    uint32_t status = get_u32(&c);
    get_post_attr(&c, &result->attr);
    if (status == NFS_OK) {
        size_t len;
        result->count = get_u32(&c);
        result->eof = get_bool(&c);
        result->data = get_opaque(&c, count, &len);
        assert_int_equal(len, result->count);
    }
    cursor_expect_end(&c);
    return status;
}

uint32_t ask_write(struct client *client, const struct fh *fh, uint64_t offset, const void *data,
                   uint32_t len, uint32_t stable, struct nfs3_write *result)
{
    struct bytes *b = begin_fh(client, WRITE, fh, NULL);
    struct nfs3_write ignored;

    put_u64(b, offset);
    put_u32(b, len);
    put_u32(b, stable);
    put_opaque(b, data, len);
    struct cursor c = client_finish(client);
    if (!result)
        result = &ignored;
    *result = (struct nfs3_write){0};
    uint32_t status = get_u32(&c);
    get_wcc(&c, &result->wcc);
    if (status == NFS_OK) {
        result->count = get_u32(&c);
        result->committed = get_u32(&c);
        result->verifier = get_u64(&c);
        assert_true(result->committed >= stable && result->committed <= S_FILE_SYNC);
        assert_true(result->count <= len);
    }
    cursor_expect_end(&c);
    return status;
}

/* The reply of the procedures that make something. */
static uint32_t finish_made(struct client *client, struct made *made)
{
    struct cursor c = client_finish(client);
    uint32_t status = get_u32(&c);
    struct made ignored;

    if (!made)
        made = &ignored;
    *made = (struct made){0};
    if (status == NFS_OK) {
        made->has_fh = get_bool(&c);
        if (made->has_fh)
            get_fh(&c, &made->fh);
        get_post_attr(&c, &made->attr);
    }
    get_wcc(&c, &made->dir);
    cursor_expect_end(&c);
    return status;
}

uint32_t ask_create(struct client *client, const struct fh *dir, const char *name, uint32_t how,
                    const struct sattr *set, const void *verifier, struct made *made)
{
    struct bytes *b = begin_fh(client, CREATE, dir, name);

    put_u32(b, how);
    if (how == H_EXCLUSIVE)
        put_fixed(b, verifier, 8);
    else
        put_sattr(b, set);
    return finish_made(client, made);
}

uint32_t ask_mkdir(struct client *client, const struct fh *dir, const char *name,
                   const struct sattr *set, struct made *made)
{
    put_sattr(begin_fh(client, MKDIR, dir, name), set);
    return finish_made(client, made);
}

uint32_t ask_symlink(struct client *client, const struct fh *dir, const char *name,
                     const char *target, const struct sattr *set, struct made *made)
{
    struct bytes *b = begin_fh(client, SYMLINK, dir, name);

    put_sattr(b, set);
    put_string(b, target);
    return finish_made(client, made);
}

uint32_t ask_mknod(struct client *client, const struct fh *dir, const char *name, uint32_t type,
                   const struct sattr *set, uint32_t rdev_major, uint32_t rdev_minor,
                   struct made *made)
{
    struct bytes *b = begin_fh(client, MKNOD, dir, name);

    put_u32(b, type);
    if (type >= T_BLK && type != T_LNK && type <= T_FIFO)
        put_sattr(b, set);
    if (type == T_BLK || type == T_CHR) {
        put_u32(b, rdev_major);
        put_u32(b, rdev_minor);
    }
    return finish_made(client, made);
}

uint32_t ask_remove(struct client *client, const struct fh *dir, const char *name, struct wcc *wcc)
{
    begin_fh(client, REMOVE, dir, name);
    return finish_wcc(client, wcc);
}

uint32_t ask_rmdir(struct client *client, const struct fh *dir, const char *name, struct wcc *wcc)
{
    begin_fh(client, RMDIR, dir, name);
    return finish_wcc(client, wcc);
}

uint32_t ask_rename(struct client *client, const struct fh *from_dir, const char *from,
                    const struct fh *to_dir, const char *to, struct wcc *from_wcc,
                    struct wcc *to_wcc)
{
    struct bytes *b = begin_fh(client, RENAME, from_dir, from);

    put_fh(b, to_dir);
    put_string(b, to);
    struct cursor c = client_finish(client);
    uint32_t status = get_u32(&c);
    get_wcc(&c, from_wcc);
    get_wcc(&c, to_wcc);
    cursor_expect_end(&c);
    return status;
}

uint32_t ask_link(struct client *client, const struct fh *fh, const struct fh *dir,
                  const char *name, struct attr *attr, struct wcc *wcc)
{
    struct bytes *b = begin_fh(client, LINK, fh, NULL);

    put_fh(b, dir);
    put_string(b, name);
    struct cursor c = client_finish(client);
    uint32_t status = get_u32(&c);
    get_post_attr(&c, attr);
    get_wcc(&c, wcc);
    cursor_expect_end(&c);
    return status;
}
