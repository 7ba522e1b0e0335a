/*
 * fixture.c - see fixture.h.
 */
#include "tests/fs/fixture.h"
#include "base/cred.h"
#include "tests/lib/data.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include <dirent.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of the process's one fixture, for the clean-up. */
static char tree[64];
static pid_t owner;

static void clean_up(void)
{
    if (getpid() == owner && cred_assume_server() == 0)
        host_remove_tree(tree);
}

bool fixture_is_root(void)
{
    return !test_variant_is("user");
}

static void become_user(void)
{
    if (geteuid() != 0)
        return;
    assert_int_equal(setgroups(0, NULL), 0);
    assert_int_equal(setresgid(FIXTURE_USER, FIXTURE_USER, FIXTURE_USER), 0);
    assert_int_equal(setresuid(FIXTURE_USER, FIXTURE_USER, FIXTURE_USER), 0);
}

void fixture_begin(struct fixture *f)
{
    fixture_begin_in(f, "/tmp");
}

void fixture_begin_in(struct fixture *f, const char *where)
{
    if (geteuid() != 0 && fixture_is_root())
        test_skip("needs root");
    if (!fixture_is_root())
        become_user();
    *f = (struct fixture){
        .crossmnt = f->crossmnt, .pseudo = f->pseudo, .subtree_check = f->subtree_check};
    umask(0);
    snprintf(f->base, sizeof(f->base), "%s/loopnfs-fs-XXXXXX", where);
    assert_non_null(mkdtemp(f->base));
    assert_int_equal(chmod(f->base, 0755), 0);
    if (tree[0]) {
        clean_up(); /* of the test before, in this process */
        vnode_table_finish();
    } else {
        atexit(clean_up);
    }
    strcpy(tree, f->base);
    owner = getpid();
    snprintf(f->export, sizeof(f->export), "%s/export", f->base);
    snprintf(f->state, sizeof(f->state), "%s/state", f->base);
    host_mkdir(f->base, "export", 0755);
    host_mkdir(f->base, "state", 0700);

    cred_init();
    assert_int_equal(cred_can_switch(), fixture_is_root());
    assert_int_equal(vnode_table_init(10000, 500), 0);
    fixture_as(f, geteuid(), getegid(), -1);
    fixture_mount(f);
}

void fixture_host(void)
{
    assert_int_equal(cred_assume_server(), 0);
}

void fixture_mount(struct fixture *f)
{
    char options[64];
    struct vfs_mount_args args = {
        .source = f->export,
        .options = options,
        .state_dir = f->state,
        .fsid = 7,
    };

    snprintf(options, sizeof(options), "%s%s%s%s", f->crossmnt ? "crossmnt," : "",
             f->pseudo ? "pseudo," : "", f->subtree_check ? "subtree_check," : "",
             test_variant_is("table") ? "handles=table" : "");
    assert_int_equal(cred_assume_server(), 0);
    assert_int_equal(vfs_mount("hostfs", &args, &f->fs), 0);
    f->root = f->fs->root;
}

void fixture_unmount(struct fixture *f)
{
    fixture_host(); /* the next test of this process begins as the server */
    vfs_put(f->fs);
    f->fs = NULL;
}

void fixture_restart(struct fixture *f)
{
    fixture_unmount(f);
    fixture_mount(f);
}

void fixture_as(struct fixture *f, uid_t uid, gid_t gid, int extra_group)
{
    f->cred = (struct cred){.uid = uid, .gid = gid};
    if (extra_group >= 0) {
        f->groups[0] = (gid_t)extra_group;
        f->cred.groups = f->groups;
        f->cred.ngroups = 1;
    }
    cred_seal(&f->cred);
    f->ctx = (struct vctx){.cred = &f->cred,
                           .async = true,
                           .batch = f->ctx.batch,
                           .last_in_batch = f->ctx.last_in_batch};
}

struct view fixture_view(const char *text)
{
    return (struct view){.data = (const uint8_t *)text, .len = (uint32_t)strlen(text)};
}

int fixture_lookup(struct fixture *f, struct vnode *dir, const char *name, struct vnode **out)
{
    struct vattr attr = {.type = VNON};
    return vop_lookup(&f->ctx, dir, fixture_view(name), out, &attr);
}

struct vnode *fixture_find(struct fixture *f, const char *path)
{
    struct vnode *at = f->root, *next;
    char copy[4096], *save = NULL;

