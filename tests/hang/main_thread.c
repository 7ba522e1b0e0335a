/*
 * main_thread.c - SIGHUP, status and SIGTERM do not wait for a file system that hangs.
 */
#include "tests/hang/fixture.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CALLS 20

/* A server whose exports are a file's: the one that hangs, and `more`. */
static void begin_with_file(struct hang *h, struct host_path *file)
{
    hang_prepare(h);
    h->m.server.args[0] = "--exports";
    *file = host_path(h->m.server.home, "exports");
    h->m.server.args[1] = file->text;
    host_write(h->m.server.home, "exports", "");
}

static void write_exports(struct hang *h, const char *more)
{
    char text[1024];

    snprintf(text, sizeof(text), "%s 127.0.0.0/8(rw,no_root_squash,insecure)\n", h->dir);
    host_write(h->m.server.home, "exports", text);
    if (more == NULL)
        return;
    snprintf(text, sizeof(text), "%s/%s 127.0.0.0/8(rw,no_root_squash,insecure)\n",
             h->m.server.home, more);
    host_append(h->m.server.home, "exports", text);
}

static void let_calls_hang(struct hang *h, struct client *slow)
{
    client_connect(slow, h->m.server.port, 0);
    h->fuse->hung = true;
    for (unsigned i = 0; i < CALLS; i++)
        hang_send_getattr(slow, &h->root);
    hung_fuse_holds(h->fuse, 1);
}

TEST(exports_are_read_again_while_one_hangs)
{
    struct hang h;
    struct host_path file;
    struct client slow;

    begin_with_file(&h, &file);
    host_mkdir(h.m.server.home, "later", 0755);
    write_exports(&h, NULL);
    hang_begin(&h);
    let_calls_hang(&h, &slow);
    write_exports(&h, "later");
    kill(h.m.server.pid, SIGHUP);
    assert_true(
        server_log_waits_for(&h.m.server, "does not answer; it is served as before", 60000));
    assert_true(server_log_waits_for(&h.m.server, "exports reloaded: 3", 60000));
    struct host_path later = host_path(h.m.server.home, "later");
    hang_mnt(&h, later.text);
    /* The one that hangs is what it was. */
    h.fuse->hung = false;
    for (unsigned i = 0; i < CALLS; i++)
        expect_ok(hang_status(&slow));
    client_disconnect(&slow);
    hang_end(&h);
}

TEST(an_export_that_does_not_answer_is_told_by_its_line)
{
    struct hang h;
    struct host_path file;
    char text[8192];

    begin_with_file(&h, &file);
    mounted_begin_prepared(&h.m);
    h.fuse->hung = true;
    write_exports(&h, NULL);
    kill(h.m.server.pid, SIGHUP);
    snprintf(text, sizeof(text), "%s:1: %s: it does not answer", file.text, h.dir);
    assert_true(server_log_waits_for(&h.m.server, text, 60000));
    expect_ok(ask_getattr(&h.m.client, &h.m.root, &(struct attr){0}));
    hang_end(&h);
}

TEST(status_says_what_hangs)
{
    struct hang h;
    struct client slow;
    char command[512], line[512], found[512] = "";

    hang_prepare(&h);
    hang_begin(&h);
    let_calls_hang(&h, &slow);
    snprintf(command, sizeof(command),
             "\"$LOOPNFS_BUILD_DIR/bin/loopnfs\" --control '%s/control' status",
             h.m.server.state_dir);
    for (int i = 0; strstr(found, "it hangs") == NULL; i++) {
        assert_true(i < 600);
        host_sleep_ms(100);
        FILE *out = popen(command, "re");
        assert_non_null(out);
        while (fgets(line, sizeof(line), out) != NULL)
            if (strstr(line, "waiting") != NULL)
                strcpy(found, line);
        assert_int_equal(pclose(out), 0);
    }
    assert_non_null(strstr(found, h.dir));
    assert_non_null(strstr(found, "20 of 240 calls, it hangs"));
    client_disconnect(&slow);
    hang_end(&h);
}

/* The kernel can't end threads whose requests a FUSE daemon has taken and does not answer. */
TEST(the_end_comes_in_time_and_leaves_port_and_state_to_the_next_server)
{
    struct hang h;
    struct client slow;

    hang_prepare(&h);
    hang_begin(&h);
    let_calls_hang(&h, &slow);
    pid_t before = h.m.server.pid;
    hang_expect_end(&h);
    h.m.server.pid = 0;
    h.m.server.args[0] = NULL;
    server_start(&h.m.server);
    mounted_reconnect(&h.m);
    expect_ok(ask_getattr(&h.m.client, &h.m.root, &(struct attr){0}));
    assert_true(h.fuse->held >= 1);
    assert_int_not_equal(h.m.server.pid, before);
    client_disconnect(&slow);
    hang_end(&h);
}

TEST(the_end_comes_in_time_while_exports_are_read_again)
{
    struct hang h;
    struct host_path file;

    begin_with_file(&h, &file);
    write_exports(&h, NULL);
    hang_begin(&h);
    h.fuse->hung = true;
    kill(h.m.server.pid, SIGHUP);
    hung_fuse_holds(h.fuse, 1);
    hang_expect_end(&h);
    h.fuse->hung = false;
    assert_int_equal(server_wait(&h.m.server), 0);
    hung_fuse_kill(h.fuse, h.dir);
    server_finish(&h.m.server);
}
