/*
 * hostfs_listing.c - listings while names come and go, on every kind of position.
 *
 * On FUSE and overlayfs a position means nothing in a later opening, so hostfs lists in the order
 * of hashes there; the same bodies run on tmpfs, whose positions last. Whatever happens between
 * two pages, a name that was there all the time is listed once, and only once.
 */
#include "fs/hostfs/hostfs.h"
#include "fs/hostfs/window.h"
#include "tests/fs/fixture.h"
#include "tests/lib/fuse_tree.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define NAMES 600

/* A host directory that is listed, and the hands that change it. */
struct scene {
    struct fixture f;
    struct fuse_tree *tree; /* NULL: an ordinary directory, at `dir` */
    char dir[128];
    uint32_t nodes[2 * NAMES];
};

static void name_of(int i, char name[64])
{
    snprintf(name, 64, "file-%d-with-a-name-that-fills-pages", i);
}

static void host_add(struct scene *s, int i)
{
    char name[64];

    name_of(i, name);
    if (s->tree)
        s->nodes[i] = fuse_tree_add(s->tree, 0, name, "x");
    else
        host_write(s->dir, name, "x");
}

static void host_remove(struct scene *s, int i)
{
    char name[64];

    name_of(i, name);
    if (s->tree)
        fuse_tree_remove(s->tree, s->nodes[i]);
    else
        host_unlink(s->dir, name);
}

static void begin_fuse(struct scene *s)
{
    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    fixture_begin(&s->f);
    fixture_unmount(&s->f);
    s->tree = fuse_tree_mount(s->f.export);
    fixture_mount(&s->f);
    for (int i = 0; i < NAMES; i++)
        host_add(s, i);
}

/* Everything is in the lower layer: the first change copies the directory up. */
static void begin_overlay(struct scene *s)
{
    test_skip_in_variant("user", "mounting needs root");
    char options[512];

    host_private_mounts();
    fixture_begin(&s->f);
    fixture_unmount(&s->f);
    host_mkdir(s->f.base, "layers", 0755);
    host_mount_tmpfs(host_path(s->f.base, "layers").text, "");
    host_mkdir(s->f.base, "layers/low", 0755);
    host_mkdir(s->f.base, "layers/low/d", 0755);
    host_mkdir(s->f.base, "layers/up", 0755);
    host_mkdir(s->f.base, "layers/work", 0755);
    snprintf(s->dir, sizeof(s->dir), "%s/layers/low/d", s->f.base);
    for (int i = 0; i < NAMES; i++)
        host_add(s, i);
    snprintf(options, sizeof(options),
             "lowerdir=%s/layers/low,upperdir=%s/layers/up,workdir=%s/layers/work", s->f.base,
             s->f.base, s->f.base);
    if (mount("overlay", s->f.export, "overlay", 0, options) != 0)
        test_skip("no overlayfs here: %s", strerror(errno));
    snprintf(s->dir, sizeof(s->dir), "%s/d", s->f.export);
    fixture_mount(&s->f);
}

static void begin_plain(struct scene *s)
{
    fixture_begin(&s->f);
    host_mkdir(s->f.export, "d", 0755);
    snprintf(s->dir, sizeof(s->dir), "%s/d", s->f.export);
    for (int i = 0; i < NAMES; i++)
        host_add(s, i);
}

static struct vnode *directory(struct scene *s)
{
    if (!s->tree)
        return fixture_find(&s->f, "d");
    vnode_ref(s->f.root);
    return s->f.root;
}

static void end(struct scene *s)
{
    fixture_unmount(&s->f);
    if (s->tree)
        fuse_tree_kill(s->tree, s->f.export);
    else
        umount2(s->f.export, MNT_DETACH);
}

/* How often each name was listed, and what happens after each page. */
struct count {
    int seen[2 * NAMES];
    int pages;
};

static void list_all(struct scene *s, bool plus, struct count *count,
                     void (*between)(struct scene *s, const struct vdirents *page, int number))
{
    uint64_t buf[512], cookie = 0;
    struct vdirents page = {.buf = (char *)buf, .size = sizeof(buf), .plus = plus};

    memset(count, 0, sizeof(*count));
    do {
        const struct vdirent *entry = NULL;
        struct vnode *dir = directory(s);
        assert_int_equal(vop_readdir(&s->f.ctx, dir, cookie, &page), 0);
        vnode_put(dir);
        while ((entry = vdirents_next(&page, entry))) {
            int i;
            cookie = entry->cookie;
            if (sscanf(entry->name, "file-%d-", &i) != 1)
                continue;
            assert_in_range(i, 0, 2 * NAMES - 1);
            assert_in_range(cookie, VCOOKIE_FIRST, VCOOKIE_LAST);
            count->seen[i]++;
        }
        if (!page.eof && between)
            between(s, &page, count->pages);
        count->pages++;
    } while (!page.eof);
    assert_true(count->pages > 5);
}

/* --- what happens between two pages --- */

static void remove_what_was_seen(struct scene *s, const struct vdirents *page, int number)
{
    const struct vdirent *entry = NULL;
    struct vnode *dir = directory(s);

    (void)number;
    while ((entry = vdirents_next(page, entry)))
        if (strncmp(entry->name, "file-", 5) == 0)
            assert_int_equal(fixture_remove(&s->f, dir, entry->name), 0);
    vnode_put(dir);
}

/* The names beside those that are there all the time, NAMES to 2 * NAMES - 1, come and go. */
static void others_come_and_go(struct scene *s, const struct vdirents *page, int number)
{
    (void)page;
    if (number > NAMES / 8)
        return;
    for (int i = 0; i < 8; i++)
        host_add(s, NAMES + number * 8 + i);
    for (int i = 0; number > 0 && i < 5; i++)
        host_remove(s, NAMES + (number - 1) * 8 + i);
}

