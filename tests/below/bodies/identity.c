/*
 * identity.c - who a file is: a handle keeps its file while the kernel forgets, the server is
 * started anew, and the file system mounted anew; and it never reaches another one.
 */
#include "tests/conformance/wire.h"
/* After it, since the suite has words of the same names. */
#include "tests/below/hands.h"
#include <stdio.h>
#include <unistd.h>

#define FILES_KEPT 40

/* Files that a client has the handles of, and what was in them. */
struct kept {
    struct object nodes[FILES_KEPT], dir, below;
    char text[FILES_KEPT][32];
};

static void keep_files(struct kept *kept)
{
    char name[32];

    kept->dir = make_dir(here, "dir");
    kept->below = make_dir(kept->dir, "below");
    for (unsigned i = 0; i < FILES_KEPT; i++) {
        snprintf(name, sizeof(name), "file-%u", i);
        snprintf(kept->text[i], sizeof(kept->text[i]), "this is %u", i);
        kept->nodes[i] = make_file(i % 2 ? kept->below : kept->dir, name, kept->text[i]);
    }
}

static void expect_kept(const struct kept *kept)
{
    expect(attr_of(kept->dir).type == VDIR);
    expect_entry(kept->dir, "below", kept->below);
    for (unsigned i = 0; i < FILES_KEPT; i++)
        expect_text(kept->nodes[i], kept->text[i]);
}

/* What a handle reaches, if anything, is the file it was made for. */
static void expect_no_other(struct object node, const char *text, const char *when)
{
    char buf[256];
    size_t len = sizeof(buf) - 1;
    int err = t_read(node, 0, buf, &len, NULL);

    buf[err == 0 ? len : 0] = '\0';
    if (err == 0 && strcmp(buf, text) != 0)
        fail("%s, the handle of '%s' reads '%s'", when, text, buf);
}

BODY(a_handle_is_good_after_the_kernel_forgot_the_file, PLAIN)
{
    struct kept kept;

    keep_files(&kept);
    hands("forget");
    expect_kept(&kept);
    expect_ok(t_write_text(kept.nodes[0], 0, "more"));
    hands("forget");
    expect_ok(t_rename(kept.dir, "file-0", here, "moved"));
    hands("forget");
    expect_entry(here, "moved", kept.nodes[0]);
}

BODY(a_handle_is_good_after_a_restart_and_the_kernel_forgot, PLAIN | RESTART | STABLE)
{
    struct kept kept;

    keep_files(&kept);
    restart();
    hands("forget");
    expect_kept(&kept);
}

BODY(a_handle_is_good_after_a_new_mount, PLAIN | RESTART | STABLE)
{
    struct kept kept;

    keep_files(&kept);
    driver->restart(mount_again);
    expect_kept(&kept);
}

BODY(a_handle_reaches_no_other_file_after_a_new_mount, PLAIN | RESTART)
{
    struct kept kept;
    char path[64];

    keep_files(&kept);
    driver->restart(mount_again);
    /* Looked up in another order, so that who numbers by order numbers otherwise. */
    for (unsigned i = FILES_KEPT; i > 0; i--) {
        snprintf(path, sizeof(path), "dir/%sfile-%u", (i - 1) % 2 ? "below/" : "", i - 1);
        (void)!access(on_host(path), F_OK);
    }
    for (unsigned i = 0; i < FILES_KEPT; i++)
        expect_no_other(kept.nodes[i], kept.text[i], "after a new mount");
}

/* By the host, in the place of the old files: more than those, so that numbers are used again. */
static void make_strangers(void)
{
    char path[64];

    for (unsigned i = 0; i < 3 * FILES_KEPT; i++) {
        snprintf(path, sizeof(path), "/run/below/m/stranger-%u", i);
        FILE *out = fopen(path, "we");
        expect(out != NULL);
        fputs("a stranger", out);
        fclose(out);
    }
}

BODY(a_handle_reaches_no_file_of_another_image, PLAIN | RESTART)
{
    struct kept kept;

    keep_files(&kept);
    driver->restart(mount_other);
    make_strangers();
    for (unsigned i = 0; i < FILES_KEPT; i++)
        expect_no_other(kept.nodes[i], kept.text[i], "in another image");
}

