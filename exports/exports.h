/*
 * exports.h - which directories and file systems are served, to which clients, with which rights.
 *
 * A table of exports is made whole from the exports file and the command line, and replaced as a
 * whole (SIGHUP, or a directory that has come or gone). A request works with one table from
 * beginning to end (exports_get/put). The parser (exports/parse.c) implements the syntax of
 * exports(5).
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

/* Options of a client in exports(5): exports/options.c has one row for each word. */
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
    EXPORT_CLIENT_PATTERN   /* an address with * or ?: 192.168.1.* */
};

struct export_client {
    enum export_client_kind kind;
    char *text; /* as written, for EXPORT, DUMP and messages */
    struct address network;
    unsigned prefix; /* bits */
    struct export_options options;
};

/* Identifies the directory that a path led to: its mount, its inode number, its birth time (ns). */
struct export_place {
    uint64_t mount, dev, ino;
    int64_t born;
};

struct export
{
    char *path;  /* what clients name: absolute, no trailing '/' except "/" itself */
    char *alias; /* the path that clients may use as well, where `path` has symbolic links; NULL */
    char *type;  /* kind of file system: "hostfs" */
    char *source;
    char *written; /* the host directory as the user named it; `source` has its links resolved */
    char *fs_options;
    uint32_t id;    /* in file handles: fsid= or a hash of the path; unique in the table */
    struct vfs *fs; /* mounted; NULL: it is absent */
    size_t nclients;
    struct export_client *clients; /* the most specific kind first, as exports(5) matches */

    /* These, and type, source and fs_options, decide how the file system is mounted. A reload that
     * finds all of them unchanged keeps the file system, and with it every cached node. */
    uint64_t fsid;
    bool crossmnt, pseudo, subtree_check; /* true if any client has it */
    struct export_place place;            /* for a source that is a host directory; else zeros */
    int absent;                           /* why it is absent: ENOENT, ...; 0: it is served */
    int64_t absent_since;                 /* seconds of CLOCK_MONOTONIC */

    uint64_t serial; /* no other export of any table has had it */
};

struct exports {
    size_t count;
    struct export *list;         /* sorted by path */
    const struct export **by_id; /* pointers into list, sorted by id */
    bool udp;                    /* at least one client may use NFS over UDP */
};

/* What a table is made from. */
struct exports_source {
    const char *file;   /* --exports FILE, or NULL */
    const char **specs; /* --export PATH[,fs=TYPE][,source=SRC][,client=SPEC]...[,OPTION]... */
    size_t nspecs;
    bool made_up;      /* a file system's own program (lib/) made the specs */
    const char **dirs; /* DIR arguments as typed: rw,no_root_squash,secure, for this host */
    size_t ndirs;
    const char *state_dir; /* passed to the file systems */
    bool table_handles;    /* for tests: file systems of host directories act as without
                            * the right to use kernel handles */
    bool udp;              /* --udp: as if every client had the option */
    bool check_only;       /* --check: parse and look, mount nothing */
    bool apart;            /* mount on threads of their own, and give up on what does not answer */
};

/*
 * Parses and mounts everything, then makes it the current table. Where anything is wrong, nothing
 * changes, and `message` has one line that says what is wrong, and for a file in which line
 * ("FILE:LINE: ..."). A file system that old and new table have with equal arguments stays mounted.
 * EINVAL, ENOENT, ENOTDIR, ....
 *
 * A source that is missing (a directory, a disk, an image) is logged, and served as soon as it is
 * there. This is an error only where nothing could be served and no file was read.
 */
int exports_load(const struct exports_source *source, char *message, size_t message_size);
/* Checks whether each path still leads to the directory that is exported. Stops serving what has
 * gone, and serves what has come. Called between two loads, from any thread; may sleep. */
void exports_refresh(void);
/* Does this for the export with this id alone. */
void exports_refresh_one(uint32_t id);
/* Whether exports_refresh() would change what this export serves. May sleep. */
bool export_is_outdated(const struct export *export);
/* The error for a call to an export that is absent: VFS_EJUKEBOX for a while, since a disk may come
 * late; then ESTALE. */
