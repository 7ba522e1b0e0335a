/*
 * exports_reload.c - tests of replacing the table: what stays mounted, what fails, who holds it.
 */
#include "base/hash.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "tests/unit/exports_fixture.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static const struct export *by_id(uint32_t id)
{
    const struct export *export = exports_by_id(exports_get(), id);

    exports_put();
    assert_non_null(export);
    return export;
}

TEST(a_reload_keeps_file_systems_that_stay_the_same)
{
    fixture_mounts = (struct fixture_mounts){0};
    assert_int_equal(fixture_load("/a,fs=counted,fsid=1,client=10.0.0.1",
                                  "/b,fs=counted,fsid=2,source=x", "/c,fs=counted,fsid=3", NULL),
                     0);
    assert_int_equal(fixture_mounts.mounted, 3);
    struct vfs *a = by_id(1)->fs, *b = by_id(2)->fs;

    /* Other rights, another order: the same. Another source, number or crossmnt: not. */
    assert_int_equal(fixture_load("/b,fs=counted,fsid=2,source=y", "/c,fs=counted,fsid=4",
                                  "/a,fs=counted,fsid=1,rw,client=10.0.0.2", NULL),
                     0);
    assert_ptr_equal(by_id(1)->fs, a);
    assert_true(by_id(1)->clients[0].options.rw);
    assert_ptr_not_equal(by_id(2)->fs, b);
    assert_int_equal(fixture_mounts.mounted, 5);
    assert_int_equal(fixture_mounts.unmounted, 2);

    assert_int_equal(fixture_load("/a,fs=counted,fsid=1,crossmnt", NULL), 0);
    assert_int_equal(fixture_mounts.mounted, 6);
    assert_int_equal(fixture_mounts.unmounted, 5);
    assert_string_equal(fixture_mounts.options, "crossmnt");
    exports_finish();
    assert_int_equal(fixture_mounts.unmounted, 6);
}

TEST(a_reload_serves_the_directory_that_took_the_place_of_an_exported_one)
{
    host_mkdir(fixture_dir(), "swap", 0755);
    assert_int_equal(fixture_load("$D/swap,fsid=1", NULL), 0);
    struct vfs *before = by_id(1)->fs;
    assert_int_equal(fixture_load("$D/swap,fsid=1", NULL), 0);
    assert_ptr_equal(by_id(1)->fs, before);

    host_rename(fixture_dir(), "swap", fixture_dir(), "swapped");
    host_mkdir(fixture_dir(), "swap", 0755);
    assert_int_equal(fixture_load("$D/swap,fsid=1", NULL), 0);
    assert_ptr_not_equal(by_id(1)->fs, before);
    exports_finish();
}

/* export_ask() remembers a client of an export, and that is of the table that is in use. */
TEST(after_a_refresh_no_rights_are_those_of_a_table_that_is_gone)
{
    const struct address peer = fixture_address("10.0.0.1");
    const struct export_client *client;

    host_mkdir(fixture_dir(), "comes", 0755);
    assert_int_equal(fixture_load("/a,fs=counted,fsid=1,client=10.0.0.1", "$D/comes,fsid=2", NULL),
                     0);
    for (int i = 0; i < 4; i++) {
        const struct export *before = by_id(1);
        const uint64_t serial = before->serial;
        assert_int_equal(export_ask(before, &peer, &client), 0);
        assert_ptr_equal(client, before->clients);
        /* Another export goes, or comes. */
        if (i % 2 == 0)
            host_rename(fixture_dir(), "comes", fixture_dir(), "gone");
        else
            host_rename(fixture_dir(), "gone", fixture_dir(), "comes");
        exports_refresh();
        const struct export *after = by_id(1);
        assert_int_not_equal(after->serial, serial);
        assert_int_equal(export_ask(after, &peer, &client), 0);
        assert_ptr_equal(client, after->clients);
    }
    exports_finish();
}

TEST(a_directory_that_was_typed_by_a_link_keeps_both_its_paths_over_refreshes)
{
    const char *dirs[] = {fixture_text("$D/link")}, *specs[] = {fixture_text("$D/comes,fsid=2")};
    const struct exports_source source = {
        .dirs = dirs, .ndirs = 1, .specs = specs, .nspecs = 1, .state_dir = fixture_dir()};

    assert_int_equal(fixture_load("/a,fs=counted,fsid=1", NULL), 0);
    host_mkdir(fixture_dir(), "real", 0755);
    host_mkdir(fixture_dir(), "comes", 0755);
    host_symlink("real", fixture_dir(), "link");
    assert_int_equal(exports_load(&source, fixture_message, sizeof(fixture_message)), 0);
    for (int i = 0; i < 4; i++) {
        host_rename(fixture_dir(), i % 2 == 0 ? "comes" : "gone", fixture_dir(),
                    i % 2 == 0 ? "gone" : "comes");
        exports_refresh();
        for (const char *const *path = (const char *const[]){"$D/link", "$D/real", NULL}; *path;
             path++) {
            const char *text = fixture_text(*path);
            struct view rest, view = {(const uint8_t *)text, (uint32_t)strlen(text)};
            assert_non_null(exports_by_path(exports_get(), view, &rest));
            exports_put();
        }
    }
    exports_finish();
}