    snprintf(copy, sizeof(copy), "%s", path);
    vnode_ref(at);
    for (char *name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
        int err = fixture_lookup(f, at, name, &next);
        if (err != 0)
            fail_msg("lookup of %s in %s: %s", name, path, strerror(err));
        vnode_put(at);
        at = next;
    }
    return at;
}

struct vnode_id fixture_id(struct fixture *f, const char *path)
{
    struct vnode_id id;
    struct vnode *vn = fixture_find(f, path);
    vnode_id_of(vn, &id);
    vnode_put(vn);
    return id;
}

int fixture_load(struct fixture *f, const struct vnode_id *id, struct vnode **out)
{
    *out = NULL;
    return vnode_load(NULL, f->fs, id, out);
}

void fixture_expect(struct fixture *f, const struct vnode_id *id, const char *text)
{
    struct vnode *vn;
    char found[4096];

    assert_int_equal(fixture_load(f, id, &vn), 0);
    assert_int_equal(fixture_read(f, vn, found), 0);
    assert_string_equal(found, text);
    vnode_put(vn);
}

void fixture_expect_stale(struct fixture *f, const struct vnode_id *id)
{
    struct vnode *vn;
    struct vattr attr = {.type = VNON};
    int err = fixture_load(f, id, &vn);
    if (err == 0) {
        err = vop_getattr(&f->ctx, vn, &attr);
        vnode_put(vn);
    }
    assert_int_equal(err, ESTALE);
}

int fixture_read(struct fixture *f, struct vnode *vn, char text[4096])
{
    size_t len = 4095;
    bool eof;
    struct vattr attr = {.type = VNON};
    int err = data_read(&f->ctx, vn, 0, text, &len, &eof, &attr);
    text[err ? 0 : len] = '\0';
    return err;
}

int fixture_write(struct fixture *f, struct vnode *vn, const char *text, enum vstable stable)
{
    struct vchange change = {.has_before = false};
    size_t len = strlen(text);
    return data_write(&f->ctx, vn, 0, text, &len, &stable, &change);
}

int fixture_create(struct fixture *f, struct vnode *dir, const char *name, uint32_t mode,
                   struct vnode **out)
{
    struct vcreate how = {.mode = VCREATE_GUARDED, .attr = {.set_mode = true, .mode = mode}};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    return vop_create(&f->ctx, dir, fixture_view(name), &how, out, &attr, &change);
}

int fixture_remove(struct fixture *f, struct vnode *dir, const char *name)
{
    struct vchange change = {.has_before = false};
    return vop_remove(&f->ctx, dir, fixture_view(name), &change);
}

int fixture_rename(struct fixture *f, struct vnode *from, const char *name, struct vnode *to,
                   const char *new_name)
{
    struct vchange from_change = {.has_before = false}, to_change = {.has_before = false};
    return vop_rename(&f->ctx, from, fixture_view(name), to, fixture_view(new_name), &from_change,
                      &to_change);
}

int fixture_open_fds(void)
{
    int count = 0;
    struct dirent *entry;
    char path[PATH_MAX];
    DIR *dir = opendir("/proc/self/fd");

    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        ssize_t len = readlinkat(dirfd(dir), entry->d_name, path, sizeof(path));
        count += len > 0 && strncmp(path, "/proc/", strlen("/proc/")) != 0;
    }
    closedir(dir);
    return count;
}

uint64_t fixture_fileid(struct fixture *f, struct vnode *vn)
{
    struct vattr attr = {.type = VNON};
    assert_int_equal(vop_getattr(&f->ctx, vn, &attr), 0);
    return attr.fileid;
}

void fixture_expect_fileids(struct fixture *f, struct vnode *dir)
{
    struct vctx *ctx = &f->ctx;
    uint64_t buf[4096];
    struct vdirents page = {.buf = (char *)buf, .size = sizeof(buf)};
    const struct vdirent *entry = NULL;
    int count = 0;

    assert_int_equal(vop_readdir(ctx, dir, 2, &page), 0);
    assert_true(page.eof);
    while ((entry = vdirents_next(&page, entry))) {
        struct vnode *vn;
        assert_int_equal(fixture_lookup(f, dir, entry->name, &vn), 0);
        assert_int_equal(fixture_fileid(f, vn), entry->fileid);
        vnode_put(vn);
        count++;
    }
    assert_true(count > 0);
}