int export_absent_error(const struct export *export);
/* Frees the current table; no request may be running. False: a file system hangs while it is left;
 * a thread that waits for it stays behind. */
bool exports_finish(void);

/* The current table, held until this thread calls exports_put(); calls do not nest. Never NULL
 * after the first exports_load(). Cheap enough for every request. */
const struct exports *exports_get(void);
void exports_put(void);
/* Frees replaced tables that no request holds any more. exports_load() does it, too. For
 * housekeeping, from any thread. */
void exports_collect(void);

/* Whether anything at all is exported to a peer (for rpc/admission.h). May ask the name service. */
enum rpc_verdict exports_admit(const struct address *peer);
/* A number, never 0, that changes whenever another table becomes current. From any thread. */
uint64_t exports_generation(void);

/* Finds the export with this id; NULL: there is none. */
const struct export *exports_by_id(const struct exports *exports, uint32_t id);
/*
 * Finds the export that serves `path`: of all exports whose path is `path` or a parent of it at a
 * component boundary, the one with the longest path. *rest becomes the part behind it, without a
 * leading '/', valid until this thread's next call. `path` is cleaned first, see
 * exports_path_clean(). NULL: no export serves it.
 */
const struct export *exports_by_path(const struct exports *exports, struct view path,
                                     struct view *rest);
/*
 * Writes a client's path in the form that exports have: "/a/b", with a NUL; *len is its length in
 * bytes, at least 1. Works on the text, before anything is looked up: doubled and trailing '/' and
 * components `.` are dropped, and `..` takes away the component before it; above the root is the
 * root. (U-Boot follows symbolic links by mounting their text.) False: the path is not absolute,
 * too long, or has a NUL in it.
 */
bool exports_path_clean(struct view path, char out[EXPORT_PATH_MAX + 1], uint32_t *len);
/*
 * Finds a client's rights by its address. EACCES: it has none. VFS_EJUKEBOX: the answer takes a
 * name service, which has not answered for some seconds, or which too many calls wait for already;
 * the client must come again. A peer that an address or network rule of the export fits is never
 * looked up by name. Answers are kept for a while.
 */
int export_ask(const struct export *export, const struct address *peer,
               const struct export_client **out);
/* Calls export_ask(); NULL where that returns an error. */
const struct export_client *export_match(const struct export *export, const struct address *peer);
/*
 * Which hosts an export is for, without any look-up (audience.c). export_admits_us(): whether this
 * host may mount it when it calls from its address `from`. export_admits_others(): whether other
 * hosts may that speak `family`; where `near` is given, only hosts count that may be in the network
 * of `near`.
 */
bool export_admits_us(const struct export *export, const struct address *from);
bool export_admits_others(const struct export *export, int family, const struct address *near);

/*
 * Makes the caller's credential after squash and id map, for a call with `auth` under this client's
 * options: root_squash, all_squash, AUTH_NONE as anonymous; --manage-gids. `cred` borrows from
 * `auth` and from `storage`, which the caller keeps for as long as it uses cred and then gives to
 * export_cred_release(). VFS_EJUKEBOX: the user database has not answered yet, and nothing may be
 * done as this user.
 */
struct export_cred_storage {
    gid_t gids[RPC_GIDS_MAX];
    void *managed; /* looked-up groups, referenced; export_cred_release() */
};
int export_cred(const struct export_client *client, const struct rpc_auth *auth, struct cred *cred,
                struct export_cred_storage *storage);
void export_cred_release(struct export_cred_storage *storage);
/* Makes the credential of a client on this host whose socket belongs to the user auth->uid: that
 * user, in the groups that the user database gives, whatever groups the call claims. VFS_EJUKEBOX:
 * as export_cred(). */
int export_cred_of_user(const struct export_client *client, const struct rpc_auth *auth,
                        struct cred *cred, struct export_cred_storage *storage);
/* --manage-gids: take groups from this host's user database by uid. Called before requests run. */
void export_manage_gids(bool on);

#endif
