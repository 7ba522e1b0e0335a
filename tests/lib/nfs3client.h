/*
 * nfs3client.h - the 22 procedures of NFS version 3 (RFC 1813), asked one at a time.
 *
 * Each ask_*() sends one call, takes its reply apart to the last byte, and returns its nfsstat3.
 * Results the caller has no use for may be NULL. What a failed call carries (attributes, wcc data)
 * is taken apart and given too. Written from the RFC, independently of xdr/.
 */
#ifndef TESTS_LIB_NFS3CLIENT_H
#define TESTS_LIB_NFS3CLIENT_H

#include "tests/lib/rpcclient.h"

enum nfs3_status {
    NFS_OK = 0,
    NFS_PERM = 1,
    NFS_NOENT = 2,
    NFS_IO = 5,
    NFS_NXIO = 6,
    NFS_ACCES = 13,
    NFS_EXIST = 17,
    NFS_XDEV = 18,
    NFS_NODEV = 19,
    NFS_NOTDIR = 20,
    NFS_ISDIR = 21,
    NFS_INVAL = 22,
    NFS_FBIG = 27,
    NFS_NOSPC = 28,
    NFS_ROFS = 30,
    NFS_MLINK = 31,
    NFS_NAMETOOLONG = 63,
    NFS_NOTEMPTY = 66,
    NFS_DQUOT = 69,
    NFS_STALE = 70,
    NFS_REMOTE = 71,
    NFS_BADHANDLE = 10001,
    NFS_NOT_SYNC = 10002,
    NFS_BAD_COOKIE = 10003,
    NFS_NOTSUPP = 10004,
    NFS_TOOSMALL = 10005,
    NFS_SERVERFAULT = 10006,
    NFS_BADTYPE = 10007,
    NFS_JUKEBOX = 10008,
};

enum nfs3_type { T_REG = 1, T_DIR, T_BLK, T_CHR, T_LNK, T_SOCK, T_FIFO };
enum nfs3_stable { S_UNSTABLE, S_DATA_SYNC, S_FILE_SYNC };
enum nfs3_how { H_UNCHECKED, H_GUARDED, H_EXCLUSIVE };
enum nfs3_set_time { SET_KEEP, SET_SERVER_TIME, SET_CLIENT_TIME };
enum { A_READ = 1, A_LOOKUP = 2, A_MODIFY = 4, A_EXTEND = 8, A_DELETE = 16, A_EXECUTE = 32 };

struct fh {
    uint32_t len;
    uint8_t data[128]; /* more than the 64 that are legal, to try that */
};

struct nfs_time {
    uint32_t sec, nsec;
};

struct attr {
    bool present; /* of an optional one (post_op_attr) */
    uint32_t type, mode, nlink, uid, gid;
    uint64_t size, used;
    uint32_t rdev_major, rdev_minor;
    uint64_t fsid, fileid;
    struct nfs_time atime, mtime, ctime;
};

struct wcc {
    bool has_before;
    uint64_t before_size;
    struct nfs_time before_mtime, before_ctime;
    struct attr after;
};

struct sattr {
    bool set_mode, set_uid, set_gid, set_size;
    uint32_t mode, uid, gid;
    uint64_t size;
    uint32_t set_atime, set_mtime; /* enum nfs3_set_time */
    struct nfs_time atime, mtime;
};

/* What CREATE, MKDIR, SYMLINK and MKNOD answer. */
struct made {
    bool has_fh;
    struct fh fh;
    struct attr attr;
    struct wcc dir;
};

void put_fh(struct bytes *b, const struct fh *fh);
void put_sattr(struct bytes *b, const struct sattr *set);
void get_fh(struct cursor *c, struct fh *fh);
void get_attr(struct cursor *c, struct attr *attr);      /* fattr3 */
void get_post_attr(struct cursor *c, struct attr *attr); /* post_op_attr */
void get_wcc(struct cursor *c, struct wcc *wcc);
/* Begins a call of the NFS program; the caller puts the arguments. */
struct bytes *nfs3_begin(struct client *client, uint32_t procedure);
const char *nfs3_status_name(uint32_t status);
/* Fails with both names where they differ. */
#define expect_status(got, wanted) expect_status_at(got, wanted, #got, __FILE__, __LINE__)
void expect_status_at(uint32_t got, uint32_t wanted, const char *what, const char *file, int line);
#define expect_ok(got) expect_status(got, NFS_OK)

void ask_null(struct client *client);
uint32_t ask_getattr(struct client *client, const struct fh *fh, struct attr *attr);
uint32_t ask_setattr(struct client *client, const struct fh *fh, const struct sattr *set,
                     const struct nfs_time *guard, struct wcc *wcc);
