/*
 * hostfs_openers.c - files are opened as the caller, and where a file judges by who opened it, no
 * caller is served by another's descriptor: FUSE, proc and cgroups.
 */
#include "base/cred.h"
#include "tests/fs/fixture.h"
#include "tests/lib/fuse_tree.h"
#include "tests/lib/image.h"
#include "vfs/mount.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define ONE     1001
#define ANOTHER 1002

/* The export is of a FUSE file system whose daemon judges at the opening alone. */
static struct fuse_tree *begin_fuse(struct fixture *f)
{
    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    fixture_begin(f);
    host_chmod(f->export, NULL, 0777);
    fixture_unmount(f);
    struct fuse_tree *tree = fuse_tree_mount(f->export);
    fixture_mount(f);
    return tree;
}

static void end_fuse(struct fixture *f, struct fuse_tree *tree)
{
    fixture_unmount(f);
    fuse_tree_kill(tree, f->export);
}

TEST(on_fuse_no_caller_reads_by_what_another_opened)
{
    struct fixture f = {0};
    char text[4096];

    test_skip_in_variant("user", "mounting needs root");
    struct fuse_tree *tree = begin_fuse(&f);
    uint32_t file = fuse_tree_add(tree, 0, "file", "for one");
    tree->nodes[file].opened_by = ONE;
    struct vnode *vn = fixture_find(&f, "file");
    for (int round = 0; round < 2; round++) {
        fixture_as(&f, ONE, ONE, -1);
        assert_int_equal(fixture_read(&f, vn, text), 0);
        assert_string_equal(text, "for one");
        fixture_as(&f, ANOTHER, ANOTHER, -1);
        assert_int_equal(fixture_read(&f, vn, text), EACCES);
        /* Nor the server's user, whom the daemon does not know as an owner. */
        fixture_as(&f, 0, 0, -1);
        tree->nodes[file].opened_by = ANOTHER;
        fixture_as(&f, ANOTHER, ANOTHER, -1);
        assert_int_equal(fixture_read(&f, vn, text), 0);
        tree->nodes[file].opened_by = ONE;
        assert_int_equal(fixture_read(&f, vn, text), EACCES);
    }
    vnode_put(vn);
    end_fuse(&f, tree);
}

TEST(on_fuse_a_caller_keeps_what_he_opened)
{
    struct fixture f = {0};
    char text[4096];

    test_skip_in_variant("user", "mounting needs root");
    struct fuse_tree *tree = begin_fuse(&f);
    uint32_t file = fuse_tree_add(tree, 0, "file", "for one");
    struct vnode *vn = fixture_find(&f, "file");
    fixture_as(&f, ONE, ONE, -1);
    assert_int_equal(fixture_read(&f, vn, text), 0);
    int fds = fixture_open_fds();
    tree->nodes[file].opened_by = ANOTHER; /* the daemon is not asked again */
    assert_int_equal(fixture_read(&f, vn, text), 0);
    fixture_as(&f, ANOTHER, ANOTHER, -1);
    assert_int_equal(fixture_read(&f, vn, text), 0);
    fixture_host();
    assert_int_equal(fixture_open_fds(), fds);
    vnode_put(vn);
    end_fuse(&f, tree);
}

/* To execute a program its bytes have to be read, and NFS has no other word for it than READ (RFC
 * 1813, 4.4). The daemon is asked as by execve(). */