/* By the server that ran all the time, to a client that mounts it now (RFC 1813 section 5.2.1). */
static void expect_served(const char *name)
{
    struct fh top, found;

    put_string(client_begin(&wire_client, 100005, 3, 1), "/run/below/m");
    struct cursor answer = client_finish(&wire_client);
    expect_number(get_u32(&answer), 0);
    get_fh(&answer, &top);
    expect_ok(wire_error(ask_lookup(&wire_client, &top, name, &found, NULL, NULL)));
}

BODY(a_handle_reaches_no_file_of_an_image_put_in_place_of_it, PLAIN | RESTART)
{
    struct kept kept;

    keep_files(&kept);
    hands("other");
    for (unsigned i = 0; i < FILES_KEPT; i++)
        expect_no_other(kept.nodes[i], kept.text[i], "after another image took its place");
    make_strangers();
    if (driver == &driver_wire)
        expect_served("stranger-0");
    for (unsigned i = 0; i < FILES_KEPT; i++)
        expect_no_other(kept.nodes[i], kept.text[i], "beside the files of another image");
}

static void read_mark(struct object mark, char *buf, size_t size)
{
    size_t len = size - 1;

    expect_ok(t_read(mark, 0, buf, &len, NULL));
    buf[len] = '\0';
}

BODY(a_handle_reaches_nothing_in_another_read_only_image, READ_ONLY | RESTART)
{
    char text[64];
    struct object mark = find(root, "mark"), deep = find(find(root, "dir"), "text");

    read_mark(mark, text, sizeof(text));
    driver->restart(mount_other);
    expect_no_other(mark, text, "in another image");
    expect_no_other(deep, "text\n", "in another image");
}

BODY(a_handle_of_a_read_only_image_is_good_after_a_new_mount, READ_ONLY | RESTART | STABLE)
{
    char text[64];
    struct object mark = find(root, "mark"), dir = find(root, "dir"), deep = find(dir, "text");

    read_mark(mark, text, sizeof(text));
    driver->restart(mount_again);
    expect_text(mark, text);
    expect_text(deep, "text\n");
    expect_entry(root, "dir", dir);
}

/* On an overlayfs these are of the lower layer: the first change copies them up. */
BODY(a_file_that_was_there_first_stays_the_same_when_it_is_changed, PLAIN | LINKS)
{
    struct object old, file;

    if (t_lookup(root, "old", &old) != 0)
        return;
    as(myself.uid, myself.gid);
    file = find(old, "written");
    expect_ok(t_write_text(file, 0, "OLD"));
    expect_ok(t_write_text(file, 3, " WRITTEN"));
    expect_text(file, "OLD WRITTEN\n");
    file = find(old, "changed");
    expect_ok(t_chmod(file, 0600));
    expect_number(attr_of(file).mode, 0600);
    file = find(old, "renamed");
    expect_ok(t_rename(old, "renamed", old, "renamed again"));
    expect_text(file, "old renamed\n");
    expect_text(find(old, "renamed again"), "old renamed\n");
    file = find(old, "linked");
    expect_ok(t_link(file, old, "another name"));
    expect_text(file, "old linked\n");
    expect_text(find(old, "another name"), "old linked\n");
    struct object dir = find(old, "dir");
    file = find(dir, "deep");
    expect_ok(t_chmod(dir, 0700));
    expect_text(file, "old dir/deep\n");
    expect_ok(t_write_text(file, 0, "new"));
    expect_text(file, "new dir/deep\n");
}

/* btrfs: its parts number their objects each for itself. */
BODY(parts_have_numbers_of_their_own, PLAIN)
{
    struct object part, snapshot;

    if (t_lookup(root, "part", &part) != 0)
        return;
    snapshot = find(root, "snapshot");
    struct object one = find(part, "file"), other = find(snapshot, "file");
    uint64_t numbers[] = {attr_of(root).fileid, attr_of(part).fileid, attr_of(snapshot).fileid,
                          attr_of(one).fileid, attr_of(other).fileid};
    for (unsigned i = 0; i < 5; i++)
        for (unsigned j = 0; j < i; j++)
            if (numbers[i] == numbers[j] && attr_of(root).fsid == attr_of(part).fsid)
                fail("two objects, %u and %u, have one number", j, i);
    expect(!same(one, other));
    expect_text(one, "part\n");
    expect_text(other, "part\n");
}