TEST(a_reload_with_an_error_changes_nothing)
{
    fixture_mounts = (struct fixture_mounts){0};
    assert_int_equal(fixture_load("/a,fs=counted,fsid=1", NULL), 0);
    const struct exports *before = exports_get();
    exports_put();

    assert_int_equal(fixture_load("/b,fs=counted,fsid=2", "/c,fs=counted,nonsense", NULL), EINVAL);
    assert_string_equal(fixture_message,
                        "--export /c,fs=counted,nonsense: unknown option 'nonsense'");
    assert_int_equal(fixture_mounts.mounted, 1);

    /* One that only fails to mount: what was mounted before it is given back. */
    assert_int_equal(fixture_load("/b,fs=counted,fsid=2", "/c,fs=counted,source=broken", NULL),
                     EIO);
    assert_string_equal(fixture_message,
                        "--export /c,fs=counted,source=broken: can't serve /c from counted broken: "
                        "Input/output error");
    assert_int_equal(fixture_mounts.mounted, 2);
    assert_int_equal(fixture_mounts.unmounted, 1);

    assert_int_equal(fixture_load("/b,fs=wonderfs", NULL), EINVAL);
    assert_non_null(strstr(fixture_message, "--export /b,fs=wonderfs: no file system 'wonderfs'"));
    assert_non_null(strstr(fixture_message, "counted"));

    struct exports_source file = {.file = fixture_file("$D/a h(rw)\n$D/b h(rv)\n"),
                                  .state_dir = fixture_dir()};
    assert_int_equal(exports_load(&file, fixture_message, sizeof(fixture_message)), EINVAL);
    assert_string_equal(fixture_message, fixture_text("$D/exports:2: unknown option 'rv'"));

    assert_ptr_equal(exports_get(), before);
    exports_put();
    assert_string_equal(by_id(1)->path, "/a");
    exports_finish();
}

TEST(a_check_mounts_nothing)
{
    const char *specs[] = {"/x,fs=counted"};
    struct exports_source source = {
        .specs = specs, .nspecs = 1, .state_dir = fixture_dir(), .check_only = true};

    fixture_mounts = (struct fixture_mounts){0};
    assert_int_equal(fixture_load("/a,fs=counted,fsid=1", NULL), 0);
    assert_int_equal(exports_load(&source, fixture_message, sizeof(fixture_message)), 0);
    assert_string_equal(by_id(1)->path, "/a");
    specs[0] = "/x,fs=counted,oops";
    assert_int_equal(exports_load(&source, fixture_message, sizeof(fixture_message)), EINVAL);
    assert_int_equal(fixture_mounts.mounted, 1);
    exports_finish();
}

TEST(file_systems_get_the_number_of_their_export)
{
    assert_int_equal(fixture_load("/a,fs=counted,fsid=12,subtree_check", NULL), 0);
    assert_int_equal(fixture_mounts.last.fsid, 12);
    assert_string_equal(fixture_mounts.options, "subtree_check");
    assert_int_equal(fixture_load("/a,fs=counted", NULL), 0);
    const struct export *export = &exports_get()->list[0];
    assert_true(fixture_mounts.last.fsid == hash_mix(export->id));
    assert_true(fixture_mounts.last.fsid > UINT32_MAX);
    exports_put();
    exports_finish();
}

/* A request that lasts: holds a table until it is told to go on. */
static _Atomic int holder_step;

static void *holder(void *arg)
{
    const struct exports *table = exports_get();

    holder_step = 1;
    while (holder_step < 2)
        usleep(500);
    /* Still all there, two reloads later. */
    assert_string_equal(table->list[0].path, arg);
    exports_put();
    holder_step = 3;
    while (holder_step < 4)
        usleep(500);
    return NULL;
}

TEST(a_table_lives_as_long_as_a_request_holds_it_and_blocks_no_reload)
{
    pthread_t thread;
    char path[] = "/held";

    fixture_mounts = (struct fixture_mounts){0};
    holder_step = 0;
    assert_int_equal(fixture_load("/held,fs=counted,fsid=1", NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, holder, path), 0);
    while (!holder_step)
        usleep(500);
    assert_int_equal(fixture_load("/b,fs=counted,fsid=2", NULL), 0);
    assert_int_equal(fixture_load("/c,fs=counted,fsid=3", NULL), 0);
    assert_int_equal(fixture_mounts.mounted, 3);
    assert_int_equal(fixture_mounts.unmounted, 1);
    holder_step = 2;
    while (holder_step < 3)
        usleep(500);
    exports_collect();
    assert_int_equal(fixture_mounts.unmounted, 2);
    holder_step = 4;
    pthread_join(thread, NULL);
    exports_finish();
    assert_int_equal(fixture_mounts.unmounted, 3);
}

/* Requests in a hurry, while tables are replaced under them. */
static _Atomic bool hurry_over;

static void *hurry(void *arg)
{
    _Atomic unsigned *rounds = arg;
    const struct address peer = fixture_address("10.0.0.9");

    while (!hurry_over) {
        const struct exports *table = exports_get();
        const struct export *export = exports_by_id(table, 1);

        if (!export || strcmp(export->path, "/hurry") || !export_match(export, &peer))
            abort();
        exports_put();
        (*rounds)++;
    }
    return NULL;
}

TEST(requests_and_reloads_at_once_never_meet_a_freed_table)
{
    pthread_t threads[3];
    _Atomic unsigned rounds = 0;

    hurry_over = false;
    assert_int_equal(fixture_load("/hurry,fs=counted,fsid=1,client=10.0.0.0/8", NULL), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hurry, &rounds), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(fixture_load(i % 2 ? "/hurry,fs=counted,fsid=1,client=10.0.0.0/8"
                                            : "/hurry,fs=counted,fsid=1,client=*",
                                      NULL),
                         0);
    while (rounds < 1000)
        usleep(500);
    hurry_over = true;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    test_note("%u requests during 100 reloads", (unsigned)rounds);
    exports_finish();
}
