/*
 * hostfs_disks.c - hostfs on disks of the test's own: one that can't be written to any more, and
 * one that keeps whole seconds only. As root, since they are loop devices in a private namespace.
 */
#include "tests/fs/fixture.h"
#include "tests/lib/data.h"
#include "vfs/mount.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the disk: an image on a small tmpfs --- */

struct disk {
    char dir[64], mount[96];
};

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...)
{
    char command[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(command, sizeof(command), format, ap);
    va_end(ap);
    if (system(command) != 0) /* NOLINT: a command of the test's own */
        fail_msg("%s", command);
}

static void remove_disk(const char *dir)
{
    char command[300];

    snprintf(command, sizeof(command), "umount -l %s/m; umount -l %s; rmdir %s", dir, dir, dir);
    if (system(command) != 0) /* NOLINT */
        fprintf(stderr, "%s: failed\n", command);
}

static char made[64];

static pid_t owner;

static void disk_over(void)
{
    if (getpid() == owner)
        remove_disk(made);
}

/* `mkfs`: further options for mkfs.ext4. */
static void disk_begin(struct disk *disk, const char *mkfs)
{
    if (geteuid() != 0)
        test_skip("needs root");
    host_private_mounts();
    strcpy(disk->dir, "/tmp/loopnfs-disk-XXXXXX");
    assert_non_null(mkdtemp(disk->dir));
    strcpy(made, disk->dir);
    owner = getpid();
    atexit(disk_over);
    snprintf(disk->mount, sizeof(disk->mount), "%s/m", disk->dir);
    host_mount_tmpfs(disk->dir, "size=40m");
    host_mkdir(disk->dir, "m", 0777);
    run("truncate -s 32M %s/image && mkfs.ext4 -q -F -b 4096 -J size=4 -E "
        "lazy_itable_init=0,lazy_journal_init=0,nodiscard %s %s/image",
        disk->dir, mkfs, disk->dir);
    run("mount -o loop,nodiscard,errors=continue %s/image %s", disk->dir, disk->mount);
    host_chmod(disk->dir, "m", 0777);
}

/* So that the journal, the inode table and the bitmaps have their blocks. */
static void disk_warm(const struct disk *disk)
{
    char name[32];

    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "m/warm%d", i % 20);
        int fd = open(host_path(disk->dir, name).text, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(fchmod(fd, 0600 + (mode_t)i % 8), 0);
        assert_int_equal(write(fd, "w", 1), 1);
        assert_int_equal(fsync(fd), 0);
        close(fd);
    }
    run("sync -f %s", disk->mount);
}

