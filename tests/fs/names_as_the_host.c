/*
 * names_as_the_host.c - names are made, changed and taken by whom the host's own system calls let,
 * with the status that tells the same error, and afterwards everything is called and owned as
 * there: who asks, the rights and the owners of a directory and of what is in it (sticky and
 * set-group-id ones, default lists), and each operation onto each kind of thing.
 *
 * Two equal trees on a tmpfs, d and e in each: one that a local process changes (oracle.h), and the
 * file system's. A tree is made anew where something succeeded.
 */
#include "base/cred.h"
#include "nfsd/status.h"
#include "tests/fs/beside_tree.h"
#include "tests/fs/oracle.h"
#include "tests/fs/rightless.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/vop.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* --- what is asked --- */

enum op {
    CREATE,
    CREATE_EMPTY,
    CREATE_NEW,
    MKDIR,
    SYMLINK,
    FIFO,
    DEVICE,
    LINK,
    REMOVE,
    RMDIR,
    RENAME,
    OPS
};
static const struct {
    const char *name;
    uint32_t procedure;
} ops[OPS] = {
    [CREATE] = {"CREATE", NFSPROC3_CREATE},
    [CREATE_EMPTY] = {"CREATE with size 0", NFSPROC3_CREATE},
    [CREATE_NEW] = {"CREATE GUARDED", NFSPROC3_CREATE},
    [MKDIR] = {"MKDIR", NFSPROC3_MKDIR},
    [SYMLINK] = {"SYMLINK", NFSPROC3_SYMLINK},
    [FIFO] = {"MKNOD of a fifo", NFSPROC3_MKNOD},
    [DEVICE] = {"MKNOD of a device", NFSPROC3_MKNOD},
    [LINK] = {"LINK", NFSPROC3_LINK},
    [REMOVE] = {"REMOVE", NFSPROC3_REMOVE},
    [RMDIR] = {"RMDIR", NFSPROC3_RMDIR},
    [RENAME] = {"RENAME", NFSPROC3_RENAME},
};

/* Paths below the tree's top; and the mode of what is made. */
struct question {
    enum op op;
    char from[24], to[24];
    uint32_t mode;
};
/* The same, below the beside_reference. */
struct host_question {
    enum op op;
    char from[100], to[100];
    uint32_t mode;
};

static int result(int value)
{
    return value == 0 ? 0 : errno;
}

/* mkdir() takes no set-id bits: they are set afterwards. */
static int host_mkdir_all(const char *path, uint32_t mode)
{
    struct stat st;

    if (mkdir(path, mode & 01777) != 0)
        return errno;
    if (!(mode & 06000))
        return 0;
    assert_int_equal(lstat(path, &st), 0);
    return result(chmod(path, (st.st_mode & 07777) | (mode & 06000)));
}

/* UNCHECKED opens a file that is there, and its owner may always write. */
static int host_create(const struct host_question *ask)
{
    struct stat st;
    int fd = open(ask->to, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, ask->mode);

    if (fd >= 0)
        return result(close(fd));
    if (errno != EEXIST || ask->op == CREATE_NEW || lstat(ask->to, &st) != 0)
        return errno;
    if (!S_ISREG(st.st_mode))
        return EEXIST;
    if (ask->op == CREATE || st.st_uid == geteuid())
        return 0;
    fd = open(ask->to, O_WRONLY | O_CLOEXEC);
    return fd >= 0 ? result(close(fd)) : errno;
}

static int host_does(const void *question)
{
    const struct host_question *ask = question;

    switch (ask->op) {
    case CREATE:
    case CREATE_EMPTY:
    case CREATE_NEW:
        return host_create(ask);
    case MKDIR:
        return host_mkdir_all(ask->to, ask->mode);
    case SYMLINK:
        return result(symlink("target", ask->to));
    case FIFO:
        return result(mkfifo(ask->to, ask->mode));
    case DEVICE:
        return result(mknod(ask->to, S_IFCHR | ask->mode, makedev(1, 3)));
    case LINK:
        return result(link(ask->from, ask->to));
    case REMOVE:
        return result(unlink(ask->to));
    case RMDIR:
        return result(rmdir(ask->to));
    case RENAME:
        return result(rename(ask->from, ask->to));
    case OPS:
        break;
    }
    return EINVAL;
}

