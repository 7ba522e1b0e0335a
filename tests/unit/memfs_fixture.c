/*
 * memfs_fixture.c - see memfs_fixture.h.
 */
#include "tests/unit/memfs_fixture.h"
#include "base/cred.h"
#include "tests/lib/data.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct vfs *mem_fs;
struct vnode *mem_root;
_Thread_local struct vctx mem_ctx;
static _Thread_local struct cred cred;
static _Thread_local gid_t groups[8];

void mem_mount(const char *options)
{
    const struct vfs_mount_args args = {.options = options, .fsid = 7};

    cred_init();
    assert_int_equal(vnode_table_init(4000000, 100), 0);
    mem_as(0, 0, -1);
    assert_int_equal(vfs_mount("memfs", &args, &mem_fs), 0);
    mem_root = mem_fs->root;
}

void mem_unmount(void)
{
    struct vnode_table_stats stats;

    vfs_put(mem_fs);
    vnode_table_stats_get(&stats);
    assert_int_equal(stats.nodes, 0);
    vnode_table_finish();
}

void mem_as(uid_t uid, gid_t gid, ...)
{
    va_list args;
    int group;

    cred = (struct cred){.uid = uid, .gid = gid, .groups = groups};
    va_start(args, gid);
    while ((group = va_arg(args, int)) != -1)
        groups[cred.ngroups++] = (gid_t)group;
    va_end(args);
    mem_ctx = (struct vctx){.cred = &cred};
}

struct view mem_view(const char *text)
{
    return (struct view){.data = (const uint8_t *)text, .len = (uint32_t)strlen(text)};
}

int mem_lookup(struct vnode *dir, const char *name, struct vnode **out)
{
    struct vattr attr = {.type = VNON};
    return vop_lookup(&mem_ctx, dir, mem_view(name), out, &attr);
}

struct vnode *mem_find(const char *path)
{
    struct vnode *at = mem_root, *next;
    char copy[512], *save = NULL;

    snprintf(copy, sizeof(copy), "%s", path);
    vnode_ref(at);
    for (char *name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
        int err = mem_lookup(at, name, &next);
        if (err != 0)
            fail_msg("lookup of %s in %s: %s", name, path, strerror(err));
        vnode_put(at);
        at = next;
    }
    return at;
}

struct vattr mem_attr(struct vnode *vn)
{
    struct vattr attr = {.type = VNON};

    assert_int_equal(vop_getattr(&mem_ctx, vn, &attr), 0);
    return attr;
}

struct vattr mem_stat(const char *path)
{
    struct vnode *vn = mem_find(path);
    struct vattr attr = mem_attr(vn);

    vnode_put(vn);
    return attr;
}

static int give(int err, struct vnode *vn, struct vnode **out)
{
    if (out != NULL)
        *out = vn;
    else if (err == 0)
        vnode_put(vn);
    return err;
}

int mem_create(struct vnode *dir, const char *name, uint32_t mode, struct vnode **out)
{
    struct vcreate how = {.mode = VCREATE_GUARDED, .attr = {.set_mode = true, .mode = mode}};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    struct vnode *vn;
    int err = vop_create(&mem_ctx, dir, mem_view(name), &how, &vn, &attr, &change);

    if (err == 0)
        assert_true(change.has_before && change.after.type == VDIR);
    return give(err, vn, out);
}

int mem_mkdir(struct vnode *dir, const char *name, uint32_t mode, struct vnode **out)
{
    struct vsetattr set = {.set_mode = true, .mode = mode};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    struct vnode *vn;
    int err = vop_mkdir(&mem_ctx, dir, mem_view(name), &set, &vn, &attr, &change);

    return give(err, vn, out);
}

int mem_symlink(struct vnode *dir, const char *name, const char *target, struct vnode **out)
{
    struct vsetattr set = {.set_mode = false};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    struct vnode *vn;
    int err =
        vop_symlink(&mem_ctx, dir, mem_view(name), mem_view(target), &set, &vn, &attr, &change);

    return give(err, vn, out);
}

