/*
 * exports_command_line.c - tests of --export and of plain directories.
 */
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "tests/unit/exports_fixture.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static void spec_parse(const char *spec, struct draft *draft)
{
    draft_init(draft, fixture_message, sizeof(fixture_message));
    if (parse_spec(draft, fixture_text(spec)) || draft_settle(draft))
        fail_msg("%s", fixture_message);
}

static void spec_refuse(const char *spec, int err, const char *message)
{
    struct draft draft;

    draft_init(&draft, fixture_message, sizeof(fixture_message));
    assert_int_equal(parse_spec(&draft, fixture_text(spec)), err);
    draft_finish(&draft);
    assert_memory_equal(fixture_message, "--export ", 9);
    assert_memory_equal(fixture_message + 9, fixture_text(spec), strlen(fixture_text(spec)));
    assert_string_equal(fixture_message + 9 + strlen(fixture_text(spec)), fixture_text(message));
}

TEST(export_option_without_client_is_for_this_host_read_only_and_squashed)
{
    struct draft draft;

    spec_parse("$D/a", &draft);
    assert_int_equal(draft.count, 1);
    const struct export *export = &draft.entries[0].export;
    assert_string_equal(export->type, "hostfs");
    assert_string_equal(export->source, fixture_text("$D/a"));
    assert_int_equal(export->nclients, 1);
    assert_int_equal(export->clients[0].kind, EXPORT_CLIENT_SELF);
    assert_false(export->clients[0].options.rw);
    assert_true(export->clients[0].options.root_squash);
    assert_true(export->clients[0].options.secure);
    draft_finish(&draft);
}

TEST(export_option_words_hold_for_all_its_clients)
{
    struct draft draft;

    spec_parse("$D/a,client=10.0.0.0/8,rw,client=vm1,insecure,fsid=3,source=$D/b", &draft);
    const struct export *export = &draft.entries[0].export;
    assert_string_equal(export->path, fixture_text("$D/a"));
    assert_string_equal(export->source, fixture_text("$D/b"));
    assert_int_equal(export->id, 3);
    assert_int_equal(export->nclients, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(export->clients[i].options.rw);
        assert_false(export->clients[i].options.secure);
    }
    assert_string_equal(export->clients[0].text, "vm1");
    assert_string_equal(export->clients[1].text, "10.0.0.0/8");
    draft_finish(&draft);
}

TEST(export_option_names_a_source_elsewhere_and_other_file_systems)
{
    struct draft draft;

    spec_parse("/not/here,source=$D/a/", &draft);
    assert_string_equal(draft.entries[0].export.path, "/not/here");
    assert_string_equal(draft.entries[0].export.source, fixture_text("$D/a"));
    draft_finish(&draft);
    spec_parse("/mem,fs=counted", &draft);
    assert_string_equal(draft.entries[0].export.type, "counted");
    assert_null(draft.entries[0].export.source);
    draft_finish(&draft);
    spec_parse("/mem,fs=counted,source=anything at all", &draft);
    assert_string_equal(draft.entries[0].export.source, "anything at all");
    draft_finish(&draft);
}

TEST(export_option_may_quote_and_escape_commas)
{
    struct draft draft;

    host_mkdir(fixture_dir(), "x,rw", 0755);
    spec_parse("\"$D/x,rw\",async", &draft);
    assert_string_equal(draft.entries[0].export.path, fixture_text("$D/x,rw"));
    assert_false(draft.entries[0].export.clients[0].options.rw);
    assert_true(draft.entries[0].export.clients[0].options.async);
    draft_finish(&draft);
    spec_parse("$D/x\\054rw", &draft);
    assert_string_equal(draft.entries[0].export.path, fixture_text("$D/x,rw"));
    draft_finish(&draft);
}

TEST(export_option_complaints_name_the_argument_and_the_word)
{
    spec_refuse("$D/a,rx", EINVAL, ": unknown option 'rx'");
    spec_refuse("$D/a,client=@all", EINVAL,
                ": client '@all': netgroups are not supported: name hosts or networks");
    spec_refuse("$D/a,fs=x,fs=y", EINVAL, ": 'fs=y' is the second of its kind");
    spec_refuse("$D/a,source=$D/b,source=$D/b", EINVAL,
                ": 'source=$D/b' is the second of its kind");
    spec_refuse("$D/a,client=one,client=one", EINVAL, ": $D/a is exported to one twice");
    spec_refuse("a,fs=counted", EINVAL, ": 'a' is not an absolute path");
    spec_refuse("", EINVAL, ": a path is empty; export a directory that exists");
    spec_refuse("$D/none,rw", ENOENT,
                ": $D/none: No such file or directory; export a directory that exists");
    spec_refuse("\"$D/a,rw", EINVAL, ": a quote that is not closed on its line");
}

