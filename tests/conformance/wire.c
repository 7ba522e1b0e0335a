/*
 * wire.c - the driver over the wire: an NFSv3 server is mounted and asked by raw RPC
 * (tests/lib/nfs3client.h). It is one that was started for this (server.c), or any that runs.
 */
#include "tests/conformance/wire.h"
#include "tests/conformance/run.h"
#include <loopnfs/vfs.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#define DATA_MAX (1u << 20)

struct client wire_client;

static const struct target *mounted;
static uint16_t nfs_port;
static struct nfs3_fsinfo info;

struct fh wire_fh(const struct object *object)
{
    struct fh fh = {.len = object->len};

    memcpy(fh.data, object->id, object->len);
    return fh;
}

static struct nfs_time wire_time(struct timespec t)
{
    return (struct nfs_time){.sec = (uint32_t)t.tv_sec, .nsec = (uint32_t)t.tv_nsec};
}

static struct timespec host_time(struct nfs_time t)
{
    return (struct timespec){.tv_sec = t.sec, .tv_nsec = t.nsec};
}

struct sattr wire_sattr(const struct vsetattr *set)
{
    return (struct sattr){
        .set_mode = set->set_mode,
        .mode = set->mode,
        .set_uid = set->set_uid,
        .uid = set->uid,
        .set_gid = set->set_gid,
        .gid = set->gid,
        .set_size = set->set_size,
        .size = set->size,
        .set_atime = set->set_atime,
        .atime = wire_time(set->atime),
        .set_mtime = set->set_mtime,
        .mtime = wire_time(set->mtime),
    };
}

void wire_attr(const struct attr *from, struct vattr *to)
{
    *to = (struct vattr){.type = VNON};
    if (!from->present)
        return;
    *to = (struct vattr){
        .type = (enum vtype)from->type,
        .mode = from->mode,
        .nlink = from->nlink,
        .uid = from->uid,
        .gid = from->gid,
        .size = from->size,
        .used = from->used,
        .rdev_major = from->rdev_major,
        .rdev_minor = from->rdev_minor,
        .fsid = from->fsid,
        .fileid = from->fileid,
        .atime = host_time(from->atime),
        .mtime = host_time(from->mtime),
        .ctime = host_time(from->ctime),
    };
}

void wire_change(const struct wcc *from, struct vchange *to)
{
    *to = (struct vchange){.has_before = from->has_before};
    if (from->has_before) {
        to->before_size = from->before_size;
        to->before_mtime = host_time(from->before_mtime);
        to->before_ctime = host_time(from->before_ctime);
    }
    wire_attr(&from->after, &to->after);
}

int wire_error(uint32_t status)
{
    static const struct {
        uint32_t status;
        int error;
    } others[] = {
        {NFS_NAMETOOLONG, ENAMETOOLONG},
        {NFS_NOTEMPTY, ENOTEMPTY},
        {NFS_DQUOT, EDQUOT},
        {NFS_STALE, ESTALE},
        {NFS_REMOTE, EREMOTE},
        {NFS_BADHANDLE, VFS_EBADHANDLE},
        {NFS_NOT_SYNC, VFS_ENOTSYNC},
        {NFS_BAD_COOKIE, VFS_EBADCOOKIE},
        {NFS_NOTSUPP, EOPNOTSUPP},
        {NFS_TOOSMALL, VFS_ETOOSMALL},
        {NFS_SERVERFAULT, VFS_ESERVERFAULT},
        {NFS_BADTYPE, VFS_EBADTYPE},
        {NFS_JUKEBOX, VFS_EJUKEBOX},
    };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (others[i].status == status)
            return others[i].error;
    /* The first statuses are the errnos of 4.2BSD, which Linux has, too. */
    if (status > NFS_MLINK)
        fail("status %u is none of RFC 1813", status);
    return (int)status;
}

/* --- mounting --- */

static void connect_to(struct client *client, uint16_t port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    char service[8];

    snprintf(service, sizeof(service), "%u", port);
    int bad = getaddrinfo(mounted->host, service, &hints, &list);
    if (bad != 0)
        fail("%s: %s", mounted->host, gai_strerror(bad));
    int err = EHOSTUNREACH;
    for (struct addrinfo *at = list; at != NULL && err != 0; at = at->ai_next)
        err = client_connect_to(client, at->ai_addr, at->ai_addrlen, 0);
    freeaddrinfo(list);
    if (err != 0)
        fail("can't connect to %s, port %u: %s", mounted->host, port, strerror(err));
    client->timeout_ms = 30000;
}

