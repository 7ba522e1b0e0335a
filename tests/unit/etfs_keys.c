/*
 * etfs_keys.c - tests of etfs at the vnode level: what may be mapped, windows, removal in use.
 */
#include "base/cred.h"
#include "fs/etfs/etfs.h"
#include "tests/lib/data.h"
#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/node_life.h"
#include "vfs/vnode_table.h"
#include "vfs/vop.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE 4096

static char dir[] = "/tmp/loopnfs-etfs.XXXXXX";
static char host[64];
static uint8_t content[SIZE];
static struct vfs *fs;
static struct vctx ctx;

static void clean(void)
{
    char path[128];

    unlink(host);
    snprintf(path, sizeof(path), "%s/table", dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/fifo", dir);
    unlink(path);
    rmdir(dir);
}

static void write_file(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
}

static void setup(const char *table)
{
    char path[128];

    assert_non_null(mkdtemp(dir));
    atexit(clean);
    snprintf(host, sizeof(host), "%s/host", dir);
    for (size_t i = 0; i < SIZE; i++)
        content[i] = (uint8_t)(i * 7 + i / 256);
    write_file(host, content, SIZE);
    snprintf(path, sizeof(path), "%s/table", dir);
    if (table != NULL)
        write_file(path, table, strlen(table));
    struct vfs_mount_args args = {.source = table != NULL ? path : NULL, .fsid = 5};
    cred_init();
    ctx.cred = cred_server();
    assert_int_equal(vnode_table_init(1000, 100), 0);
    assert_int_equal(vfs_mount("etfs", &args, &fs), 0);
}

static void finish(void)
{
    vfs_put(fs);
    vnode_table_finish();
}

/* One command, in words separated by blanks; `%` stands for the host file. */
static int command(const char *line)
{
    char text[512] = "";
    const char *words[16];
    struct vcontrol control = {
        .cred = cred_server(), .privileged = true, .argv = words, .fd = -1, .reply_fd = -1};

    for (const char *at = line; *at != '\0'; at++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.*s",
                 *at == '%' ? (int)strlen(host) : 1, *at == '%' ? host : at);
    char *rest = text;
    while ((words[control.argc] = strsep(&rest, " ")) != NULL)
        control.argc++;
    int err = fs->type->ops.control(fs, &control);
    if (err != 0)
        assert_true(control.message[0] != '\0');
    return err;
}

static struct view text(const char *s)
{
    return (struct view){(const uint8_t *)s, (uint32_t)strlen(s)};
}

/* The node of a key; NULL where there is none. */
static struct vnode *find(const char *key)
{
    struct vnode *vn = fs->root, *next;
    struct vattr attr;
    char copy[256];

    vnode_ref(vn);
    snprintf(copy, sizeof(copy), "%s", key + 1);
    char *rest = copy;
    for (char *part; vn != NULL && (part = strsep(&rest, "/")) != NULL; vn = next) {
        if (vop_lookup(&ctx, vn, text(part), &next, &attr) != 0)
            next = NULL;
        vnode_put(vn);
    }
    return vn;
}

TEST(keys_make_their_directories_and_take_them_away)
{
    setup(NULL);
    assert_int_equal(command("add /a/b/c %"), 0);
    assert_int_equal(command("add /a/d %"), 0);
    struct vnode *vn = find("/a/b");
    assert_int_equal(vn->type, VDIR);
    vnode_put(vn);
    assert_int_equal(command("remove /a/b/c"), 0);
    assert_null(find("/a/b"));
    vn = find("/a/d");
    assert_int_equal(vn->type, VREG);
    vnode_put(vn);
    assert_int_equal(command("remove /a/d"), 0);
    assert_null(find("/a"));
    assert_int_equal(command("add /a/b/c %"), 0);
    vn = find("/a/b/c");
    assert_non_null(vn);
    vnode_put(vn);
    finish();
}

TEST(impossible_keys_and_windows_are_refused_with_the_reason)
{
    static const struct {
        const char *command;
        int err;
    } cases[] = {
        {"add /k %", EEXIST},
        {"add /k/below %", ENOTDIR},
        {"add /dir %", EEXIST},
        {"add k %", EINVAL},
        {"add / %", EINVAL},
        {"add /x/ %", EINVAL},
        {"add /x//y %", EINVAL},
        {"add /x/../y %", EINVAL},
        {"add /w % offset=4097", EINVAL},
        {"add /w % offset=4000 size=97", EINVAL},
        {"add /w % size=-1", EINVAL},
        {"add /w % size=99999999999999999999999", EINVAL},
        {"add /w % type=blk offset=511", EINVAL},
        {"add /w % type=blk size=513", EINVAL},
        {"add /w % type=dir", EINVAL},
        {"add /w % nonsense", EINVAL},
        {"add /w relative", EINVAL},
        {"add /w /nonexistent/file", ENOENT},
        {"add /w /tmp", EINVAL},
        {"add /w /dev/null", EINVAL},
        {"add /w /proc/version ro", EINVAL},
        {"add /w /sys/kernel/uevent_seqnum ro", EINVAL},
        {"add /w /dev/null type=blk", EINVAL},
        {"add /w", EINVAL},
        {"remove /nothing", ENOENT},
        {"remove /dir", ENOENT},
        {"remove nothing", ENOENT},
        {"frobnicate", EINVAL},
    };
    char fifo[128];

    setup(NULL);
    assert_int_equal(command("add /k %"), 0);
    assert_int_equal(command("add /dir/k %"), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int err = command(cases[i].command);
        if (err != cases[i].err)
            fail_msg("%s: %d, expected %d", cases[i].command, err, cases[i].err);
    }
    snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    char add[200];
    snprintf(add, sizeof(add), "add /f %s", fifo);
    alarm(5); /* opening it would wait for ever */
    assert_int_equal(command(add), EINVAL);
    struct vcontrol other = {.cred = cred_server(), .argc = 1, .argv = (const char *[]){"list"}};
    assert_int_equal(fs->type->ops.control(fs, &other), EPERM);
    finish();
}

TEST(reads_and_writes_never_leave_the_window)
{
    uint8_t buf[SIZE], after[SIZE];
    struct vattr attr;
    bool eof;

    setup(NULL);
    assert_int_equal(command("add /w % offset=1000 size=500"), 0);
    struct vnode *vn = find("/w");
    assert_int_equal(vop_getattr(&ctx, vn, &attr), 0);
    assert_int_equal(attr.size, 500);
    for (uint64_t offset = 0; offset < 1200; offset += 50) {
        size_t len = 300;
        assert_int_equal(data_read(&ctx, vn, offset, buf, &len, &eof, &attr), 0);
        size_t expected = offset >= 500 ? 0 : offset + 300 > 500 ? 500 - offset : 300;
        assert_int_equal(len, expected);
        assert_int_equal(eof, offset + 300 >= 500);
        assert_memory_equal(buf, content + 1000 + offset, len);
    }
    memset(buf, 0xee, sizeof(buf));
    struct vchange change = {0};
    enum vstable stable = VSTABLE_UNSTABLE;
    size_t len = 1000;
    assert_int_equal(data_write(&ctx, vn, 400, buf, &len, &stable, &change), 0);
    assert_int_equal(len, 100);
    len = 10;
    assert_int_equal(data_write(&ctx, vn, 500, buf, &len, &stable, &change), ENOSPC);
    assert_int_equal(vop_commit(&ctx, vn, 0, 0, &change), 0);
    int fd = open(host, O_RDONLY);
    assert_int_equal(read(fd, after, SIZE), SIZE);
    close(fd);
    assert_memory_equal(after, content, 1400);
    assert_memory_equal(after + 1400, buf, 100);
    assert_memory_equal(after + 1500, content + 1500, SIZE - 1500);
    vnode_put(vn);
    finish();
}

TEST(a_whole_file_grows_and_a_read_only_key_does_not_change)
{
    struct vchange change = {0};
    enum vstable stable = VSTABLE_FILE;
    struct vattr attr;
    uint32_t granted;
    size_t len = 10;

    setup(NULL);
    assert_int_equal(command("add /whole %"), 0);
    assert_int_equal(command("add /fixed % ro"), 0);
    struct vnode *whole = find("/whole"), *fixed = find("/fixed");
    assert_int_equal(data_write(&ctx, whole, SIZE, content, &len, &stable, &change), 0);
    assert_int_equal(vop_getattr(&ctx, fixed, &attr), 0);
    assert_int_equal(attr.size, SIZE + 10);
    assert_int_equal(attr.mode & 0222, 0);
    assert_int_equal(data_write(&ctx, fixed, 0, content, &len, &stable, &change), EROFS);
    assert_int_equal(vop_access(&ctx, fixed, 0x3f, &granted, &attr), 0);
    assert_int_equal(granted, VACCESS_READ);
    struct vsetattr set = {.set_size = true, .size = 7};
    assert_int_equal(vop_setattr(&ctx, fixed, &set, &change), EROFS);
    assert_int_equal(vop_setattr(&ctx, whole, &set, &change), 0);
    assert_int_equal(vop_getattr(&ctx, whole, &attr), 0);
    assert_int_equal(attr.size, 7);
    set = (struct vsetattr){.set_mode = true, .mode = 0777};
    assert_int_equal(vop_setattr(&ctx, whole, &set, &change), EPERM);
    vnode_put(whole);
    vnode_put(fixed);
    finish();
}

TEST(a_device_type_is_a_node_or_with_as_reg_a_file)
{
    uint8_t buf[SIZE];
    struct vattr attr;
    size_t len = SIZE;
    bool eof;

    setup(NULL);
    assert_int_equal(command("add /node % type=blk"), 0);
    assert_int_equal(command("add /chr /dev/null type=chr"), 0);
    assert_int_equal(command("add /file % type=blk as=reg offset=512 size=1024"), 0);
    struct vnode *node = find("/node"), *chr = find("/chr"), *file = find("/file");
    assert_int_equal(node->type, VBLK);
    assert_int_equal(data_read(&ctx, node, 0, buf, &len, &eof, &attr), EINVAL);
    assert_int_equal(chr->type, VCHR);
    assert_int_equal(vop_getattr(&ctx, chr, &attr), 0);
    assert_int_equal(attr.rdev_major, 1);
    assert_int_equal(attr.rdev_minor, 3);
    len = SIZE;
    assert_int_equal(data_read(&ctx, file, 0, buf, &len, &eof, &attr), 0);
    assert_int_equal(len, 1024);
    assert_memory_equal(buf, content + 512, 1024);
    vnode_put(node);
    vnode_put(chr);
    vnode_put(file);
    finish();
}

TEST(a_removed_key_serves_its_users_to_the_end)
{
    uint8_t buf[100];
    struct vattr attr;
    size_t len = sizeof(buf);
    bool eof;

    setup(NULL);
    assert_int_equal(command("add /k % offset=10"), 0);
    struct vnode *vn = find("/k"), *again;
    struct vnode_id id;
    vnode_id_of(vn, &id);
    assert_int_equal(command("remove /k"), 0);
    assert_null(find("/k"));
    assert_int_equal(data_read(&ctx, vn, 0, buf, &len, &eof, &attr), 0);
    assert_memory_equal(buf, content + 10, sizeof(buf));
    /* By its handle too, and it is the same when it is mapped in the same way again. */
    assert_int_equal(vnode_load(NULL, fs, &id, &again), 0);
    assert_ptr_equal(again, vn);
    vnode_put(again);
    assert_int_equal(command("add /k % offset=10"), 0);
    again = find("/k");
    assert_ptr_equal(again, vn);
    vnode_put(again);
    assert_int_equal(command("remove /k"), 0);
    /* Mapped otherwise it is another. */
    assert_int_equal(command("add /k % offset=11"), 0);
    again = find("/k");
    assert_ptr_not_equal(again, vn);
    vnode_put(again);
    vnode_put(vn);
    vfs_tick();
    finish();
}

TEST(all_that_nobody_has_used_for_a_while_is_let_go_at_once)
{
    struct vnode *held[3];
    const char *const keys[] = {"/a", "/b", "/c"};

    setup(NULL);
    for (int i = 0; i < 3; i++) {
        char line[32];
        snprintf(line, sizeof(line), "add %s %% size=%d", keys[i], i + 1);
        assert_int_equal(command(line), 0);
        held[i] = find(keys[i]);
    }
    for (int i = 0; i < 3; i++) {
        char line[32];
        snprintf(line, sizeof(line), "remove %s", keys[i]);
        assert_int_equal(command(line), 0);
        etfs_entry_of(held[i])->used -= 3600;
    }
    fs->type->ops.tick(fs);
    for (int i = 0; i < 3; i++) {
        assert_true(held[i]->table_flags & VNODE_DOOMED);
        vnode_put(held[i]);
    }
    finish();
}

TEST(a_key_is_listed_in_one_line_whatever_it_is_called)
{
    const char *const add[] = {"add", "/a\tkey\nof\\mine", host, "ro"}, *const list[] = {"list"};
    char *lines, expected[200];
    size_t size;

    setup(NULL);
    FILE *out = open_memstream(&lines, &size);
    assert_non_null(out);
    struct vcontrol control = {.cred = cred_server(),
                               .privileged = true,
                               .argc = 4,
                               .argv = add,
                               .fd = -1,
                               .reply_fd = -1,
                               .output = out};
    assert_int_equal(fs->type->ops.control(fs, &control), 0);
    control.argc = 1;
    control.argv = list;
    assert_int_equal(fs->type->ops.control(fs, &control), 0);
    fclose(out);
    snprintf(expected, sizeof(expected), "/a\\011key\\012of\\134mine\t%s\ttype=reg ro\n", host);
    assert_string_equal(lines, expected);
    free(lines);
    finish();
}

TEST(a_line_of_a_table_with_too_many_words_is_refused)
{
    char path[80], message[300] = "";
    struct vfs_mount_args args = {
        .source = path, .message = message, .message_size = sizeof(message)};
    const char *table = "/one /bin/true ro\n"
                        "/two /bin/true ro ro ro ro ro ro nonsense\n";

    setup("");
    snprintf(path, sizeof(path), "%s/table", dir);
    write_file(path, table, strlen(table));
    finish();
    assert_int_equal(vnode_table_init(1000, 100), 0);
    assert_int_equal(vfs_mount("etfs", &args, &fs), EINVAL);
    test_note("%s", message);
    assert_memory_equal(message, path, strlen(path));
    assert_string_equal(message + strlen(path), ":2: more than 8 words, from 'nonsense' on");
    vnode_table_finish();
}

TEST(a_table_is_read_at_the_start_and_its_ids_survive_a_restart)
{
    char table[256];
    struct vnode_id before, after;

    snprintf(host, sizeof(host), "/bin/true");
    setup(
        "# a comment\n\n/one /bin/true ro   # at the end too\n/two/three\t/bin/true ro size=16\n");
    struct vnode *vn = find("/two/three");
    assert_non_null(vn);
    vnode_id_of(vn, &before);
    vnode_put(vn);
    vfs_put(fs);
    snprintf(table, sizeof(table), "%s/table", dir);
    struct vfs_mount_args args = {.source = table, .fsid = 5};
    assert_int_equal(vfs_mount("etfs", &args, &fs), 0);
    assert_int_equal(vnode_load(NULL, fs, &before, &vn), 0);
    vnode_id_of(vn, &after);
    assert_memory_equal(&before, &after, 1 + before.len);
    vnode_put(vn);
    vfs_put(fs);
    write_file(table, "/one /bin/true ro\n/one /bin/true ro\n", 36);
    assert_int_equal(vfs_mount("etfs", &args, &fs), EEXIST);
    vnode_table_finish();
}

/* An inode number is used again at once on many file systems. */
TEST(a_host_file_that_was_made_anew_is_another_one)
{
    struct vnode_id before;
    struct stat was, is;
    struct vnode *vn;

    setup(NULL);
    assert_int_equal(command("add /key %"), 0);
    vn = find("/key");
    vnode_id_of(vn, &before);
    vnode_put(vn);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(stat(host, &was), 0);
        finish();
        usleep(20000); /* a tick of the clock that births are of */
        assert_int_equal(unlink(host), 0);
        write_file(host, content, SIZE);
        assert_int_equal(stat(host, &is), 0);
        struct vfs_mount_args args = {.fsid = 5};
        assert_int_equal(vnode_table_init(1000, 100), 0);
        assert_int_equal(vfs_mount("etfs", &args, &fs), 0);
        assert_int_equal(command("add /key %"), 0);
        assert_int_equal(vnode_load(NULL, fs, &before, &vn), ESTALE);
        if (was.st_ino == is.st_ino)
            break;
    }
    finish();
}
