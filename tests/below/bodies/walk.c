/*
 * walk.c - find and du, as programs do them: a walk through all of the export, over subvolumes and
 * snapshots, meets each object once, with one number in the listing and by itself, no directory in
 * itself, and as much of everything as a walk of the host.
 */
#include "tests/below/hands.h"
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MOUNT     "/run/below/m"
#define OBJECTS   2000
#define DEPTH     16
#define FILES     12
#define HOST_STEP 512 /* bytes that st_blocks counts by */

struct walk {
    unsigned count, names_more; /* objects; names beside an object's first */
    uint64_t used;
    uint64_t fileids[OBJECTS];
    struct object nodes[OBJECTS];
    uint64_t above[DEPTH];
};

static void make_tree(void)
{
    char name[32], text[64];

    for (unsigned i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "dir-%u", i);
        struct object dir = make_dir(here, name), below = make_dir(dir, "below");
        for (unsigned j = 0; j < FILES; j++) {
            snprintf(name, sizeof(name), "file-%u", j);
            snprintf(text, sizeof(text), "the text of %u in %u", j, i);
            make_file(j % 2 ? below : dir, name, text);
        }
    }
}

/* Counts it, unless it was met by another name. */
static void meet(struct walk *walk, struct object node, const struct vattr *attr, const char *name)
{
    for (unsigned i = 0; i < walk->count; i++)
        if (walk->fileids[i] == attr->fileid) {
            if (attr->type == VDIR || attr->nlink < 2 || !same(walk->nodes[i], node))
                fail("two objects have the number %" PRIu64 "; one of them is %s", attr->fileid,
                     name);
            walk->names_more++;
            return;
        }
    expect(walk->count < OBJECTS);
    walk->fileids[walk->count] = attr->fileid;
    walk->nodes[walk->count++] = node;
    walk->used += attr->used;
}

static void walk_dir(struct walk *walk, struct object dir, unsigned depth);

static void walk_entry(struct walk *walk, struct object dir, const struct item *item,
                       unsigned depth)
{
    struct object node = find(dir, item->name);
    struct vattr attr = attr_of(node);

    expect_number(item->fileid, attr.fileid);
    for (unsigned i = 0; attr.type == VDIR && i <= depth; i++)
        if (walk->above[i] == attr.fileid)
            fail("%s has the number of a directory above it", item->name);
    meet(walk, node, &attr, item->name);
    if (attr.type == VDIR)
        walk_dir(walk, node, depth + 1);
}

static void walk_dir(struct walk *walk, struct object dir, unsigned depth)
{
    struct page *page = calloc(1, sizeof(*page));
    uint64_t cookie = 0;

    expect(page != NULL && depth < DEPTH);
    walk->above[depth] = attr_of(dir).fileid;
    while (!page->eof) {
        /* A directory that only root may list is passed over by who is not, as find does. */
        int err = driver->readdir(&dir, cookie, 8192, page);
        if (err == EACCES && depth > 0)
            break;
        expect_ok(err);
        for (uint32_t i = 0; i < page->count; i++) {
            if (!is_dots(&page->items[i]))
                walk_entry(walk, dir, &page->items[i], depth);
            cookie = page->items[i].cookie;
        }
    }
    free(page);
}

/* --- the host --- */

static struct {
    unsigned names;
    uint64_t used;
    unsigned links; /* more names than objects */
} on_host_are;

static int host_meets(const char *path, const struct stat *st, int type, struct FTW *where)
{
    static ino_t linked[OBJECTS];
    static unsigned known;

    (void)path;
    (void)type;
    if (where->level == 0)
        return 0;
    on_host_are.names++;
    for (unsigned i = 0; !S_ISDIR(st->st_mode) && st->st_nlink > 1 && i < known; i++)
        if (linked[i] == st->st_ino) {
            on_host_are.links++;
            return 0;
        }
    if (!S_ISDIR(st->st_mode) && st->st_nlink > 1 && known < OBJECTS)
        linked[known++] = st->st_ino;
    on_host_are.used += (uint64_t)st->st_blocks * HOST_STEP;
    return 0;
}

BODY(a_walk_meets_each_object_once_and_all_that_the_host_has, 0)
{
    struct walk *walk = calloc(1, sizeof(*walk));

    expect(walk != NULL);
    if (can(PLAIN))
        make_tree();
    hands("settle");
    walk_dir(walk, root, 0);
    if (nftw(MOUNT, host_meets, 20, FTW_PHYS) != 0)
        fail("nftw: %s", strerror(errno));
    expect_number(walk->count + walk->names_more, on_host_are.names);
    expect_number(walk->names_more, on_host_are.links);
    expect_number(walk->used, on_host_are.used);
    free(walk);
}