/* The port of a program, by the server's portmapper (RFC 1833, GETPORT). */
static uint16_t ask_port(uint32_t program)
{
    struct client client;

    connect_to(&client, 111);
    struct bytes *b = client_begin(&client, PROGRAM_PORTMAP, 2, 3);
    put_u32(b, program);
    put_u32(b, 3);
    put_u32(b, 6); /* TCP */
    put_u32(b, 0);
    struct cursor c = client_finish(&client);
    uint32_t port = get_u32(&c);
    client_disconnect(&client);
    if (port == 0 || port > UINT16_MAX)
        fail("the portmapper of %s knows no program %u", mounted->host, program);
    return (uint16_t)port;
}

/* MNT of the MOUNT program (RFC 1813 section 5.2.1). */
static void ask_root(const char *path, uint16_t port, struct object *out)
{
    struct client client;
    struct fh fh;

    connect_to(&client, port);
    put_string(client_begin(&client, PROGRAM_MOUNT, 3, 1), path);
    struct cursor c = client_finish(&client);
    uint32_t status = get_u32(&c);
    if (status != 0)
        fail("mount of %s: status %u", path, status);
    get_fh(&c, &fh);
    client_disconnect(&client);
    out->len = fh.len;
    memcpy(out->id, fh.data, fh.len);
}

/* Else it runs already, for others too. */
static bool starts_server(const struct target *target)
{
    return target->server != NULL && target->port == 0;
}

static bool can_restart(const struct target *target)
{
    return target->server != NULL;
}

static void driver_become(const struct who *who)
{
    struct caller *caller = &wire_client.who;

    *caller = (struct caller){.flavor = 1, .uid = who->uid, .gid = who->gid};
    caller->ngids = who->ngroups;
    for (uint32_t i = 0; i < who->ngroups; i++)
        caller->gids[i] = who->groups[i];
}

static void driver_begin(const struct target *target, struct object *out)
{
    const char *path = target->path;
    uint16_t mount_port = target->mount_port;

    mounted = target;
    nfs_port = target->port;
    if (starts_server(target))
        server_begin(target, &nfs_port, &path);
    if (nfs_port == 0)
        nfs_port = ask_port(PROGRAM_NFS);
    else if (mount_port == 0)
        mount_port = nfs_port;
    if (mount_port == 0)
        mount_port = ask_port(PROGRAM_MOUNT);
    ask_root(path, mount_port, out);
    connect_to(&wire_client, nfs_port);
    wire_client.patient = true;
    struct fh fh = wire_fh(out);
    expect_ok(wire_error(ask_fsinfo(&wire_client, &fh, &info)));
    if (info.rtmax == 0 || info.wtmax == 0)
        fail("FSINFO says that nothing can be read, or written, at once");
}

static void driver_end(void)
{
    client_disconnect(&wire_client);
    if (starts_server(mounted))
        server_end();
}

static void driver_restart(void (*between)(void))
{
    struct caller who = wire_client.who;

    client_disconnect(&wire_client);
    server_again(mounted, between);
    connect_to(&wire_client, nfs_port);
    wire_client.patient = true;
    wire_client.who = who;
}

/* FSINFO's properties: LINK 1, SYMLINK 2. Of what it does not say, caps.c finds out. */
static uint32_t driver_flags(void)
{
    return (info.properties & 1 ? VFS_LINKS : 0) | (info.properties & 2 ? VFS_SYMLINKS : 0);
}

/* --- calls without names --- */

static int driver_getattr(const struct object *node, struct vattr *attr)
{
    struct fh fh = wire_fh(node);
    struct attr got = {.present = false};
    uint32_t status = ask_getattr(&wire_client, &fh, &got);

    wire_attr(&got, attr);
    return wire_error(status);
}

static int driver_setattr(const struct object *node, const struct vsetattr *set,
                          struct vchange *change)
{
    struct fh fh = wire_fh(node);
    struct sattr sattr = wire_sattr(set);
    struct nfs_time guard = wire_time(set->guard);
    struct wcc wcc;
    uint32_t status = ask_setattr(&wire_client, &fh, &sattr, set->guarded ? &guard : NULL, &wcc);

    wire_change(&wcc, change);
    return wire_error(status);
}

static int driver_access(const struct object *node, uint32_t want, uint32_t *granted)
{
    struct fh fh = wire_fh(node);

    return wire_error(ask_access(&wire_client, &fh, want, granted, NULL));
}

static int driver_readlink(const struct object *node, char *buf, size_t size, size_t *len)
{
    struct fh fh = wire_fh(node);
    uint32_t status = ask_readlink(&wire_client, &fh, buf, size, NULL);

    *len = status == NFS_OK ? strlen(buf) : 0;
    return wire_error(status);
}