/* No block that was not written before can be written now. */
static void disk_break(const struct disk *disk)
{
    static char block[65536];
    int fd = open(host_path(disk->dir, "fill").text, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    for (size_t size = sizeof(block); size >= 512; size /= 2)
        while (write(fd, block, size) > 0)
            continue;
    close(fd);
}

static void disk_mend(const struct disk *disk)
{
    host_unlink(disk->dir, "fill");
}

static void begin_on(struct fixture *f, const struct disk *disk)
{
    fixture_begin_in(f, disk->mount);
    f->ctx.async = false;
}

/* --- write-back errors --- */

#define SIZE (1u << 20)

/* Unstable data of a file, and the verifier it was written with. */
static uint64_t write_unstable(struct fixture *f, struct vnode *vn)
{
    static char data[SIZE];
    enum vstable stable = VSTABLE_UNSTABLE;
    struct vchange change = {0};
    size_t len = sizeof(data);
    uint64_t verifier = vop_verifier(vn);

    memset(data, 'd', sizeof(data));
    assert_int_equal(data_write(&f->ctx, vn, 0, data, &len, &stable, &change), 0);
    assert_int_equal(len, sizeof(data));
    assert_int_equal(stable, VSTABLE_UNSTABLE);
    return verifier;
}

/* That COMMIT does not say that the data is there. */
static void expect_told(struct fixture *f, struct vnode *vn, uint64_t verifier)
{
    struct vchange change = {0};

    int err = vop_commit(&f->ctx, vn, 0, 0, &change);
    test_note("COMMIT: %s", err == 0 ? "OK" : strerror(err));
    assert_int_not_equal(vop_verifier(vn), verifier);
}

static void write_back(const struct disk *disk)
{
    int fd = open(disk->mount, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    test_note("syncfs: %s", syncfs(fd) == 0 ? "fine" : strerror(errno));
    close(fd);
}

TEST(a_disk_that_fails_before_any_flush_is_told_by_the_commit)
{
    test_skip_in_variant("user", "mounts");
    struct disk disk;
    struct fixture f = {0};
    struct vnode *vn;

    disk_begin(&disk, "");
    disk_warm(&disk);
    begin_on(&f, &disk);
    assert_int_equal(fixture_create(&f, f.root, "file", 0644, &vn), 0);
    uint64_t verifier = write_unstable(&f, vn);
    disk_break(&disk);
    write_back(&disk);
    expect_told(&f, vn, verifier);
    disk_mend(&disk);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(a_write_back_error_that_setattr_met_is_told_by_the_commit)
{
    test_skip_in_variant("user", "mounts");
    const struct vsetattr set = {.set_mode = true, .mode = 0600};
    struct vchange change = {0};
    struct disk disk;
    struct fixture f = {0};
    struct vnode *vn;

    disk_begin(&disk, "");
    disk_warm(&disk);
    begin_on(&f, &disk);
    assert_int_equal(fixture_create(&f, f.root, "file", 0644, &vn), 0);
    uint64_t verifier = write_unstable(&f, vn);
    disk_break(&disk);
    write_back(&disk);
    assert_int_not_equal(vop_setattr(&f.ctx, vn, &set, &change), 0);
    expect_told(&f, vn, verifier);
    disk_mend(&disk);
    vnode_put(vn);
    fixture_unmount(&f);
}

/* Nobody uses the node, the table sheds and forgets what it can, and the host its caches. */
TEST(a_write_back_error_is_told_after_the_host_has_forgotten_the_inode)
{
    test_skip_in_variant("user", "mounts");
    struct disk disk;
    struct fixture f = {0};
    struct vnode *vn;

    disk_begin(&disk, "");
    disk_warm(&disk);
    begin_on(&f, &disk);
    assert_int_equal(fixture_create(&f, f.root, "file", 0644, &vn), 0);
    uint64_t verifier = write_unstable(&f, vn);
    struct vnode_id id = {.len = vn->id_len};
    memcpy(id.bytes, vn->id, vn->id_len);
    vnode_put(vn);
    for (int i = 0; i < 5; i++)
        vfs_tick();
    disk_break(&disk);
    write_back(&disk);
    host_write("/proc/sys/vm", "drop_caches", "2");
    assert_int_equal(fixture_load(&f, &id, &vn), 0);
    expect_told(&f, vn, verifier);
    disk_mend(&disk);
    vnode_put(vn);
    fixture_unmount(&f);
}

/* --- whole seconds --- */

static int exclusive(struct fixture *f, const char *name, const uint8_t verifier[8],
                     struct vnode **vn)
{
    struct vcreate how = {.mode = VCREATE_EXCLUSIVE};
    struct vchange change = {0};
    struct vattr attr;

    memcpy(how.verifier, verifier, sizeof(how.verifier));
    return vop_create(&f->ctx, f->root, fixture_view(name), &how, vn, &attr, &change);
}

/* In the state directory. */
static int records(struct fixture *f)
{
    DIR *dir = opendir(host_path(f->state, "kept").text);
    struct dirent *entry;
    int count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* Each verifier is known again after a restart, one that differs in a bit is another; and after a
 * SETATTR it is forgotten. */
static void expect_verifiers_kept(struct fixture *f)
{
    static const uint8_t verifiers[][8] = {
        {1, 1, 1, 1, 1, 1, 1, 1},
        {1, 0, 0, 0x80, 9, 0, 0, 0},
        {7, 0, 0, 0, 0xf3, 0xff, 0xff, 0xff},
        {255, 255, 255, 255, 255, 255, 255, 255},
        {0, 0, 0, 0, 0, 0, 0, 0},
    };
    const struct vsetattr set = {.set_mode = true, .mode = 0640, .set_mtime = VTIME_NOW};
    struct vchange change = {0};
    struct vnode *vn, *again;

    for (size_t i = 0; i < sizeof(verifiers) / sizeof(verifiers[0]); i++) {
        char name[16];
        snprintf(name, sizeof(name), "file%zu", i);
        assert_int_equal(exclusive(f, name, verifiers[i], &vn), 0);
        vnode_put(vn);
        fixture_restart(f);
        assert_int_equal(exclusive(f, name, verifiers[i], &vn), 0);
        for (int bit = 0; bit < 64; bit++) {
            uint8_t other[8];
            memcpy(other, verifiers[i], sizeof(other));
            other[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(exclusive(f, name, other, &again), EEXIST);
        }
        assert_int_equal(vop_setattr(&f->ctx, vn, &set, &change), 0);
        assert_int_equal(exclusive(f, name, verifiers[i], &again), EEXIST);
        vnode_put(vn);
    }
    assert_int_equal(records(f), 0);
}

TEST(an_exclusive_verifier_keeps_all_bits_where_times_are_whole_seconds)
{
    test_skip_in_variant("user", "mounts");
    struct disk disk;
    struct fixture f = {0};

    disk_begin(&disk, "-I 128");
    begin_on(&f, &disk);
    expect_verifiers_kept(&f);
    fixture_unmount(&f);
}

/* In the second of the last change a client may have looked before another change that its guard
 * would not show. */
TEST(a_guard_of_the_second_that_goes_on_has_to_come_again_where_times_are_whole_seconds)
{
    test_skip_in_variant("user", "mounts");
    struct vsetattr set = {.set_mode = true, .mode = 0600, .guarded = true};
    struct disk disk;
    struct fixture f = {0};
    struct vattr attr;
    struct vnode *vn;
    struct vchange change;
    int err = 0;

    disk_begin(&disk, "-I 128");
    begin_on(&f, &disk);
    host_write(f.export, "file", "text");
    vn = fixture_find(&f, "file");
    /* Unless the second ends just now. */
    for (int i = 0; err == 0 && i < 100; i++) {
        host_chmod(f.export, "file", 0640);
        assert_int_equal(vop_getattr(&f.ctx, vn, &attr), 0);
        assert_int_equal(attr.ctime.tv_nsec, 0);
        set.guard = attr.ctime;
        err = vop_setattr(&f.ctx, vn, &set, &change);
    }
    assert_int_equal(err, VFS_EJUKEBOX);
    assert_int_equal(host_stat(f.export, "file").st_mode & 07777, 0640);
    for (int i = 0; err == VFS_EJUKEBOX && i < 1000; i++) {
        host_sleep_ms(20);
        err = vop_setattr(&f.ctx, vn, &set, &change);
    }
    assert_int_equal(err, 0);
    assert_int_equal(host_stat(f.export, "file").st_mode & 07777, 0600);
    set.guard.tv_sec--;
    assert_int_equal(vop_setattr(&f.ctx, vn, &set, &change), VFS_ENOTSYNC);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(an_exclusive_verifier_keeps_all_bits_on_fuse)
{
    test_skip_in_variant("user", "mounts");
    struct disk disk;
    struct fixture f = {0};

    disk_begin(&disk, "");
    fixture_begin(&f);
    fixture_unmount(&f);
    host_mkdir(disk.mount, "below", 0777);
    run("bindfs %s/below %s", disk.mount, f.export);
    fixture_mount(&f);
    expect_verifiers_kept(&f);
    fixture_unmount(&f);
    run("umount %s", f.export);
}

TEST(an_exclusive_verifier_keeps_all_bits_on_overlayfs)
{
    test_skip_in_variant("user", "mounts");
    struct disk disk;
    struct fixture f = {0};

    disk_begin(&disk, "");
    fixture_begin(&f);
    fixture_unmount(&f);
    run("cd %s && mkdir lower upper work && mount -t overlay overlay -o "
        "lowerdir=lower,upperdir=upper,workdir=work %s",
        disk.mount, f.export);
    fixture_mount(&f);
    expect_verifiers_kept(&f);
    fixture_unmount(&f);
    run("umount %s", f.export);
}
