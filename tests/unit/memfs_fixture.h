/*
 * memfs_fixture.h - a memfs mounted in the test's own process, and short words for what tests do
 * with it by the wrappers (vop_*).
 *
 * Operations are for the user that mem_as() named last; at first for root. What has a `mem_` word
 * for an operation returns the operation's error.
 */
#ifndef TESTS_MEMFS_FIXTURE_H
#define TESTS_MEMFS_FIXTURE_H

#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include "vfs/vop.h"
#include <errno.h>

extern struct vfs *mem_fs;
extern struct vnode *mem_root;
/* Per thread, so that several may work at once: mem_as() before anything else in a new one. */
extern _Thread_local struct vctx mem_ctx;

void mem_mount(const char *options);
void mem_unmount(void);
/* groups: supplementary ones, ended by -1. */
void mem_as(uid_t uid, gid_t gid, ...);

struct view mem_view(const char *text);
/* By a path below the root; must exist. The caller puts it. */
struct vnode *mem_find(const char *path);
int mem_lookup(struct vnode *dir, const char *name, struct vnode **out);
struct vattr mem_attr(struct vnode *vn);
/* The same by a path. */
struct vattr mem_stat(const char *path);

/* Below these, out may be NULL: the node is put. */
int mem_create(struct vnode *dir, const char *name, uint32_t mode, struct vnode **out);
int mem_mkdir(struct vnode *dir, const char *name, uint32_t mode, struct vnode **out);
int mem_symlink(struct vnode *dir, const char *name, const char *target, struct vnode **out);
int mem_mknod(struct vnode *dir, const char *name, enum vtype type, struct vnode **out);
int mem_remove(struct vnode *dir, const char *name);
int mem_rmdir(struct vnode *dir, const char *name);
int mem_link(struct vnode *vn, struct vnode *dir, const char *name);
int mem_rename(struct vnode *from, const char *name, struct vnode *to, const char *new_name);
int mem_set(struct vnode *vn, const struct vsetattr *set);
int mem_chmod(struct vnode *vn, uint32_t mode);
/* -1: is left. */
int mem_chown(struct vnode *vn, int64_t uid, int64_t gid);
int mem_truncate(struct vnode *vn, uint64_t size);
/* All of it is written, or an error. */
int mem_write(struct vnode *vn, uint64_t offset, const void *data, size_t len);
int mem_read(struct vnode *vn, uint64_t offset, void *buf, size_t *len, bool *eof);
uint32_t mem_access(struct vnode *vn);
struct vstatfs mem_statfs(void);

/* A whole directory, in pages of so many entries: names in order, separated by blanks, without `.`
 * and `..`. */
void mem_list(struct vnode *dir, uint32_t page_entries, char *out, size_t size);

#endif