/* In as many calls as the server wants. */
static int driver_read(const struct object *node, uint64_t offset, void *buf, size_t *len,
                       bool *eof, struct vattr *attr)
{
    struct fh fh = wire_fh(node);
    size_t asked = *len, piece;
    struct nfs3_read got;

    *len = 0;
    *eof = false;
    do {
        piece = asked - *len;
        piece = piece < info.rtmax ? piece : info.rtmax;
        piece = piece < DATA_MAX ? piece : DATA_MAX;
        uint32_t status = ask_read(&wire_client, &fh, offset + *len, (uint32_t)piece, &got);
        wire_attr(&got.attr, attr);
        if (status != NFS_OK)
            return wire_error(status);
        memcpy((char *)buf + *len, got.data, got.count);
        *len += got.count;
        *eof = got.eof;
    } while (*len < asked && !got.eof && got.count > 0);
    return 0;
}

static int driver_write(const struct object *node, uint64_t offset, const void *buf, size_t *len,
                        enum vstable *stable, struct vchange *change)
{
    struct fh fh = wire_fh(node);
    size_t asked = *len, piece;
    enum vstable wanted = *stable;
    struct nfs3_write got;

    *len = 0;
    *stable = VSTABLE_FILE;
    do {
        piece = asked - *len;
        piece = piece < info.wtmax ? piece : info.wtmax;
        piece = piece < DATA_MAX ? piece : DATA_MAX;
        uint32_t status = ask_write(&wire_client, &fh, offset + *len, (const char *)buf + *len,
                                    (uint32_t)piece, wanted, &got);
        wire_change(&got.wcc, change);
        if (status != NFS_OK)
            return *len > 0 ? 0 : wire_error(status);
        *len += got.count;
        if (got.committed < *stable)
            *stable = (enum vstable)got.committed;
    } while (*len < asked && got.count > 0);
    return 0;
}

static int driver_readdir(const struct object *dir, uint64_t cookie, uint32_t size,
                          struct page *page)
{
    struct fh fh = wire_fh(dir);
    struct listing listing = {.count = 0};
    uint32_t status =
        ask_readdir(&wire_client, &fh, cookie, cookie == 0 ? 0 : page->verifier, size, &listing);

    page->count = 0;
    page->eof = listing.eof;
    page->verifier = listing.verifier;
    if (listing.count > PAGE_ITEMS_MAX) {
        listing.count = PAGE_ITEMS_MAX;
        page->eof = false;
    }
    for (size_t i = 0; i < listing.count; i++) {
        struct item *item = &page->items[page->count++];
        item->fileid = listing.list[i].fileid;
        item->cookie = listing.list[i].cookie;
        item->namelen = (uint32_t)strlen(listing.list[i].name);
        memcpy(item->name, listing.list[i].name, sizeof(item->name));
    }
    listing_free(&listing);
    return wire_error(status);
}

static int driver_statfs(const struct object *node, struct vstatfs *st)
{
    struct fh fh = wire_fh(node);
    struct nfs3_fsstat got;
    uint32_t status = ask_fsstat(&wire_client, &fh, &got);

    *st = (struct vstatfs){
        .total_bytes = got.total_bytes,
        .free_bytes = got.free_bytes,
        .avail_bytes = got.avail_bytes,
        .total_files = got.total_files,
        .free_files = got.free_files,
        .avail_files = got.avail_files,
        .invarsec = got.invarsec,
    };
    return wire_error(status);
}

static int driver_pathconf(const struct object *node, struct vpathconf *pc)
{
    struct fh fh = wire_fh(node);
    struct nfs3_pathconf got;
    uint32_t status = ask_pathconf(&wire_client, &fh, &got);

    *pc = (struct vpathconf){
        .link_max = got.linkmax,
        .name_max = got.name_max,
        .no_trunc = got.no_trunc,
        .chown_restricted = got.chown_restricted,
        .case_insensitive = got.case_insensitive,
        .case_preserving = got.case_preserving,
    };
    return wire_error(status);
}

static int driver_commit(const struct object *node, uint64_t offset, uint32_t count)
{
    struct fh fh = wire_fh(node);

    return wire_error(ask_commit(&wire_client, &fh, offset, count, NULL, NULL));
}

#define OWN(call)   .call = driver_##call
#define NAMED(call) .call = wire_##call
const struct driver driver_wire = {
    .can_restart = can_restart,
    OWN(begin),
    OWN(end),
    OWN(restart),
    OWN(become),
    OWN(flags),
    OWN(getattr),
    OWN(setattr),
    OWN(access),
    NAMED(lookup),
    OWN(readlink),
    OWN(read),
    OWN(write),
    NAMED(create),
    NAMED(mkdir),
    NAMED(symlink),
    NAMED(mknod),
    NAMED(remove),
    NAMED(rmdir),
    NAMED(rename),
    NAMED(link),
    OWN(readdir),
    OWN(statfs),
    OWN(pathconf),
    OWN(commit),
};