int mem_mknod(struct vnode *dir, const char *name, enum vtype type, struct vnode **out)
{
    struct vsetattr set = {.set_mode = true, .mode = 0640};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    struct vnode *vn;
    int err = vop_mknod(&mem_ctx, dir, mem_view(name), type, 8, 300, &set, &vn, &attr, &change);

    return give(err, vn, out);
}

int mem_remove(struct vnode *dir, const char *name)
{
    struct vchange change = {.has_before = false};
    return vop_remove(&mem_ctx, dir, mem_view(name), &change);
}

int mem_rmdir(struct vnode *dir, const char *name)
{
    struct vchange change = {.has_before = false};
    return vop_rmdir(&mem_ctx, dir, mem_view(name), &change);
}

int mem_link(struct vnode *vn, struct vnode *dir, const char *name)
{
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    return vop_link(&mem_ctx, vn, dir, mem_view(name), &attr, &change);
}

int mem_rename(struct vnode *from, const char *name, struct vnode *to, const char *new_name)
{
    struct vchange from_change = {.has_before = false}, to_change = {.has_before = false};
    return vop_rename(&mem_ctx, from, mem_view(name), to, mem_view(new_name), &from_change,
                      &to_change);
}

int mem_set(struct vnode *vn, const struct vsetattr *set)
{
    struct vchange change = {.has_before = false};
    return vop_setattr(&mem_ctx, vn, set, &change);
}

int mem_chmod(struct vnode *vn, uint32_t mode)
{
    return mem_set(vn, &(struct vsetattr){.set_mode = true, .mode = mode});
}

int mem_chown(struct vnode *vn, int64_t uid, int64_t gid)
{
    return mem_set(vn, &(struct vsetattr){.set_uid = uid >= 0,
                                          .uid = (uint32_t)uid,
                                          .set_gid = gid >= 0,
                                          .gid = (uint32_t)gid});
}

int mem_truncate(struct vnode *vn, uint64_t size)
{
    return mem_set(vn, &(struct vsetattr){.set_size = true, .size = size});
}

int mem_write(struct vnode *vn, uint64_t offset, const void *data, size_t len)
{
    struct vchange change = {.has_before = false};
    enum vstable stable = VSTABLE_UNSTABLE;
    size_t done = len;
    int err = data_write(&mem_ctx, vn, offset, data, &done, &stable, &change);

    if (err == 0) {
        assert_true(change.has_before && change.after.type == VREG && stable == VSTABLE_FILE);
        if (done < len)
            err = ENOSPC;
    }
    return err;
}

int mem_read(struct vnode *vn, uint64_t offset, void *buf, size_t *len, bool *eof)
{
    struct vattr attr = {.type = VNON};
    return data_read(&mem_ctx, vn, offset, buf, len, eof, &attr);
}

uint32_t mem_access(struct vnode *vn)
{
    uint32_t granted;
    struct vattr attr;

    assert_int_equal(vop_access(&mem_ctx, vn, 0x3f, &granted, &attr), 0);
    return granted;
}

struct vstatfs mem_statfs(void)
{
    struct vstatfs st;

    assert_int_equal(vop_statfs(&mem_ctx, mem_root, &st), 0);
    return st;
}

void mem_list(struct vnode *dir, uint32_t page_entries, char *out, size_t size)
{
    uint64_t buf[8192];
    struct vdirents page = {.buf = (char *)buf, .size = sizeof(buf), .max = page_entries};
    uint64_t cookie = 2;
    size_t used = 0;

    out[0] = '\0';
    do {
        const struct vdirent *entry = NULL;
        assert_int_equal(vop_readdir(&mem_ctx, dir, cookie, &page), 0);
        while ((entry = vdirents_next(&page, entry)) != NULL) {
            used +=
                (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? " " : "", entry->name);
            assert_true(entry->cookie > cookie);
            cookie = entry->cookie;
        }
    } while (!page.eof);
}