uint32_t ask_lookup(struct client *client, const struct fh *dir, const char *name, struct fh *fh,
                    struct attr *attr, struct attr *dir_attr);
/* Names as bytes. */
uint32_t ask_lookup_bytes(struct client *client, const struct fh *dir, const void *name, size_t len,
                          struct fh *fh);
uint32_t ask_access(struct client *client, const struct fh *fh, uint32_t want, uint32_t *granted,
                    struct attr *attr);
uint32_t ask_readlink(struct client *client, const struct fh *fh, char *target, size_t size,
                      struct attr *attr);
struct nfs3_read {
    uint32_t count;
    bool eof;
    const uint8_t *data; /* lies in the client's reply buffer: until the next call */
    struct attr attr;
};
uint32_t ask_read(struct client *client, const struct fh *fh, uint64_t offset, uint32_t count,
                  struct nfs3_read *result);
struct nfs3_write {
    uint32_t count, committed;
    uint64_t verifier;
    struct wcc wcc;
};
uint32_t ask_write(struct client *client, const struct fh *fh, uint64_t offset, const void *data,
                   uint32_t len, uint32_t stable, struct nfs3_write *result);
/* `verifier`: 8 bytes for H_EXCLUSIVE, and `set` is not used then; NULL set: nothing is set. */
uint32_t ask_create(struct client *client, const struct fh *dir, const char *name, uint32_t how,
                    const struct sattr *set, const void *verifier, struct made *made);
uint32_t ask_mkdir(struct client *client, const struct fh *dir, const char *name,
                   const struct sattr *set, struct made *made);
uint32_t ask_symlink(struct client *client, const struct fh *dir, const char *name,
                     const char *target, const struct sattr *set, struct made *made);
uint32_t ask_mknod(struct client *client, const struct fh *dir, const char *name, uint32_t type,
                   const struct sattr *set, uint32_t rdev_major, uint32_t rdev_minor,
                   struct made *made);
uint32_t ask_remove(struct client *client, const struct fh *dir, const char *name, struct wcc *wcc);
uint32_t ask_rmdir(struct client *client, const struct fh *dir, const char *name, struct wcc *wcc);
uint32_t ask_rename(struct client *client, const struct fh *from_dir, const char *from,
                    const struct fh *to_dir, const char *to, struct wcc *from_wcc,
                    struct wcc *to_wcc);
uint32_t ask_link(struct client *client, const struct fh *fh, const struct fh *dir,
                  const char *name, struct attr *attr, struct wcc *wcc);

struct entry {
    uint64_t fileid, cookie;
    char name[256];
    struct attr attr; /* READDIRPLUS */
    bool has_fh;
    struct fh fh;
};
struct listing {
    struct attr dir;
    uint64_t verifier;
    bool eof;
    size_t count;
    struct entry *list; /* of the listing: listing_free() */
    size_t reply_bytes; /* of the results in XDR */
};
/* One page; `listing` is replaced. */
uint32_t ask_readdir(struct client *client, const struct fh *dir, uint64_t cookie,
                     uint64_t verifier, uint32_t count, struct listing *listing);
uint32_t ask_readdirplus(struct client *client, const struct fh *dir, uint64_t cookie,
                         uint64_t verifier, uint32_t dircount, uint32_t maxcount,
                         struct listing *listing);
/* All of it, in pages of `count` bytes; the first status that is not NFS_OK. */
uint32_t ask_readdir_all(struct client *client, const struct fh *dir, uint32_t count, bool plus,
                         struct listing *listing);
const struct entry *listing_find(const struct listing *listing, const char *name);
void listing_free(struct listing *listing);

struct nfs3_fsstat {
    struct attr attr;
    uint64_t total_bytes, free_bytes, avail_bytes, total_files, free_files, avail_files;
    uint32_t invarsec;
};
uint32_t ask_fsstat(struct client *client, const struct fh *fh, struct nfs3_fsstat *result);
struct nfs3_fsinfo {
    struct attr attr;
    uint32_t rtmax, rtpref, rtmult, wtmax, wtpref, wtmult, dtpref;
    uint64_t maxfilesize;
    struct nfs_time time_delta;
    uint32_t properties;
};
uint32_t ask_fsinfo(struct client *client, const struct fh *fh, struct nfs3_fsinfo *result);
struct nfs3_pathconf {
    struct attr attr;
    uint32_t linkmax, name_max;
    bool no_trunc, chown_restricted, case_insensitive, case_preserving;
};
uint32_t ask_pathconf(struct client *client, const struct fh *fh, struct nfs3_pathconf *result);
uint32_t ask_commit(struct client *client, const struct fh *fh, uint64_t offset, uint32_t count,
                    uint64_t *verifier, struct wcc *wcc);

#endif
