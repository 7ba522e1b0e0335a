/*
 * mountd.c - the MOUNT program: its table of procedures, and their wire forms.
 *
 * rpc/dispatch.c calls the rows. MNT's decision is in mnt.c, the list for DUMP in mount_list.c.
 */
#include "mountd/mountd.h"
#include "exports/exports.h"
#include "mountd/mnt.h"
#include "mountd/mount_list.h"
#include "rpc/program.h"
#include "rpc/reply_list.h"
#include "xdr/mount.h"
#include <string.h>

static void mountd_remember(const struct rpc_call *call, struct view path)
{
    char clean[EXPORT_PATH_MAX + 1];
    uint32_t len;

    if (exports_path_clean(path, clean, &len))
        mount_list_add(call->peer, clean);
}

/*
 * Whether the caller is U-Boot: it asks by datagram, with an empty machine name. From 2023.07 to
 * 2024.04 it keeps 32 bytes of the reply for a handle and its length, so a longer handle would come
 * back without its end.
 */
static bool mountd_is_uboot(const struct rpc_call *call)
{
    return call->is_datagram && call->auth.flavor == RPC_AUTH_SYS && call->auth.machine.len == 0;
}

static enum rpc_outcome mountd_mnt3(struct rpc_call *call, dirpath *path, mountres3 *res)
{
    /* AUTH_NONE is served but not listed: a Linux client takes it in this list to mean that the
     * server ignores all credentials, whatever their flavor. */
    static int flavors[] = {RPC_AUTH_SYS};
    struct mountres3_ok *ok = &res->mountres3_u.mountinfo;
    struct handle handle;
    size_t room;

    res->fhs_status = mnt_resolve(call, *path, mountd_is_uboot(call), &handle);
    if (res->fhs_status == MNT_ASK_AGAIN)
        return RPC_NO_REPLY;
    if (res->fhs_status != MNT3_OK)
        return RPC_DONE;
    /* The handle follows the status and its own length. */
    uint8_t *bytes = rpc_call_payload(call, 8, &room);
    if (room < handle.len)
        return RPC_SYSTEM_ERR;
    memcpy(bytes, handle.bytes, handle.len);
    ok->fhandle = (struct view){.data = bytes, .len = handle.len};
    ok->auth_flavors.auth_flavors_len = sizeof(flavors) / sizeof(flavors[0]);
    ok->auth_flavors.auth_flavors_val = flavors;
    mountd_remember(call, *path);
    return RPC_DONE;
}

/*
 * Versions 1 and 2 have handles of exactly 32 bytes, for NFS version 2, which is not served. NetBSD
 * uses these versions to find out whether it may mount. U-Boot until 2023.04 gets the handle by
 * them, and goes on with NFS version 3 once it has heard that there is no version 2. A shorter
 * handle is padded with zeros, and the client sends it back with these zeros (handle_open).
 */
static enum rpc_outcome mountd_mnt1(struct rpc_call *call, dirpath *path, fhstatus *res)
{
    struct handle handle;

    res->fhs_status = mnt_resolve(call, *path, true, &handle);
    if (res->fhs_status == MNT_ASK_AGAIN)
        return RPC_NO_REPLY;
    if (res->fhs_status != MNT3_OK)
        return RPC_DONE;
    memcpy(res->fhstatus_u.fhs_fhandle.data, handle.bytes, handle.len);
    mountd_remember(call, *path);
    return RPC_DONE;
}

static enum rpc_outcome mountd_umnt_run(struct rpc_call *call, void *args, void *results)
{
    const dirpath *path = args;
    char clean[EXPORT_PATH_MAX + 1];
    uint32_t len;

    (void)results;
    if (path->len > MNT_PATH_MAX)
        return RPC_GARBAGE_ARGS;
    if (exports_path_clean(*path, clean, &len))
        mount_list_remove(call->peer, clean);
    return RPC_DONE;
}

static enum rpc_outcome mountd_umntall_run(struct rpc_call *call, void *args, void *results)
{
    (void)args;
    (void)results;
    mount_list_remove(call->peer, NULL);
    return RPC_DONE;
}

/* --- lists --- */

static struct view view_of(const char *text)
{
    return (struct view){.data = (const uint8_t *)text, .len = (uint32_t)strlen(text)};
}

static bool_t mountd_encode_mount(XDR *xdrs, void *entry)
{
    return xdr_mountbody(xdrs, entry);
}

static bool mountd_dump_one(const struct address *host, const char *path, void *list)
{
    char text[ADDRESS_TEXT_MAX];
    struct mountbody body = {
        .ml_hostname = view_of(address_format(host, false, text)),
        .ml_directory = view_of(path),
    };

    return reply_list_add(list, mountd_encode_mount, &body);
}

