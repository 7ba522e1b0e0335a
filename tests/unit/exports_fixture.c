/*
 * exports_fixture.c - what the tests of exports/ share. See exports_fixture.h.
 */
#include "tests/unit/exports_fixture.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "vfs/vnode_table.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture_mounts fixture_mounts;
char fixture_message[1024];

static int counted_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    const struct vnode_id id = {.len = 4, .bytes = "root"};

    if (args->source && !strcmp(args->source, "broken"))
        return EIO;
    fixture_mounts.mounted++;
    fixture_mounts.last = *args;
    snprintf(fixture_mounts.options, sizeof(fixture_mounts.options), "%s",
             args->options != NULL ? args->options : "");
    return vnode_intern(fs, &id, VDIR, NULL, NULL, &fs->root, NULL);
}

static void counted_unmount(struct vfs *fs)
{
    (void)fs;
    fixture_mounts.unmounted++;
}

static const struct vfs_type counted = {
    .name = "counted",
    .flags = VFS_HOST_DIRS,
    .ops = {.mount = counted_mount, .unmount = counted_unmount},
};
VFS_TYPE(counted);

static char dir[4096];
static pid_t dir_owner;

/* A child that a test forked must not remove its parent's. */
static void dir_remove(void)
{
    if (getpid() == dir_owner)
        host_remove_tree(dir);
}

const char *fixture_dir(void)
{
    char made[] = "/tmp/loopnfs-exports-XXXXXX";

    if (dir[0])
        return dir;
    assert_non_null(mkdtemp(made));
    assert_non_null(realpath(made, dir));
    dir_owner = getpid();
    atexit(dir_remove);
    host_mkdir(dir, "a", 0755);
    host_mkdir(dir, "b", 0755);
    host_mkdir(dir, "c", 0755);
    host_mkdir(dir, "with space", 0755);
    return dir;
}

const char *fixture_text(const char *text)
{
    static struct kept {
        struct kept *next;
        char text[];
    } * kept; /* a chain of all, so that none is a leak */
    size_t size = strlen(text) + 1;

    for (const char *mark = text; (mark = strstr(mark, "$D")); mark += 2)
        size += strlen(fixture_dir());
    struct kept *made = malloc(sizeof(*made) + size);
    assert_non_null(made);
    made->next = kept;
    kept = made;
    char *at = made->text;
    while (*text) {
        if (!strncmp(text, "$D", 2)) {
            at = stpcpy(at, fixture_dir());
            text += 2;
        } else {
            *at++ = *text++;
        }
    }
    *at = '\0';
    return made->text;
}

const char *fixture_file(const char *text)
{
    host_write(fixture_dir(), "exports", fixture_text(text));
    return fixture_text("$D/exports");
}

void fixture_parse(const char *text, struct draft *draft)
{
    draft_init(draft, fixture_message, sizeof(fixture_message));
    if (parse_file(draft, fixture_file(text)) || draft_settle(draft))
        fail_msg("%s", fixture_message);
    assert_string_equal(fixture_message, "");
}

void fixture_refuse(const char *text, int err, const char *message)
{
    const char *begin = fixture_text("$D/exports:");
    struct draft draft;

    draft_init(&draft, fixture_message, sizeof(fixture_message));
    int got = parse_file(&draft, fixture_file(text));
    if (!got)
        got = draft_settle(&draft);
    draft_finish(&draft);
    test_note("%s", fixture_message);
    assert_int_equal(got, err);
    assert_memory_equal(fixture_message, begin, strlen(begin));
    assert_string_equal(fixture_message + strlen(begin), fixture_text(message));
}

struct export_options fixture_options(const char *text)
{
    struct draft draft;

    fixture_parse(text, &draft);
    assert_int_equal(draft.count, 1);
    assert_int_equal(draft.entries[0].export.nclients, 1);
    struct export_options options = draft.entries[0].export.clients[0].options;
    draft_finish(&draft);
    return options;
}

int fixture_load(const char *spec, ...)
{
    static bool table_made;
    const char *specs[16];
    struct exports_source source = {.specs = specs, .state_dir = fixture_dir()};
    va_list args;

    if (!table_made)
        assert_int_equal(vnode_table_init(1000, 100), 0);
    table_made = true;
    va_start(args, spec);
    for (; spec; spec = va_arg(args, const char *))
        specs[source.nspecs++] = fixture_text(spec);
    va_end(args);
    return exports_load(&source, fixture_message, sizeof(fixture_message));
}

struct address fixture_address(const char *text)
{
    struct address address;

    assert_int_equal(address_parse(text, 700, &address), 0);
    address_normalize(&address);
    return address;
}
