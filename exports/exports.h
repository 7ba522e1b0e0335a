/*
 * exports.h - what is served, to whom, with which rights.
 *
 * A table of exports is made whole from the exports file and the command line, and replaced
 * whole (SIGHUP); a request works with one table from beginning to end (exports_get/put). The
 * parser (exports/parse.c) implements the syntax of exports(5).
 */
#ifndef EXPORTS_EXPORTS_H
#define EXPORTS_EXPORTS_H

#include "base/address.h"
#include "base/cred.h"
#include "base/view.h"
#include "rpc/admission.h"
#include "rpc/program.h"
#include <loopnfs/vfs.h>

#define EXPORT_PATH_MAX 1024 /* bytes of an export's path, without the NUL */

/* Options of a client in exports(5): one row a word in exports/options.c. */
struct export_options {
    bool rw, async, secure, root_squash, all_squash, crossmnt, pseudo, subtree_check, ids_32bit,
        udp;
    uint32_t anon_uid, anon_gid;
    bool has_fsid;
    uint32_t fsid;
};

enum export_client_kind {
    EXPORT_CLIENT_ANY,      /* "*" */
    EXPORT_CLIENT_SELF,     /* this host: loopback and own addresses */
    EXPORT_CLIENT_NETWORK,  /* an address, or CIDR */
    EXPORT_CLIENT_NAME,     /* a host name */
    EXPORT_CLIENT_WILDCARD, /* a host name with * or ? */
    EXPORT_CLIENT_PATTERN   /* the same of an address: 192.168.1.* */
};

struct export_client {
    enum export_client_kind kind;
    char *text; /* as written, for EXPORT, DUMP and messages */
    struct address network;
    unsigned prefix; /* bits */
    struct export_options options;
};

/* Which directory a path led to: its mount, its number there, its birth (ns). */
struct export_place {
    uint64_t mount, dev, ino;
    int64_t born;
};

struct export
{
    char *path;  /* what clients name: absolute, no trailing '/' except "/" itself */
    char *alias; /* what they may name as well, where `path` has symbolic links; NULL */
    char *type;  /* of file system: "hostfs" */
    char *source;
    char *written; /* a host directory, as it was named: `source` is that with links resolved */
    char *fs_options;
    uint32_t id;    /* in file handles: fsid= or a hash of the path; unique in the table */
    struct vfs *fs; /* mounted; NULL: it is not there (absent) */
    size_t nclients;
    struct export_client *clients; /* the most specific kind first, as exports(5) matches */

    /* With type, source and fs_options: what the mount depends on. A reload that finds all of it
     * the same keeps the file system, and with it every cached node. */
    uint64_t fsid;
    bool crossmnt, pseudo, subtree_check; /* where clients differ: what any of them has */
    struct export_place place;            /* of a source that is a host directory; else zeros */
    int absent;                           /* why it can't be served now: ENOENT, ...; 0: it is */
    int64_t absent_since;                 /* seconds of CLOCK_MONOTONIC */

    uint64_t serial; /* no other export of any table has had it: for what is remembered of it */
};

struct exports {
    size_t count;
    struct export *list;         /* by path */
    const struct export **by_id; /* the same, by id */
    bool udp;                    /* some client may use NFS over UDP */
};

/* What to make a table from. */
struct exports_source {
    const char *file;   /* --exports FILE, or NULL */
    const char **specs; /* --export PATH[,fs=TYPE][,source=SRC][,client=SPEC]...[,OPTION]... */
    size_t nspecs;
    bool made_up; /* nobody typed the specs: a file system's own program has made them (lib/) */
    const char **dirs; /* DIR: rw,no_root_squash,secure to this host; as it was typed */
    size_t ndirs;
    const char *state_dir; /* for the file systems */
    bool table_handles;    /* see struct vfs_mount_args */
    bool udp;              /* --udp: as if every client had the option */
    bool check_only;       /* --check: parse and look, mount nothing */
    bool apart;            /* mount on threads of their own: what does not answer is given up */
};

/*
 * Parses and mounts everything, then makes it the current table; where anything is wrong, nothing
 * changes and `message` has one line that says what, and for a file which line ("FILE:LINE: ...").
 * A file system that both tables have in the same way stays mounted. EINVAL, ENOENT, ENOTDIR, ....
 * What can't be served since it is not there (a directory, a disk, an image) is told, and served
 * as soon as it is; only where nothing could be served and no file was read, it is an error.
 */