static void the_server_restarts(struct scene *s, const struct vdirents *page, int number)
{
    others_come_and_go(s, page, number);
    fixture_restart(&s->f);
}

/* What is remembered is lost, as when more directories are listed than are remembered. */
static void it_is_forgotten(struct scene *s, const struct vdirents *page, int number)
{
    others_come_and_go(s, page, number);
    hostfs_windows_finish(s->f.fs->private);
}

static void expect_each_once(const struct count *count)
{
    for (int i = 0; i < NAMES; i++)
        if (count->seen[i] != 1)
            fail_msg("name %d was listed %d times", i, count->seen[i]);
    for (int i = NAMES; i < 2 * NAMES; i++)
        assert_true(count->seen[i] <= 1);
}

static void expect_all_removed(struct scene *s)
{
    struct count count;
    uint64_t buf[512];
    struct vdirents page = {.buf = (char *)buf, .size = sizeof(buf)};
    struct vnode *dir = directory(s);

    list_all(s, false, &count, remove_what_was_seen);
    expect_each_once(&count);
    assert_int_equal(vop_readdir(&s->f.ctx, dir, 0, &page), 0);
    /* The last page's names, after which nobody was called, and the dots. */
    for (const struct vdirent *e = NULL; (e = vdirents_next(&page, e));)
        if (strncmp(e->name, "file-", 5) == 0)
            assert_int_equal(fixture_remove(&s->f, dir, e->name), 0);
    assert_true(page.eof);
    assert_int_equal(vop_readdir(&s->f.ctx, dir, 0, &page), 0);
    assert_int_equal(page.count, 2);
    vnode_put(dir);
}

static void expect_nothing_lost(struct scene *s)
{
    struct count count;

    for (int plus = 0; plus < 2; plus++) {
        list_all(s, plus != 0, &count, NULL);
        expect_each_once(&count);
    }
    list_all(s, false, &count, others_come_and_go);
    expect_each_once(&count);
    list_all(s, false, &count, it_is_forgotten);
    expect_each_once(&count);
    list_all(s, true, &count, the_server_restarts);
    expect_each_once(&count);
}

TEST(who_removes_what_is_listed_sees_every_name_on_fuse)
{
    static struct scene s;
    begin_fuse(&s);
    expect_all_removed(&s);
    end(&s);
}

TEST(who_removes_what_is_listed_sees_every_name_on_overlayfs)
{
    static struct scene s;
    begin_overlay(&s);
    expect_all_removed(&s);
    end(&s);
}

TEST(who_removes_what_is_listed_sees_every_name)
{
    static struct scene s;
    begin_plain(&s);
    expect_all_removed(&s);
    end(&s);
}

TEST(a_listing_on_fuse_loses_and_repeats_nothing_that_does_not_change)
{
    static struct scene s;
    begin_fuse(&s);
    expect_nothing_lost(&s);
    end(&s);
}

TEST(a_listing_on_overlayfs_loses_and_repeats_nothing_that_does_not_change)
{
    static struct scene s;
    begin_overlay(&s);
    expect_nothing_lost(&s);
    end(&s);
}

TEST(a_listing_loses_and_repeats_nothing_that_does_not_change)
{
    static struct scene s;
    begin_plain(&s);
    expect_nothing_lost(&s);
    end(&s);
}

TEST(a_listing_on_fuse_opens_the_directory_once_for_each_page_and_reads_it_once)
{
    static struct scene s;
    struct count count;

    begin_fuse(&s);
    uint32_t opened = s.tree->openings, requests = s.tree->requests;
    list_all(&s, false, &count, NULL);
    assert_int_equal(s.tree->openings - opened, count.pages);
    /* A look-up and an opening, its end and what else a page costs; not the whole directory. */
    assert_in_range(s.tree->requests - requests, count.pages, count.pages * 6 + 20);
    end(&s);
}

TEST(a_name_that_fuse_says_twice_is_listed_once)
{
    static struct scene s;
    struct count count;

    begin_fuse(&s);
    for (int i = 0; i < 3; i++)
        host_add(&s, 7);
    list_all(&s, false, &count, NULL);
    expect_each_once(&count);
    end(&s);
}

/* More than is kept of a directory. */
#define MANY 70000

static int by_value(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

TEST(a_very_large_directory_is_listed_in_parts_without_a_loss)
{
    static struct scene s;
    static bool seen[MANY];
    static uint64_t buf[12288];
    static uint32_t halves[MANY];
    struct vdirents page = {.buf = (char *)buf, .size = sizeof(buf)};
    uint64_t cookie = 0;
    int count = 0;

    begin_overlay(&s);
    int at = open(s.dir, O_PATH | O_DIRECTORY);
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        assert_int_equal(mknodat(at, name, S_IFREG | 0644, 0), 0);
    }
    struct vnode *dir = directory(&s);
    do {
        const struct vdirent *entry = NULL;
        assert_int_equal(vop_readdir(&s.f.ctx, dir, cookie, &page), 0);
        while ((entry = vdirents_next(&page, entry))) {
            cookie = entry->cookie;
            if (entry->name[0] != 'n')
                continue;
            int i = atoi(entry->name + 1);
            assert_false(seen[i]);
            seen[i] = true;
            halves[count++] = (uint32_t)cookie;
        }
    } while (!page.eof);
    assert_int_equal(count, MANY);
    /* Clients may fall back to the lower half of a cookie. */
    qsort(halves, MANY, sizeof(halves[0]), by_value);
    for (int i = 1; i < MANY; i++)
        assert_true(halves[i] > halves[i - 1]);
    close(at);
    vnode_put(dir);
    end(&s);
}