/* What has a name of its own: by one directory. */
static int own_makes(const struct vctx *ctx, const struct question *ask, struct vnode *dir,
                     struct view name)
{
    const struct vsetattr set = {.set_mode = true, .mode = ask->mode};
    struct vcreate how = {.mode = ask->op == CREATE_NEW ? VCREATE_GUARDED : VCREATE_UNCHECKED,
                          .attr = set};
    struct vchange change = {.has_before = false};
    struct vattr attr = {.type = VNON};
    struct vnode *vn = NULL;
    int err;

    how.attr.set_size = ask->op == CREATE_EMPTY;
    if (ask->op == MKDIR)
        err = vop_mkdir(ctx, dir, name, &set, &vn, &attr, &change);
    else if (ask->op == SYMLINK)
        err = vop_symlink(ctx, dir, name, beside_view("target"), &set, &vn, &attr, &change);
    else if (ask->op == FIFO || ask->op == DEVICE)
        err = vop_mknod(ctx, dir, name, ask->op == FIFO ? VFIFO : VCHR, 1, 3, &set, &vn, &attr,
                        &change);
    else
        err = vop_create(ctx, dir, name, &how, &vn, &attr, &change);
    vnode_put(vn);
    return err;
}

static int own_does(struct vfs *fs, const struct cred *cred, const struct question *ask)
{
    struct vctx ctx = beside_ctx(cred);
    struct vchange change = {.has_before = false}, other = {.has_before = false};
    struct vattr attr = {.type = VNON};
    struct vnode *from_dir = NULL, *vn = NULL;
    const char *name, *from = "";
    struct vnode *dir = beside_parent(fs, ask->to, &name);
    int err;

    if (ask->op == RENAME)
        from_dir = beside_parent(fs, ask->from, &from);
    if (ask->op == LINK)
        vn = beside_find(fs, ask->from);
    /* Where even the server may not look, nobody has a handle. */
    if (!dir || (ask->op == RENAME && !from_dir) || (ask->op == LINK && !vn))
        err = EACCES;
    else if (ask->op == LINK)
        err = vop_link(&ctx, vn, dir, beside_view(name), &attr, &change);
    else if (ask->op == REMOVE)
        err = vop_remove(&ctx, dir, beside_view(name), &change);
    else if (ask->op == RMDIR)
        err = vop_rmdir(&ctx, dir, beside_view(name), &change);
    else if (ask->op == RENAME)
        err =
            vop_rename(&ctx, from_dir, beside_view(from), dir, beside_view(name), &change, &other);
    else
        err = own_makes(&ctx, ask, dir, beside_view(name));
    vnode_put(vn);
    vnode_put(from_dir);
    vnode_put(dir);
    assert_int_equal(cred_assume_server(), 0);
    return err;
}

/* --- all of them --- */

/* Whether the local process needs a way through d to get there, and a client with a handle none. */
static bool is_below(const char *path)
{
    return path[0] == 'd' && path[1] == '/' && strchr(path + 2, '/');
}

/* Where the answers may differ: a rule of the host's, not of a file system, is that who may not
 * write to a file may not link it (sysctl fs.protected_hardlinks); and that a directory is linked
 * is refused before the name is looked at. */