TEST(on_fuse_a_program_is_read_by_who_may_execute_it)
{
    static const struct {
        uint32_t mode, opened_by;
        int error;
    } cases[] = {{0711, 0, 0},      {0111, 0, 0},           {0111, ONE, 0}, {0111, ANOTHER, EACCES},
                 {0110, 0, EACCES}, {0600, 0, EACCES},      {0644, 0, 0},   {0100, 0, EACCES},
                 {0700, 0, EACCES}, {0711, ANOTHER, EACCES}};
    struct fixture f = {0};
    char text[4096];

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    fixture_begin(&f);
    fixture_unmount(&f);
    struct fuse_tree *tree = fuse_tree_mount_by_modes(f.export);
    fixture_mount(&f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char name[16];
        snprintf(name, sizeof(name), "file%zu", i);
        uint32_t file = fuse_tree_add(tree, 0, name, "a program");
        tree->nodes[file].mode = cases[i].mode;
        tree->nodes[file].opened_by = cases[i].opened_by;
        fixture_as(&f, ONE, ONE, -1);
        struct vnode *vn = fixture_find(&f, name);
        test_note("%s: mode %o, for %u", name, cases[i].mode, cases[i].opened_by);
        for (int round = 0; round < 2; round++)
            assert_int_equal(fixture_read(&f, vn, text), cases[i].error);
        if (cases[i].error == 0) {
            assert_string_equal(text, "a program");
            assert_int_equal(tree->opener, ONE);
        }
        assert_int_equal(fixture_write(&f, vn, "text", VSTABLE_FILE), EACCES);
        vnode_put(vn);
    }
    /* What the thread could do for that moment is over. */
    char line[128];
    FILE *status = fopen("/proc/thread-self/status", "re");
    assert_non_null(status);
    bool none = false;
    while (fgets(line, sizeof(line), status))
        none = none || strcmp(line, "CapEff:\t0000000000000000\n") == 0;
    fclose(status);
    assert_true(none);
    end_fuse(&f, tree);
}

/* --- interfaces to the kernel --- */

static void begin_kernel(struct fixture *f, const char *type)
{
    fixture_begin(f);
    host_mkdir(f->export, "mnt", 0755);
    struct host_path at = host_path(f->export, "mnt");
    if (mount(type, at.text, type, 0, NULL) != 0)
        test_skip("no %s can be mounted: %s", type, strerror(errno));
}

static void end_kernel(struct fixture *f)
{
    struct host_path at = host_path(f->export, "mnt");
    fixture_unmount(f);
    assert_int_equal(umount2(at.text, MNT_DETACH), 0);
}

TEST(proc_and_sysfs_are_neither_exported_nor_crossed)
{
    static const char *const types[] = {"proc", "sysfs"};

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    for (int i = 0; i < 2; i++) {
        struct fixture f = {.crossmnt = true};
        struct vnode *vn;
        char why[200] = "";
        struct vfs_mount_args args = {.message = why, .message_size = sizeof(why)};

        begin_kernel(&f, types[i]);
        struct host_path at = host_path(f.export, "mnt");
        struct vnode *mnt = fixture_find(&f, "mnt");
        assert_int_equal(fixture_lookup(&f, mnt, i == 0 ? "1" : "kernel", &vn), ENOENT);
        vnode_put(mnt);
        args.source = at.text;
        args.state_dir = f.state;
        fixture_host();
        struct vfs *fs = NULL;
        assert_int_equal(vfs_mount("hostfs", &args, &fs), EACCES);
        assert_non_null(strstr(why, "'pseudo'"));
        assert_int_equal(vfs_check("hostfs", &args), EACCES);
        end_kernel(&f);
    }
}

/* Whether what is at "mnt" is an empty directory that can't be exported. */
static void expect_told(struct fixture *f, const char *what)
{
    char why[200] = "";
    struct vfs_mount_args args = {.message = why, .message_size = sizeof(why)};
    struct host_path at = host_path(f->export, "mnt");
    struct vfs *fs = NULL;
    struct vnode *vn, *mnt = fixture_find(f, "mnt");

    test_note("%s", what);
    assert_int_equal(fixture_create(f, mnt, "new", 0644, &vn), EACCES);
    vnode_put(mnt);
    args.source = at.text;
    args.state_dir = f->state;
    fixture_host();
    assert_int_equal(vfs_mount("hostfs", &args, &fs), EACCES);
    assert_non_null(strstr(why, "'pseudo'"));
}

