/*
 * moved_out.c - what the host moves out of an export while a client uses it is out.
 */
#include "tests/wire/wire.h"
#include <stdio.h>
#include <string.h>

/* A file, or a directory where text is NULL, made through the server. */
static struct fh make_in(struct mounted *m, const struct fh *dir, const char *name,
                         const char *text)
{
    struct made made;

    if (!text) {
        expect_ok(ask_mkdir(&m->client, dir, name, NULL, &made));
        return made.fh;
    }
    expect_ok(ask_create(&m->client, dir, name, H_UNCHECKED, NULL, NULL, &made));
    expect_ok(ask_write(&m->client, &made.fh, 0, text, (uint32_t)strlen(text), S_UNSTABLE, NULL));
    return made.fh;
}

/* Uses it all the time, so that it stays open, until it is stale. */
static void expect_stale_in_use(struct mounted *m, const struct fh *fh)
{
    for (int i = 0; i < 1200; i++) {
        uint32_t status = ask_getattr(&m->client, fh, NULL);
        if (status == NFS_STALE)
            return;
        expect_ok(status);
        host_sleep_ms(50);
    }
    fail_msg("it is still in use after 60 s");
}

static void begin_with_options(struct mounted *m, const char *options)
{
    static char arg[300];

    server_prepare(&m->server, NULL);
    m->server.no_plain_export = true;
    snprintf(arg, sizeof(arg), "--export=%s,rw,no_root_squash,insecure%s", m->server.export_dir,
             options);
    server_add_arg(&m->server, arg);
    mounted_begin_prepared(m);
}

static void expect_all_out(struct mounted *m)
{
    struct client *c = &m->client;
    struct fh deep;

    struct fh dir = make_dir(m, "dir");
    struct fh inner = make_in(m, &dir, "inner", NULL);
    struct fh file = make_in(m, &inner, "file", "text");
    struct fh single = make_file(m, "single", "alone");
    struct fh stays_dir = make_dir(m, "stays");
    struct fh stays = make_in(m, &stays_dir, "file", "text");
    expect_content(c, &file, "text");
    expect_content(c, &single, "alone");
    host_mkdir(m->server.home, "outside", 0755);
    host_rename(m->dir, "dir", m->server.home, "outside/dir");
    host_rename(m->dir, "single", m->server.home, "outside/single");
    host_write(m->server.home, "outside/dir/private", "nobody's business");
    expect_stale_in_use(m, &dir);
    expect_stale_in_use(m, &inner);
    expect_stale_in_use(m, &file);
    expect_stale_in_use(m, &single);
    expect_status(ask_lookup(c, &dir, "private", &deep, NULL, NULL), NFS_STALE);
    expect_status(ask_create(c, &dir, "new", H_UNCHECKED, NULL, NULL, NULL), NFS_STALE);
    assert_false(host_exists(m->server.home, "outside/dir/new"));
    expect_status(ask_write(c, &file, 0, "x", 1, S_UNSTABLE, NULL), NFS_STALE);
    host_expect(m->server.home, "outside/dir/inner/file", "text");
    /* What was not moved, or only within the export, is as good as before. */
    host_rename(m->dir, "stays", m->dir, "elsewhere");
    for (int i = 0; i < 40; i++) {
        expect_ok(ask_getattr(c, &stays, NULL));
        host_sleep_ms(50);
    }
    /* And what comes back can be had by its name. */
    host_rename(m->server.home, "outside/dir", m->dir, "back");
    dir = mounted_lookup(m, "back");
    expect_ok(ask_lookup(c, &dir, "private", &deep, NULL, NULL));
    expect_content(c, &deep, "nobody's business");
}

TEST(what_is_moved_out_of_an_export_while_it_is_used_is_stale_in_time)
{
    struct mounted m = {0};
    begin_with_options(&m, "");
    expect_all_out(&m);
    mounted_end(&m);
}

TEST(what_is_moved_out_of_an_export_with_subtree_check_is_stale_in_time)
{
    struct mounted m = {0};
    begin_with_options(&m, ",subtree_check");
    expect_all_out(&m);
    mounted_end(&m);
}

TEST(a_name_of_a_file_with_two_that_is_moved_out_is_checked_with_subtree_check)
{
    struct mounted m = {0};
    struct fh linked;

    begin_with_options(&m, ",subtree_check");
    struct fh file = make_file(&m, "file", "text");
    expect_ok(ask_link(&m.client, &file, &m.root, "second", NULL, NULL));
    expect_ok(ask_lookup(&m.client, &m.root, "second", &linked, NULL, NULL));
    expect_content(&m.client, &file, "text");
    host_mkdir(m.server.home, "outside", 0755);
    /* Both names: nothing is left inside. */
    host_rename(m.dir, "file", m.server.home, "outside/file");
    host_rename(m.dir, "second", m.server.home, "outside/second");
    expect_stale_in_use(&m, &file);
    mounted_end(&m);
}

TEST(what_a_rename_by_a_client_moves_out_of_another_export_is_out_at_once)
{
    static char arg[300];
    struct mounted m = {0};
    struct mount_answer inner;
    struct fh file, dir;

    server_prepare(&m.server, NULL);
    host_mkdir(m.server.export_dir, "sub", 0755);
    host_mkdir(m.server.export_dir, "sub/dir", 0755);
    host_write(m.server.export_dir, "sub/dir/file", "text");
    snprintf(arg, sizeof(arg), "--export=%s/sub,rw,no_root_squash,insecure", m.server.export_dir);
    server_add_arg(&m.server, arg);
    mounted_begin_prepared(&m);
    assert_int_equal(ask_mnt(&m.client, 3, host_path(m.dir, "sub").text, &inner), MNT_OK);
    expect_ok(ask_lookup(&m.client, &inner.fh, "dir", &dir, NULL, NULL));
    expect_ok(ask_lookup(&m.client, &dir, "file", &file, NULL, NULL));
    expect_content(&m.client, &file, "text");
    expect_ok(ask_create(&m.client, &dir, "new", H_UNCHECKED, NULL, NULL, NULL));
    struct fh sub = mounted_lookup(&m, "sub");
    expect_ok(ask_rename(&m.client, &sub, "dir", &m.root, "moved", NULL, NULL));
    expect_status(ask_getattr(&m.client, &file, NULL), NFS_STALE);
    expect_status(ask_create(&m.client, &dir, "newer", H_UNCHECKED, NULL, NULL, NULL), NFS_STALE);
    mounted_end(&m);
}
