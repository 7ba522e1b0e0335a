/*
 * setattr_of_the_servers.c - the same comparison as setattr_as_the_host.c for file systems whose
 * files are descriptors or keys of the server: etfs, srvfs.
 */
#include "base/cred.h"
#include "tests/fs/setattr_compare.h"
#include "tests/lib/data.h"
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

static void begin(void)
{
    beside_begin();
    snprintf(setattr_reference, sizeof(setattr_reference), "%s/reference", beside_dir);
    host_write(beside_dir, "reference", "text");
}

static void reset_host(struct setattr_subject *s, uint32_t mode)
{
    setattr_host_reset(s->host, mode);
}

static void mount_on_host(struct setattr_subject *s, const char *type, struct vfs_mount_args *args)
{
    begin();
    host_write(beside_dir, "file", "text");
    snprintf(s->host, sizeof(s->host), "%s/file", beside_dir);
    s->type = type;
    s->reset = reset_host;
    args->fsid = 7;
    args->state_dir = beside_dir;
    assert_int_equal(vfs_mount(type, args, &s->fs), 0);
}

static void run_command(struct setattr_subject *s, int fd, const char *const *argv, int argc)
{
    struct vcontrol control = {.cred = cred_server(),
                               .privileged = true,
                               .argv = argv,
                               .argc = argc,
                               .fd = fd,
                               .reply_fd = -1};
    assert_int_equal(s->fs->type->ops.control(s->fs, &control), 0);
}

TEST(attributes_on_etfs_are_set_by_whom_the_host_lets)
{
    struct setattr_subject s = {.is_host = true, .plain_modes = true, .fixed_owner = true};
    struct vfs_mount_args args = {.source = NULL};

    mount_on_host(&s, "etfs", &args);
    run_command(&s, -1, (const char *const[]){"add", "/key", s.host}, 3);
    setattr_find(&s, "key");
    setattr_compare(&s);
}

TEST(a_write_to_a_key_takes_the_set_user_id_bit_away_whoever_wrote_before)
{
    struct setattr_subject s = {.is_host = true};
    struct vfs_mount_args args = {.source = NULL};

    mount_on_host(&s, "etfs", &args);
    run_command(&s, -1, (const char *const[]){"add", "/key", s.host}, 3);
    setattr_find(&s, "key");
    for (int i = 0; i < 2; i++) {
        setattr_host_reset(s.host, 04777);
        for (size_t caller = BESIDE_CALLERS; caller-- > 0;) { /* root first */
            struct vctx ctx = beside_ctx(&beside_callers[caller].cred);
            struct vchange change = {.has_before = false};
            enum vstable stable = VSTABLE_UNSTABLE;
            size_t len = 4;
            assert_int_equal(data_write(&ctx, s.vn, 0, "evil", &len, &stable, &change), 0);
            assert_int_equal(cred_assume_server(), 0);
            bool is_root = beside_callers[caller].cred.uid == 0;
            assert_int_equal(host_stat(beside_dir, "file").st_mode & 07777, is_root ? 04777 : 0777);
        }
    }
    vnode_put(s.vn);
    beside_finish(s.fs);
}

/* --- srvfs: owner and mode are the post's, size and times those of the file behind --- */

static void reset_post(struct setattr_subject *s, uint32_t mode)
{
    const struct vsetattr set = {.set_mode = true,
                                 .mode = mode,
                                 .set_uid = true,
                                 .uid = OWNER,
                                 .set_gid = true,
                                 .gid = GROUP};
    struct vctx ctx = beside_ctx(cred_server());
    struct vchange change = {.has_before = false};

    assert_int_equal(vop_setattr(&ctx, s->vn, &set, &change), 0);
    assert_int_equal(cred_assume_server(), 0);
    setattr_host_reset(s->host, mode);
}

static void post(struct setattr_subject *s, int flags)
{
    struct vfs_mount_args args = {.source = NULL};
    int fd;

    mount_on_host(s, "srvfs", &args);
    fd = open(s->host, flags | O_CLOEXEC);
    assert_true(fd >= 0);
    run_command(s, fd, (const char *const[]){"post", "file"}, 2);
    setattr_find(s, "file");
    s->reset = reset_post;
}

TEST(attributes_on_srvfs_are_set_by_whom_the_host_lets)
{
    struct setattr_subject s = {.plain_modes = true};

    post(&s, O_RDWR);
    setattr_compare(&s);
}

/* Whoever asks: what its descriptor was not opened for is not done, and nothing with it. */
TEST(a_descriptor_that_was_opened_to_read_is_not_cut_by_anybody)
{
    struct setattr_subject s = {.plain_modes = true};
    const struct vsetattr sets[] = {{.set_size = true, .size = 2},
                                    {.set_size = true, .size = 2, .set_mode = true, .mode = 0600},
                                    {.set_mtime = VTIME_NOW},
                                    {.set_mtime = VTIME_GIVEN, .set_mode = true, .mode = 0600}};

    post(&s, O_RDONLY);
    for (size_t caller = 0; caller < BESIDE_CALLERS; caller++)
        for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
            struct vctx ctx = beside_ctx(&beside_callers[caller].cred);
            struct vchange change = {.has_before = false};
            struct vattr attr = {.type = VNON};
            reset_post(&s, 0666);
            int err = vop_setattr(&ctx, s.vn, &sets[i], &change);
            assert_true(err == EACCES || err == EPERM);
            assert_int_equal(vop_getattr(&ctx, s.vn, &attr), 0);
            assert_int_equal(attr.mode, 0666);
            assert_int_equal(attr.size, 5);
            assert_int_equal(attr.mtime.tv_sec, SETATTR_OLD);
        }
    vnode_put(s.vn);
    beside_finish(s.fs);
}