/* All that this kernel has; which ones those are is the kernel's. */
TEST(no_interface_to_the_kernel_is_exported_or_crossed)
{
    static const char *const types[] = {
        "proc",       "sysfs",       "cgroup2",    "cpuset",     "debugfs",  "tracefs",
        "securityfs", "bpf",         "hugetlbfs",  "devpts",     "fusectl",  "mqueue",
        "pstore",     "binfmt_misc", "nfsd",       "rpc_pipefs", "configfs", "efivarfs",
        "selinuxfs",  "resctrl",     "functionfs", "gadgetfs"};
    unsigned count = 0;

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    struct fixture f = {.crossmnt = true};
    fixture_begin(&f);
    host_mkdir(f.export, "mnt", 0755);
    struct host_path at = host_path(f.export, "mnt");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (mount(types[i], at.text, types[i], 0, NULL) != 0)
            continue;
        expect_told(&f, types[i]);
        assert_int_equal(umount2(at.text, MNT_DETACH), 0);
        count++;
    }
    assert_true(count >= 6);
    fixture_unmount(&f);
}

/* By another way: mounted elsewhere, below a directory of it, through a view of it. */
TEST(no_way_around_leads_to_an_interface_to_the_kernel)
{
    static const struct {
        const char *what, *command; /* $M: where; $W: a directory for work */
    } ways[] = {
        {"a bind mount", "mount --bind /proc/sys $M"},
        {"a bind mount of all below", "mount --rbind /sys $M"},
        {"an overlay of sysfs", "mount -t overlay -o lowerdir=/sys/kernel:$W x $M"},
        {"a view of proc by bindfs", "bindfs /proc/sys $M"},
        {"a view of sysfs by mergerfs", "mergerfs $W:/sys/kernel $M"},
        {"an overlay over a view of cgroups",
         "mkdir $W/cg && mount -t cgroup2 x $W/cg && mkdir $W/lower && "
         "mount -t overlay -o ro,lowerdir=$W/cg:$W/lower x $M"},
    };

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    struct fixture f = {.crossmnt = true};
    fixture_begin(&f);
    host_mkdir(f.export, "mnt", 0755);
    host_mkdir(f.base, "work", 0755);
    struct host_path at = host_path(f.export, "mnt"), work = host_path(f.base, "work");
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        assert_int_equal(image_run("M=%s W=%s; %s", at.text, work.text, ways[i].command), 0);
        expect_told(&f, ways[i].what);
        assert_int_equal(umount2(at.text, MNT_DETACH), 0);
    }
    fixture_unmount(&f);
    umount2(host_path(work.text, "cg").text, MNT_DETACH);
}

/* The kernel mounts a file over a file, too: nothing of it is to be read. */
TEST(a_file_of_the_kernels_mounted_over_a_file_is_not_read)
{
    static const char *const files[] = {"/proc/version", "/proc/self/ns/uts", "/dev/null"};
    struct fixture f = {.crossmnt = true};
    char text[4096];

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    fixture_begin(&f);
    host_write(f.export, "file", "of the export");
    struct host_path at = host_path(f.export, "file");
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        fixture_host();
        host_mount_bind(files[i], at.text);
        struct vnode *vn = fixture_find(&f, "file");
        assert_int_equal(fixture_read(&f, vn, text), EACCES);
        assert_int_equal(fixture_write(&f, vn, "text", VSTABLE_FILE), EACCES);
        vnode_put(vn);
        fixture_host();
        host_unmount(at.text);
    }
    fixture_unmount(&f);
}

TEST(with_pseudo_proc_is_crossed)
{
    struct fixture f = {.crossmnt = true, .pseudo = true};

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    begin_kernel(&f, "proc");
    vnode_put(fixture_find(&f, "mnt/sys/kernel/hostname"));
    end_kernel(&f);
}