TEST(export_of_a_path_already_exported_must_have_the_same_source)
{
    struct draft draft;

    spec_parse("$D/a,client=one", &draft);
    assert_int_equal(parse_spec(&draft, fixture_text("$D/a,client=two,rw")), 0);
    assert_int_equal(draft.count, 1);
    assert_int_equal(draft.entries[0].export.nclients, 2);
    assert_int_equal(parse_spec(&draft, fixture_text("$D/a,client=three,source=$D/b")), EINVAL);
    assert_non_null(strstr(fixture_message, "is already exported, with another fs= or source="));
    draft_finish(&draft);
}

TEST(a_plain_directory_is_for_root_of_this_host_to_write)
{
    struct draft draft;

    host_mkdir(fixture_dir(), "plain,ro", 0755);
    draft_init(&draft, fixture_message, sizeof(fixture_message));
    assert_int_equal(parse_dir(&draft, fixture_text("$D/plain,ro")), 0);
    const struct export *export = &draft.entries[0].export;
    assert_string_equal(export->path, fixture_text("$D/plain,ro"));
    assert_int_equal(export->clients[0].kind, EXPORT_CLIENT_SELF);
    assert_true(export->clients[0].options.rw);
    assert_true(export->clients[0].options.secure);
    assert_false(export->clients[0].options.root_squash);
    draft_finish(&draft);
}

TEST(a_relative_directory_is_made_absolute)
{
    char here[4096];
    struct draft draft;

    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(chdir(fixture_dir()), 0);
    draft_init(&draft, fixture_message, sizeof(fixture_message));
    assert_int_equal(parse_dir(&draft, "a"), 0);
    assert_int_equal(parse_dir(&draft, fixture_text("$D/a/../b/.")), 0);
    assert_string_equal(draft.entries[0].export.path, fixture_text("$D/a"));
    assert_string_equal(draft.entries[1].export.path, fixture_text("$D/b"));
    assert_int_equal(parse_dir(&draft, "b/"), EINVAL);
    assert_string_equal(fixture_message, fixture_text("$D/b is exported to this host twice"));
    draft_finish(&draft);
    assert_int_equal(chdir(here), 0);
}

TEST(a_relative_path_of_an_export_is_made_absolute)
{
    char here[4096];
    struct draft draft;

    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(chdir(fixture_dir()), 0);
    spec_parse("a,rw", &draft);
    assert_string_equal(draft.entries[0].export.path, fixture_text("$D/a"));
    draft_finish(&draft);
    spec_parse("./a/../b,rw", &draft);
    assert_string_equal(draft.entries[0].export.path, fixture_text("$D/b"));
    draft_finish(&draft);
    spec_parse("/named,source=b", &draft);
    assert_string_equal(draft.entries[0].export.path, "/named");
    assert_string_equal(draft.entries[0].export.source, fixture_text("$D/b"));
    draft_finish(&draft);
    assert_int_equal(chdir(here), 0);
}

TEST(a_directory_named_by_a_link_has_the_name_that_was_typed_and_its_own)
{
    const char *typed[] = {fixture_text("$D/link"), "link", "./link/."};
    struct draft draft;
    char here[4096];

    host_symlink("a", fixture_dir(), "link");
    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(chdir(fixture_dir()), 0);
    for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
        static const char *const names[] = {"$D/link/below", "$D/a/below"};
        draft_init(&draft, fixture_message, sizeof(fixture_message));
        assert_int_equal(parse_dir(&draft, typed[i]), 0);
        const struct exports table = {.count = 1, .list = &draft.entries[0].export};
        assert_string_equal(table.list[0].path, fixture_text("$D/link"));
        for (size_t n = 0; n < 2; n++) {
            const char *name = fixture_text(names[n]);
            struct view rest, path = {(const uint8_t *)name, (uint32_t)strlen(name)};
            assert_ptr_equal(exports_by_path(&table, path, &rest), &table.list[0]);
            assert_int_equal(rest.len, strlen("below"));
        }
        draft_finish(&draft);
    }
    assert_int_equal(chdir(here), 0);
}

TEST(a_directory_that_is_none_is_refused)
{
    struct draft draft;

    host_write(fixture_dir(), "file", "text");
    draft_init(&draft, fixture_message, sizeof(fixture_message));
    assert_int_equal(parse_dir(&draft, fixture_text("$D/nothing")), ENOENT);
    assert_string_equal(
        fixture_message,
        fixture_text("$D/nothing: No such file or directory; export a directory that exists"));
    draft_init(&draft, fixture_message, sizeof(fixture_message));
    assert_int_equal(parse_dir(&draft, "no-such-directory"), ENOENT);
    assert_non_null(
        strstr(fixture_message,
               "/no-such-directory: No such file or directory; export a directory that exists"));
    draft_init(&draft, fixture_message, sizeof(fixture_message));
    assert_int_equal(parse_dir(&draft, fixture_text("$D/file")), ENOTDIR);
    draft_init(&draft, fixture_message, sizeof(fixture_message));
    assert_int_equal(parse_dir(&draft, ""), EINVAL);
    draft_finish(&draft);
}