static bool may_differ(const struct beside_tree *s, const struct question *ask, int expected,
                       int err)
{
    const bool directory = strstr(ask->from, "empty") || strstr(ask->from, "full");
    const bool across = ask->op == LINK && ask->from[0] == 'd' && ask->to[0] == 'e';

    /* Who is above whom only the file system knows, which is asked last. */
    if (strcmp(s->type, "rightless") == 0 && ask->op == RENAME &&
        (expected == EINVAL || expected == ENOTEMPTY) && (err == EACCES || err == EPERM))
        return true;
    if (expected == EACCES && (is_below(ask->from) || is_below(ask->to) || across))
        return true;
    return ask->op == LINK &&
           ((expected == EPERM && !s->host) || (expected != 0 && err == EPERM && directory));
}

static unsigned compared;
static const struct cred root = {.uid = 0};

/* Whether something may have changed. */
static bool compare_one(struct beside_tree *s, const struct beside_caller *who,
                        const struct beside_rights *rights, const struct question *ask)
{
    static char want[BESIDE_TEXT], got[BESIDE_TEXT];
    struct host_question host = {.op = ask->op, .mode = ask->mode};

    snprintf(host.from, sizeof(host.from), "%s/%s", beside_reference, ask->from);
    snprintf(host.to, sizeof(host.to), "%s/%s", beside_reference, ask->to);
    int expected = oracle_ask(s->server ? s->server : &who->cred, host_does, &host);
    if (s->server)
        oracle_become(s->server);
    int err = own_does(s->fs, &who->cred, ask);
    if (s->server)
        oracle_become(&root);
    /* Of a file system without rights of its own, whose set-id bits are its author's affair. */
    const bool authors = strcmp(s->type, "rightless") == 0 && ask->mode & 06000;
    const bool equal = beside_trees_are_equal(s, want, got) || authors;
    compared++;
    nfsstat3 status = nfs3_status(ops[ask->op].procedure, err);
    if (may_differ(s, ask, expected, err))
        return true;
    if (status == nfs3_status(ops[ask->op].procedure, expected) && equal)
        return err == 0;
    fail_msg("%s: %s, d %04o of %u%s, the rest of %u: %s %s %s %04o: %d, on the host %d; became\n"
             "%son the host\n%s",
             s->type, who->name, rights->mode, rights->dir_owner,
             rights->list ? " with a default list" : "", rights->owner, ops[ask->op].name,
             ask->from, ask->to, ask->mode, err, expected, got, want);
    return true;
}

/* The number'th question; false: there are no more. */
static bool question(unsigned number, struct question *ask)
{
    static const char *const in_d[] = {"new",    "file", "hard",     "other", "empty",
                                       "empty2", "full", "dangling", "link",  "fifo"};
    static const char *const in_e[] = {"new", "efile", "ehard", "eempty", "efull"};
    static const char *const pairs[][2] = {
        {"d/empty", "d/empty/x"}, {"d/full", "d/full/x"}, {"d/full/in", "d/full"},
        {"d", "d/new"},           {"d/file", "d"},        {"d/empty", "e"},
        {"e", "d/new"},           {"d/full/in", "d/new"}, {"d/file", "d/full/x"},
        {"d/full/in", "e/efile"}, {"e/efull", "d/empty"}, {"d/empty", "d/full/in"}};
    const unsigned d = 10, e = 5, special = sizeof(pairs) / sizeof(pairs[0]);
    static const uint32_t modes[] = {0644, 06775};

    *ask = (struct question){.op = OPS};
    ask->mode = modes[number % 2];
    snprintf(ask->to, sizeof(ask->to), "d/%s", in_d[number / 2 % d]);
    if (number < 2 * d * LINK) {
        ask->op = (enum op)(number / 2 / d);
        return true;
    }
    number -= 2 * d * LINK;
    ask->op = number < d ? REMOVE : RMDIR;
    snprintf(ask->to, sizeof(ask->to), "d/%s", in_d[number % d]);
    if (number < 2 * d)
        return true;
    number -= 2 * d;
    ask->op = number % 2 ? RENAME : LINK;
    number /= 2;
    snprintf(ask->from, sizeof(ask->from), "d/%s", in_d[number % d]);
    snprintf(ask->to, sizeof(ask->to), "d/%s", in_d[number / d % d]);
    if (number < d * d)
        return true;
    number -= d * d;
    snprintf(ask->to, sizeof(ask->to), "e/%s", in_e[number / d % e]);
    if (number < d * e)
        return true;
    number -= d * e;
    snprintf(ask->from, sizeof(ask->from), "e/%s", in_e[number % e]);
    snprintf(ask->to, sizeof(ask->to), "d/%s", in_d[number / e % d]);
    if (number < d * e)
        return true;
    number -= d * e;
    ask->op = RENAME;
    snprintf(ask->from, sizeof(ask->from), "%s", pairs[number % special][0]);
    snprintf(ask->to, sizeof(ask->to), "%s", pairs[number % special][1]);
    return number < special;
}

