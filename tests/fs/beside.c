/*
 * beside.c - see beside.h.
 */
#include "tests/fs/beside.h"
#include "base/cred.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/xattr.h>
#include <unistd.h>

static const gid_t of_owner[] = {OTHER}, of_member[] = {7000, GROUP};
struct beside_caller beside_callers[BESIDE_CALLERS] = {
    {"owner", {.uid = OWNER, .gid = OWNER, .ngroups = 1, .groups = of_owner}},
    {"owner in the group", {.uid = OWNER, .gid = GROUP, .ngroups = 1, .groups = of_owner}},
    {"member", {.uid = MEMBER, .gid = GROUP}},
    {"member by a supplementary group",
     {.uid = MEMBER, .gid = 1002, .ngroups = 2, .groups = of_member}},
    {"other", {.uid = 1003, .gid = 1003}},
    {"named in the list", {.uid = NAMED, .gid = NAMED}},
    {"squashed root", {.uid = 65534, .gid = 65534}},
    {"root", {.uid = 0, .gid = 0}},
};

char beside_dir[32];
static pid_t owner;

static void clean_up(void)
{
    if (getpid() != owner || geteuid() != 0)
        return;
    cred_assume_server();
    umount2(beside_dir, MNT_DETACH);
    rmdir(beside_dir);
}

void beside_begin(void)
{
    if (geteuid() != 0)
        test_skip("needs to be several users: run as root");
    if (beside_dir[0])
        clean_up(); /* of the one before, in this process */
    else
        host_private_mounts();
    strcpy(beside_dir, "/tmp/loopnfs-beside.XXXXXX");
    assert_non_null(mkdtemp(beside_dir));
    if (owner == 0)
        atexit(clean_up);
    owner = getpid();
    assert_int_equal(mount("tmpfs", beside_dir, "tmpfs", 0, "mode=0777"), 0);
    umask(0);
    cred_init();
    for (size_t i = 0; i < BESIDE_CALLERS; i++)
        cred_seal(&beside_callers[i].cred);
    assert_int_equal(vnode_table_init(1000, 100), 0);
}

void beside_finish(struct vfs *fs)
{
    assert_int_equal(cred_assume_server(), 0);
    vfs_put(fs);
    vnode_table_finish();
}

struct vctx beside_ctx(const struct cred *cred)
{
    return (struct vctx){.cred = cred, .async = true};
}

struct view beside_view(const char *text)
{
    return (struct view){(const uint8_t *)text, (uint32_t)strlen(text)};
}

/* --- the rights of a file of the host --- */

const char *const beside_extra_names[EXTRAS] = {"", ", with a list", ", append-only",
                                                ", immutable"};

static void host_flags(const char *path, int flags)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), now = 0;

    assert_true(fd >= 0);
    if (ioctl(fd, FS_IOC_GETFLAGS, &now) != 0)
        test_skip("tmpfs has no flags here: %s", strerror(errno));
    now = (now & ~(FS_APPEND_FL | FS_IMMUTABLE_FL)) | flags;
    assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &now), 0);
    close(fd);
}

/* The group nothing, NAMED and the mask as the mode's group bits say: acl(5), xattr(7). */
static void host_list(const char *path, uint32_t mode)
{
    struct {
        uint32_t version;
        struct {
            uint16_t tag, perm;
            uint32_t id;
        } entries[5];
    } list = {2,
              {{1, (uint16_t)(mode >> 6 & 7), UINT32_MAX},
               {2, 6, NAMED},
               {4, 0, UINT32_MAX},
               {16, (uint16_t)(mode >> 3 & 7), UINT32_MAX},
               {32, (uint16_t)(mode & 7), UINT32_MAX}}};

    assert_int_equal(setxattr(path, "system.posix_acl_access", &list, sizeof(list), 0), 0);
}

void beside_extra_take(const char *path)
{
    host_flags(path, 0);
    removexattr(path, "system.posix_acl_access");
}

void beside_extra_give(const char *path, enum extra extra, uint32_t mode)
{
    if (extra == EXTRA_LIST)
        host_list(path, mode & 0777);
    if (extra == EXTRA_APPEND || extra == EXTRA_IMMUTABLE)
        host_flags(path, extra == EXTRA_APPEND ? FS_APPEND_FL : FS_IMMUTABLE_FL);
}
