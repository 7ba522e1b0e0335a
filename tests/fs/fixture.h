/*
 * fixture.h - a directory mounted as hostfs in the test's own process, and short words for what
 * tests do with it by the wrappers (vop_*).
 *
 * Variants: "root" has kernel handles, "table" the handle table, "user" is an ordinary user
 * throughout, the test's own hands on the host included.
 */
#ifndef TESTS_FS_FIXTURE_H
#define TESTS_FS_FIXTURE_H

#include "base/view.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "vfs/vop.h"
#include <errno.h>

#define FIXTURE_USER 65533

struct fixture {
    char base[64];   /* everything below is in here; removed when the process ends */
    char export[96]; /* what is mounted */
    char state[96];  /* the state directory */
    struct vfs *fs;
    struct vnode *root;                   /* fs->root */
    struct vctx ctx;                      /* whom operations are for: at first the server's user */
    struct cred cred;                     /* ctx.cred */
    gid_t groups[4];                      /* cred.groups */
    bool crossmnt, pseudo, subtree_check; /* for the next mount */
};

/* Directories made and mounted, in /tmp or in `where`. */
void fixture_begin(struct fixture *f);
void fixture_begin_in(struct fixture *f, const char *where);
void fixture_unmount(struct fixture *f);
void fixture_mount(struct fixture *f);
/* Unmounts and mounts again: no node is in the table afterwards, as after a restart. */
void fixture_restart(struct fixture *f);
/* Operations are for this user from now on, in the batch that they are in. */
void fixture_as(struct fixture *f, uid_t uid, gid_t gid, int extra_group);
/* The test's own hands on the host, after operations for another user. */
void fixture_host(void);
/* Whether this variant is root. */
bool fixture_is_root(void);

struct view fixture_view(const char *text);
/* A node by a path below the root, "a/b/c"; it must exist. The caller puts it. */
struct vnode *fixture_find(struct fixture *f, const char *path);
int fixture_lookup(struct fixture *f, struct vnode *dir, const char *name, struct vnode **out);
/* The id of what is at path, as a client holds it; no node stays in use. */
struct vnode_id fixture_id(struct fixture *f, const char *path);
/* By id: 0 and a node, or the error. */
int fixture_load(struct fixture *f, const struct vnode_id *id, struct vnode **out);
/* That the id leads to a file with this content. */
void fixture_expect(struct fixture *f, const struct vnode_id *id, const char *text);
/* That it leads nowhere (ESTALE), now or at the next operation. */
void fixture_expect_stale(struct fixture *f, const struct vnode_id *id);
/* Reads up to 4095 bytes as text. */
int fixture_read(struct fixture *f, struct vnode *vn, char text[4096]);
int fixture_write(struct fixture *f, struct vnode *vn, const char *text, enum vstable stable);
int fixture_create(struct fixture *f, struct vnode *dir, const char *name, uint32_t mode,
                   struct vnode **out);
int fixture_remove(struct fixture *f, struct vnode *dir, const char *name);
int fixture_rename(struct fixture *f, struct vnode *from, const char *name, struct vnode *to,
                   const char *new_name);
/* The fileid of a node; and that a listing says the same of each entry. */
uint64_t fixture_fileid(struct fixture *f, struct vnode *vn);
void fixture_expect_fileids(struct fixture *f, struct vnode *dir);
/* Open descriptors of this process, but for those of /proc, which threads keep. */
int fixture_open_fds(void);

#endif