static void compare_rights(struct beside_tree *s, const size_t *callers, size_t count,
                           const struct beside_rights *rights)
{
    struct question ask;

    beside_trees(s, rights);
    for (size_t i = 0; i < count; i++) {
        for (unsigned n = 0; question(n, &ask); n++) {
            /* There has to be something to link. */
            if (ask.op == LINK && strstr(ask.from, "new"))
                continue;
            if (compare_one(s, &beside_callers[callers[i]], rights, &ask))
                beside_trees(s, rights);
        }
    }
}

static void compare(struct beside_tree *s)
{
    static const struct beside_rights all[] = {
        {0777, OWNER, MEMBER, false}, {0755, OWNER, OWNER, false},   {0775, 0, OWNER, false},
        {0555, OWNER, OWNER, false},  {0333, OWNER, MEMBER, false},  {0666, OWNER, OWNER, false},
        {01777, 0, OWNER, false},     {01777, MEMBER, OWNER, false}, {01777, OWNER, MEMBER, false},
        {01775, OWNER, 0, false},     {02777, OWNER, OWNER, false},  {02775, MEMBER, 0, false},
        {0000, OWNER, OWNER, false},  {03777, 0, MEMBER, false},     {0777, OWNER, OWNER, true},
        {02770, MEMBER, OWNER, true}};
    static const size_t callers[] = {0, 3, 4, 7}; /* owner, member, other, root */

    snprintf(beside_reference, sizeof(beside_reference), "%s/reference", beside_dir);
    host_mkdir(beside_dir, "reference", 0777);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (s->host || !all[i].list)
            compare_rights(s, callers + (s->server ? 3 : 0), s->server ? 1 : 4, &all[i]);
    test_note("%u questions", compared);
    assert_true(compared > 5000);
    beside_finish(s->fs);
}

static void compare_on_hostfs(const struct cred *server)
{
    struct beside_tree s = {.type = "hostfs", .server = server};
    char source[80];

    beside_begin();
    host_mkdir(beside_dir, "export", 0777);
    snprintf(source, sizeof(source), "%s/export", beside_dir);
    struct vfs_mount_args args = {.source = source, .state_dir = beside_dir, .fsid = 7};
    s.host = source;
    if (server) {
        oracle_become(server);
        cred_init();
    }
    assert_int_equal(vfs_mount(s.type, &args, &s.fs), 0);
    if (server)
        oracle_become(&root);
    compare(&s);
}

TEST(names_on_hostfs_are_changed_by_whom_the_host_lets)
{
    compare_on_hostfs(NULL);
}

/* Whoever asks, even root: what its user may do is done, and no more. */
TEST(names_by_an_ordinary_users_server_are_changed_as_its_user_may)
{
    compare_on_hostfs(&beside_callers[0].cred);
    compare_on_hostfs(&beside_callers[4].cred);
}

TEST(names_on_memfs_are_changed_by_whom_the_host_lets)
{
    struct beside_tree s = {.type = "memfs"};

    beside_begin();
    compare(&s);
}

TEST(names_on_what_leaves_rights_to_the_library_are_changed_by_whom_the_host_lets)
{
    struct beside_tree s = {.type = "rightless"};

    beside_begin();
    rightless_register();
    compare(&s);
}