static enum rpc_outcome mountd_dump_run(struct rpc_call *call, void *args, void *results)
{
    struct reply_list list;

    (void)args;
    reply_list_begin(call, &list);
    mount_list_walk(mountd_dump_one, &list);
    reply_list_end(&list, results);
    return RPC_DONE;
}

/* Encodes an export's path, and its clients as the list of groups. */
static bool_t mountd_encode_export(XDR *xdrs, void *entry)
{
    const struct export *export = entry;
    bool_t more = TRUE, end = FALSE;
    struct view path = view_of(export->path);

    if (!xdr_dirpath(xdrs, &path))
        return FALSE;
    for (size_t i = 0; i < export->nclients; i++) {
        struct view group = view_of(export->clients[i].text);
        if (group.len > MNT_NAME_MAX)
            group.len = MNT_NAME_MAX;
        if (!xdr_bool(xdrs, &more) || !xdr_mountname(xdrs, &group))
            return FALSE;
    }
    return xdr_bool(xdrs, &end);
}

/* Leaves out an entry that does not fit: its path is too long for MOUNT, or the reply is full. */
static enum rpc_outcome mountd_export_run(struct rpc_call *call, void *args, void *results)
{
    struct reply_list list;
    const struct exports *exports = exports_get();

    (void)args;
    reply_list_begin(call, &list);
    for (size_t i = 0; i < exports->count; i++)
        (void)reply_list_add(&list, mountd_encode_export, &exports->list[i]);
    reply_list_end(&list, results);
    exports_put();
    return RPC_DONE;
}

static bool_t mountd_decode_path(XDR *xdrs, void *args)
{
    return xdr_dirpath(xdrs, args);
}

/* --- the program --- */

RPC_PROC(mountd, mnt1, dirpath, fhstatus)
RPC_PROC(mountd, mnt3, dirpath, mountres3)

#define ROW_LIST(verb)                                                                          \
    {                                                                                           \
        .name = #verb, .decode = rpc_void, .encode = reply_list_encode,                         \
        .run = mountd_##verb##_run, .results_size = sizeof(encoded_entries), .flags = RPC_SHORT \
    }
#define ROW_UMNT                                                                                  \
    {                                                                                             \
        .name = "umnt", .decode = mountd_decode_path, .encode = rpc_void, .run = mountd_umnt_run, \
        .args_size = sizeof(dirpath)                                                              \
    }
#define ROW_UMNTALL                                                                          \
    {                                                                                        \
        .name = "umntall", .decode = rpc_void, .encode = rpc_void, .run = mountd_umntall_run \
    }

/* The rows of version 1, also used for version 2. No known client calls PATHCONF, which only
 * version 2 has. */
static const struct rpc_procedure mountd_v1[] = {
    [MOUNTPROC_NULL] = RPC_ROW_NULL,
    [MOUNTPROC_MNT] = RPC_ROW(mountd, mnt1, dirpath, fhstatus, 0),
    [MOUNTPROC_DUMP] = ROW_LIST(dump),
    [MOUNTPROC_UMNT] = ROW_UMNT,
    [MOUNTPROC_UMNTALL] = ROW_UMNTALL,
    [MOUNTPROC_EXPORT] = ROW_LIST(export),
    [MOUNTPROC_EXPORTALL] = ROW_LIST(export),
};

static const struct rpc_procedure mountd_v3[] = {
    [MOUNTPROC3_NULL] = RPC_ROW_NULL,
    [MOUNTPROC3_MNT] = RPC_ROW(mountd, mnt3, dirpath, mountres3, 0),
    [MOUNTPROC3_DUMP] = ROW_LIST(dump),
    [MOUNTPROC3_UMNT] = ROW_UMNT,
    [MOUNTPROC3_UMNTALL] = ROW_UMNTALL,
    [MOUNTPROC3_EXPORT] = ROW_LIST(export),
};

static const struct rpc_version mountd_versions[] = {
    {MOUNT_V1, sizeof(mountd_v1) / sizeof(mountd_v1[0]), mountd_v1},
    {MOUNT_V2, sizeof(mountd_v1) / sizeof(mountd_v1[0]), mountd_v1},
    {MOUNT_V3, sizeof(mountd_v3) / sizeof(mountd_v3[0]), mountd_v3},
};

static const struct rpc_program mountd_program = {
    .number = MOUNT_PROGRAM,
    .name = "mountd",
    .nversions = sizeof(mountd_versions) / sizeof(mountd_versions[0]),
    .versions = mountd_versions,
};

void mountd_register(void)
{
    rpc_register(&mountd_program);
}

void mountd_finish(void)
{
    mount_list_finish();
}