int exports_load(const struct exports_source *source, char *message, size_t message_size);
/* Looks whether the directories that are exported are still what their paths lead to, and serves
 * what is there now; what has gone is not served, what has come is. Between two loads, from any
 * thread; may sleep. */
void exports_refresh(void);
/* The same for the export with this id alone. */
void exports_refresh_one(uint32_t id);
/* Whether exports_refresh() would serve something else as this export. May sleep. */
bool export_is_outdated(const struct export *export);
/* What a call gets for an export that is not there: VFS_EJUKEBOX for a while, since a disk may come
 * late; then ESTALE. */
int export_absent_error(const struct export *export);
/* Frees the current table; no request may be running. False: a file system does not let go, and is
 * left behind with a thread. */
bool exports_finish(void);

/* The current table, held until exports_put() by the same thread; not nested. Never NULL after the
 * first exports_load(). Cheap: for every request. */
const struct exports *exports_get(void);
void exports_put(void);
/* Frees tables that were replaced while a request held them, where that request is done by now.
 * exports_load() does it too; for main's housekeeping, from any thread. */
void exports_collect(void);

/* Whether anything at all is exported to a peer (for rpc/admission.h). May look names up. */
enum rpc_verdict exports_admit(const struct address *peer);
/* Another number, not 0, whenever the current table is another one. From any thread. */
uint64_t exports_generation(void);

/* The export with this id; NULL. */
const struct export *exports_by_id(const struct exports *exports, uint32_t id);
/*
 * The export that serves `path` (the longest whose path is it, or a parent of it at a component
 * boundary), and in *rest what follows, without a leading '/'. `path` is cleaned first, see
 * exports_path_clean(). NULL: none. *rest is valid until this thread's next call.
 */
const struct export *exports_by_path(const struct exports *exports, struct view path,
                                     struct view *rest);
/*
 * Writes a client's path as exports are written: "/a/b", with a NUL; *len is its length, at
 * least 1. As text, before anything is looked up: doubled and trailing '/' and components `.` are
 * dropped, a
 * `..` takes the component before it away, and above the root is the root. (U-Boot follows symbolic
 * links by mounting their text.) False: not absolute, too long, or with a NUL in it.
 */
bool exports_path_clean(struct view path, char out[EXPORT_PATH_MAX + 1], uint32_t *len);
/*
 * The rights of a client, by its address. EACCES: it has none. VFS_EJUKEBOX: that takes a name
 * service, which has not answered yet, though this has waited some seconds, or too many wait for
 * it already; the client is to come again. Who is in an address or a network of the export is never
 * asked for his name. Answers are kept for a while.
 */
int export_ask(const struct export *export, const struct address *peer,
               const struct export_client **out);
/* The same; NULL: none, or not known yet. */
const struct export_client *export_match(const struct export *export, const struct address *peer);
/*
 * Whom an export is for, without any look-up (audience.c): whether this host may mount it when it
 * calls from its address `from`; and whether other hosts may that speak `family`, or, where `near`
 * is given, such hosts of which it may be that `near` is in their network.
 */
bool export_admits_us(const struct export *export, const struct address *from);
bool export_admits_others(const struct export *export, int family, const struct address *near);

/*
 * The caller's credential after squash and id map, for requests with `auth` under this client's
 * options: root_squash, all_squash, AUTH_NONE as anonymous; --manage-gids. `cred` borrows from
 * `auth` and from `storage`, which the caller keeps as long as cred. VFS_EJUKEBOX: the user
 * database has not answered yet, and nothing may be done as this user.
 */
struct export_cred_storage {
    gid_t gids[RPC_GIDS_MAX];
    void *managed; /* a reference on a looked-up list of groups; released by export_cred_release */
};
int export_cred(const struct export_client *client, const struct rpc_auth *auth, struct cred *cred,
                struct export_cred_storage *storage);
void export_cred_release(struct export_cred_storage *storage);
/* The same for a client on this host whose socket belongs to the user auth->uid: that user, in the
 * groups that the user database gives, whatever groups the call claims. VFS_EJUKEBOX: as
 * export_cred(). */
int export_cred_of_user(const struct export_client *client, const struct rpc_auth *auth,
                        struct cred *cred, struct export_cred_storage *storage);
/* --manage-gids: groups come from this host's user database by uid. Before requests run. */
void export_manage_gids(bool on);

#endif
