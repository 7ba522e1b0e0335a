/*
 * wild.c - tests of nodes that are none: what an author's operation gives for a node, and ids that
 * no file system ever gave.
 */
#include "tests/framework/fixture.h"
#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include "vfs/vop.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct vnode *wild;                        /* what operations give; NULL: a proper node */
static _Alignas(16) char object[256], child[256]; /* the author's own */
static bool by_pointer;                           /* registered pointers; else numbers */
static uint64_t later_ticket;                     /* not 0: lookup answers from a thread */

static int wild_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    if (strcmp(args->options != NULL ? args->options : "", "wild") == 0) {
        fs->root = wild;
        return 0;
    }
    return by_pointer ? vnode_register_root(fs, object) : 0;
}

static int proper_node(struct vfs *fs, struct vnode **out)
{
    return by_pointer ? vnode_register(fs, child, VREG, out)
                      : vnode_intern_number(fs, 2, VREG, out);
}

static int wild_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    (void)ctx;
    if (!by_pointer && vnode_number(vn) > 2)
        return ESTALE;
    vnode_attr_default(vn, attr);
    return 0;
}

struct question {
    struct vfs *fs;
    struct vnode **out;
};
static void *answer_later(void *arg)
{
    const struct question *question = arg;

    vfs_answer(later_ticket, proper_node(question->fs, question->out));
    return NULL;
}

static int wild_lookup(const struct vctx *ctx, struct vnode *dir, const char *name,
                       struct vnode **out, struct vattr *attr)
{
    static struct question question;
    pthread_t thread;

    (void)ctx, (void)attr;
    if (strcmp(name, "later") == 0) {
        question = (struct question){dir->fs, out};
        later_ticket = vfs_later();
        assert_int_equal(pthread_create(&thread, NULL, answer_later, &question), 0);
        pthread_detach(thread);
        return VFS_ELATER;
    }
    *out = wild;
    return strcmp(name, "proper") == 0 ? proper_node(dir->fs, out) : 0;
}

static int wild_mkdir(const struct vctx *ctx, struct vnode *dir, const char *name,
                      const struct vsetattr *set, struct vnode **out, struct vattr *attr,
                      struct vchange *change)
{
    (void)ctx, (void)dir, (void)name, (void)set, (void)attr, (void)change;
    *out = wild;
    return 0;
}

static const struct vfs_type type = {
    .name = "wildfs",
    .ops = {
        .mount = wild_mount, .getattr = wild_getattr, .lookup = wild_lookup, .mkdir = wild_mkdir}};

/* A node that was one. */
static struct vnode *freed_node(struct vfs *fs)
{
    struct vnode *vn;

    assert_int_equal(vnode_intern_number(fs, 99, VREG, &vn), 0);
    vnode_forget(vn);
    vnode_put(vn);
    return vn;
}

static void expect_refused(struct vfs *fs, struct vnode *vn, const char *what)
{
    struct vsetattr set = {0};
    struct vchange change = {0};
    struct vattr attr;
    struct vnode *out;

    test_note("%s", what);
    wild = vn;
    assert_int_equal(vop_lookup(&fixture_root, fs->root, fixture_name("x"), &out, &attr), EIO);
    assert_null(out);
    assert_int_equal(
        vop_mkdir(&fixture_root, fs->root, fixture_name("x"), &set, &out, &attr, &change), EIO);
    assert_null(out);
}

static void try_all(void)
{
    struct vfs *fs = fixture_mount(&type);
    struct vnode *out;
    struct vattr attr;
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(pages != MAP_FAILED);
    assert_int_equal(munmap(pages + 4096, 4096), 0);
    memset(child, 0xff, sizeof(child));
    fixture_log_begin();
    expect_refused(fs, (struct vnode *)(void *)child, "an object of the author's");
    assert_true(fixture_log_has("file system wildfs (nothing): lookup gave no node of its own"));
    assert_true(fixture_log_has("file system wildfs (nothing): mkdir gave no node of its own"));
    expect_refused(fs, (struct vnode *)16, "a small number");
    expect_refused(fs, (struct vnode *)(void *)(pages + 4096), "memory that is not there");
    *(struct vfs **)(void *)(pages + 4096 - 16) = fs;
    expect_refused(fs, (struct vnode *)(void *)(pages + 4096 - 16), "memory that ends too soon");
    expect_refused(fs, (struct vnode *)0xdead000000000000, "no address at all");
    expect_refused(fs, (struct vnode *)(void *)(child + 1), "an odd address");
    expect_refused(fs, freed_node(fs), "a node that is gone");

    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "proper" : "later";
        assert_int_equal(vop_lookup(&fixture_root, fs->root, fixture_name(name), &out, &attr), 0);
        assert_int_equal(out->type, VREG);
        vnode_put(out);
    }
    munmap(pages, 4096);
    fixture_unmount(fs);
}

TEST(a_wild_pointer_for_a_node_with_a_number_is_an_io_error_and_a_log_line)
{
    by_pointer = false;
    try_all();
}

TEST(a_wild_pointer_for_a_registered_pointer_is_an_io_error_and_a_log_line)
{
    by_pointer = true;
    try_all();
}

TEST(a_wild_root_is_refused)
{
    const struct vfs_mount_args args = {.source = "nothing", .options = "wild"};
    struct vfs *fs, *other = fixture_mount(&type);

    fixture_log_begin();
    wild = (struct vnode *)(void *)object;
    assert_int_equal(vfs_mount("wildfs", &args, &fs), EIO);
    wild = other->root;
    assert_int_equal(vfs_mount("wildfs", &args, &fs), EIO);
    assert_true(fixture_log_has("wildfs (nothing): mount gave a root that is no node of its own"));
    fixture_unmount(other);
}

static void expect_stale(struct vfs *fs, int byte)
{
    struct vnode *vn, *loaded;
    struct vnode_id id;

    assert_int_equal(proper_node(fs, &vn), 0);
    vnode_id_of(vn, &id);
    vnode_put(vn);
    assert_int_equal(vnode_load(NULL, fs, &id, &loaded), 0);
    vnode_put(loaded);
    id.bytes[byte] ^= 0x40;
    assert_int_equal(vnode_load(NULL, fs, &id, &loaded), ESTALE);
}

TEST(an_id_that_was_never_given_is_stale)
{
    for (int flavour = 0; flavour < 2; flavour++) {
        by_pointer = flavour == 1;
        struct vfs *fs = fixture_mount(&type);
        /* Kind, type, number or serial, generation. */
        for (int byte = 0; byte < 18; byte++) {
            test_note("byte %d of the id of a %s", byte, by_pointer ? "pointer" : "number");
            expect_stale(fs, byte);
        }
        fixture_unmount(fs);
    }
}

TEST(a_client_of_a_file_system_with_wild_pointers_gets_an_io_error)
{
    struct loopnfs *server = fixture_serve(&type, 0);
    struct client client;
    struct fh root, file;

    by_pointer = false;
    wild = (struct vnode *)(void *)object;
    fixture_connect(loopnfs_port(server), "/export", &client, &root);
    expect_status(ask_lookup(&client, &root, "x", &file, NULL, NULL), NFS_IO);
    expect_ok(ask_lookup(&client, &root, "proper", &file, NULL, NULL));
    expect_ok(ask_getattr(&client, &file, NULL));
    client_disconnect(&client);
    loopnfs_destroy(server);
}