/* What a process of this user gets of the file: its first bytes, or the errno of open or read. */
static int read_as(uid_t uid, const char *path, char text[64])
{
    int ends[2], status;

    memset(text, 0, 64);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char buf[64] = "";
        if (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0)
            _exit(255);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : pread(fd, buf, sizeof(buf) - 1, 0);
        int err = n < 0 ? errno : 0;
        _exit(write(ends[1], buf, sizeof(buf)) == sizeof(buf) ? err : 255);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 255);
    assert_int_equal(read(ends[0], text, 64), 64);
    close(ends[0]);
    close(ends[1]);
    return WEXITSTATUS(status);
}

TEST(with_pseudo_proc_tells_each_caller_what_it_tells_him_on_the_host)
{
    static const char *const names[] = {"kallsyms", "1/maps",    "1/environ", "1/io",
                                        "1/stack",  "1/syscall", "1/mem",     "version"};
    static const uid_t users[] = {0, ONE, 0, ONE};
    struct fixture f = {.crossmnt = true, .pseudo = true};
    char path[64], want[64], text[4096];

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    begin_kernel(&f, "proc");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "mnt/%s", names[i]);
        fixture_as(&f, 0, 0, -1);
        struct vnode *vn = fixture_find(&f, path);
        for (size_t u = 0; u < sizeof(users) / sizeof(users[0]); u++) {
            fixture_host();
            int expected = read_as(users[u], host_path(f.export, path).text, want);
            fixture_as(&f, users[u], users[u], -1);
            int err = fixture_read(&f, vn, text);
            test_note("%s for %u: %d, on the host %d", names[i], users[u], err, expected);
            assert_true((err != 0) == (expected != 0));
            if (err == 0)
                assert_memory_equal(text, want, strnlen(want, 16));
        }
        vnode_put(vn);
    }
    end_kernel(&f);
}

/* A process of root's, in a cgroup of root's. */
static pid_t victim_start(const char *cgroup)
{
    char text[16];
    pid_t pid = fork();

    if (pid == 0) {
        pause();
        _exit(0);
    }
    snprintf(text, sizeof(text), "%d", pid);
    struct host_path path = host_path(cgroup, "cgroup.procs");
    int fd = open(path.text, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return pid;
}

TEST(with_pseudo_a_user_moves_no_process_of_others_into_his_cgroup)
{
    struct fixture f = {.crossmnt = true, .pseudo = true};
    char procs[64], pid_text[16], text[4096], cgroups[2][40];

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    begin_kernel(&f, "cgroup2");
    struct host_path mnt = host_path(f.export, "mnt");
    for (int i = 0; i < 2; i++) {
        snprintf(cgroups[i], sizeof(cgroups[i]), "loopnfs-test-%d-%d", getpid(), i);
        host_mkdir(mnt.text, cgroups[i], 0755);
    }
    struct host_path own = host_path(mnt.text, cgroups[0]);
    host_chown(mnt.text, cgroups[0], ONE, ONE);
    host_chown(own.text, "cgroup.procs", ONE, ONE);
    pid_t pid = victim_start(host_path(mnt.text, cgroups[1]).text);
    snprintf(pid_text, sizeof(pid_text), "%d", pid);
    snprintf(procs, sizeof(procs), "mnt/%s/cgroup.procs", cgroups[0]);
    struct vnode *vn = fixture_find(&f, procs);
    assert_int_equal(fixture_read(&f, vn, text), 0); /* by root, whose descriptors must not serve */
    fixture_as(&f, ONE, ONE, -1);
    int err = fixture_write(&f, vn, pid_text, VSTABLE_UNSTABLE);
    fixture_host();
    struct host_path kill_file = host_path(mnt.text, cgroups[1]);
    vnode_put(vn);
    fixture_as(&f, 0, 0, -1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    for (int i = 0; i < 6000 && rmdir(kill_file.text) != 0; i++)
        host_sleep_ms(10);
    assert_int_equal(rmdir(own.text), 0);
    assert_int_equal(err, EACCES);
    end_kernel(&f);
}
