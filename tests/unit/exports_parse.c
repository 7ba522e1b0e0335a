/*
 * exports_parse.c - tests of the exports file: words, lines, clients, options, complaints.
 */
#include "base/log.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "tests/unit/exports_fixture.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct export *draft_find(const struct draft *draft, const char *path)
{
    for (size_t i = 0; i < draft->count; i++)
        if (!strcmp(draft->entries[i].export.path, fixture_text(path)))
            return &draft->entries[i].export;
    fail_msg("no export %s", path);
    return NULL;
}

TEST(exports_without_options_have_the_defaults_of_exports_5)
{
    struct export_options o = fixture_options("$D/a host\n");

    assert_false(o.rw);
    assert_false(o.async);
    assert_true(o.secure);
    assert_true(o.root_squash);
    assert_false(o.all_squash);
    assert_false(o.crossmnt);
    assert_false(o.subtree_check);
    assert_false(o.ids_32bit);
    assert_false(o.has_fsid);
    assert_int_equal(o.anon_uid, 65534);
    assert_int_equal(o.anon_gid, 65534);
}

TEST(exports_options_and_their_negations_are_understood)
{
    assert_true(fixture_options("$D/a h(rw)").rw);
    assert_false(fixture_options("$D/a -rw h(ro)").rw);
    assert_true(fixture_options("$D/a h(async)").async);
    assert_false(fixture_options("$D/a -async h(sync)").async);
    assert_false(fixture_options("$D/a h(insecure)").secure);
    assert_true(fixture_options("$D/a -insecure h(secure)").secure);
    assert_false(fixture_options("$D/a h(no_root_squash)").root_squash);
    assert_true(fixture_options("$D/a -no_root_squash h(root_squash)").root_squash);
    assert_true(fixture_options("$D/a h(all_squash)").all_squash);
    assert_false(fixture_options("$D/a -all_squash h(no_all_squash)").all_squash);
    assert_true(fixture_options("$D/a h(subtree_check)").subtree_check);
    assert_false(fixture_options("$D/a -subtree_check h(no_subtree_check)").subtree_check);
    assert_true(fixture_options("$D/a h(crossmnt)").crossmnt);
    assert_false(fixture_options("$D/a h(crossmnt)").pseudo);
    assert_true(fixture_options("$D/a h(pseudo)").pseudo);
    assert_true(fixture_options("$D/a h(32bit_ids)").ids_32bit);
    assert_int_equal(fixture_options("$D/a h(anonuid=1000)").anon_uid, 1000);
    assert_int_equal(fixture_options("$D/a h(anonuid=-2)").anon_uid, 4294967294);
    assert_int_equal(fixture_options("$D/a h(anongid=100)").anon_gid, 100);
    assert_int_equal(fixture_options("$D/a h(fsid=7)").fsid, 7);
    assert_true(fixture_options("$D/a h(fsid=0)").has_fsid);
    assert_int_equal(fixture_options("$D/a h(fsid=root)").fsid, 0);
    assert_true(fixture_options("$D/a h(fsid=root)").has_fsid);
    assert_true(fixture_options("$D/a h(wdelay,no_wdelay,sec=sys,hide,rw)").rw);
    assert_true(fixture_options("$D/a h( rw , async )").async);
    assert_true(fixture_options("$D/a h(,rw,,)").rw);
    assert_false(fixture_options("$D/a h()").rw);
}

TEST(exports_wrong_options_are_refused_by_name)
{
    fixture_refuse("$D/a h(rw,rx)", EINVAL, "1: unknown option 'rx'");
    fixture_refuse("$D/a h(RW)", EINVAL, "1: unknown option 'RW'");
    fixture_refuse("$D/a h(no_crossmnt)", EINVAL, "1: unknown option 'no_crossmnt'");
    fixture_refuse("$D/a h(fs=memfs)", EINVAL, "1: unknown option 'fs=memfs'");
    fixture_refuse("$D/a h(rw=1)", EINVAL, "1: option 'rw=1': rw takes no value");
    fixture_refuse("$D/a h(anonuid)", EINVAL, "1: option 'anonuid': anonuid= takes a user id");
    fixture_refuse("$D/a h(anonuid=)", EINVAL, "1: option 'anonuid=': anonuid= takes a user id");
    fixture_refuse("$D/a h(anonuid=joe)", EINVAL,
                   "1: option 'anonuid=joe': anonuid= takes a user id");
    fixture_refuse("$D/a h(anonuid=-1)", EINVAL,
                   "1: option 'anonuid=-1': anonuid= takes a user id");
    fixture_refuse("$D/a h(anonuid=4294967295)", EINVAL,
                   "1: option 'anonuid=4294967295': anonuid= takes a user id");
    fixture_refuse("$D/a h(anongid=4294967296)", EINVAL,
                   "1: option 'anongid=4294967296': anongid= takes a group id");
    fixture_refuse("$D/a h(fsid=1x)", EINVAL,
                   "1: option 'fsid=1x': fsid= takes a number below 4294967296, or root");
    fixture_refuse("$D/a h(fsid=-1)", EINVAL,
                   "1: option 'fsid=-1': fsid= takes a number below 4294967296, or root");
    fixture_refuse("$D/a h(sec=krb5)", EINVAL,
                   "1: option 'sec=krb5': sec= takes sys: no other flavour is supported");
    fixture_refuse("$D/a h(nohide)", EINVAL,
                   "1: option 'nohide' is not supported: give crossmnt to the export of the "
                   "directory above it");
}

TEST(exports_a_line_may_have_several_clients_comments_and_continuations)
{
    struct draft draft;

    fixture_parse("# first a comment \\\n"
                  "\n"
                  "  $D/a one(rw) two \\\n"
                  "     three(ro,\\\n"
                  "           async)# and one here\n"
                  "\t$D/b 10.0.0.0/8(rw)\r\n"
                  "$D/a four(rw)",
                  &draft);
    assert_int_equal(draft.count, 2);
    const struct export *a = draft_find(&draft, "$D/a");
    assert_int_equal(a->nclients, 4);
    assert_string_equal(a->clients[0].text, "one");
    assert_true(a->clients[0].options.rw);
    assert_false(a->clients[1].options.rw);
    assert_string_equal(a->clients[2].text, "three");
    assert_true(a->clients[2].options.async);
    assert_string_equal(a->clients[3].text, "four");
    assert_int_equal(draft_find(&draft, "$D/b")->clients[0].prefix, 8);
    draft_finish(&draft);
}

TEST(exports_default_options_of_a_line_hold_for_the_clients_that_follow)
{
    struct draft draft;

    fixture_parse("$D/a -rw,anonuid=5 one two(ro) -async three\n"
                  "$D/b four\n",
                  &draft);
    const struct export_client *c = draft_find(&draft, "$D/a")->clients;
    assert_true(c[0].options.rw);
    assert_false(c[0].options.async);
    assert_false(c[1].options.rw);
    assert_int_equal(c[1].options.anon_uid, 5);
    assert_true(c[2].options.rw);
    assert_true(c[2].options.async);
    assert_false(draft_find(&draft, "$D/b")->clients[0].options.rw);
    draft_finish(&draft);
}

TEST(exports_a_blank_before_options_means_everybody_as_exports_5_has_it)
{
    struct draft draft;

    fixture_parse("$D/a host (rw)\n$D/b\n", &draft);
    const struct export *a = draft_find(&draft, "$D/a");
    assert_int_equal(a->nclients, 2);
    assert_string_equal(a->clients[0].text, "host");
    assert_false(a->clients[0].options.rw);
    assert_int_equal(a->clients[1].kind, EXPORT_CLIENT_ANY);
    assert_true(a->clients[1].options.rw);
    const struct export *b = draft_find(&draft, "$D/b");
    assert_int_equal(b->clients[0].kind, EXPORT_CLIENT_ANY);
    assert_false(b->clients[0].options.rw);
    draft_finish(&draft);
}

TEST(exports_paths_may_be_quoted_and_escaped)
{
    struct draft draft;

    host_mkdir(fixture_dir(), "with#hash,comma\303\244\\", 0755);
    fixture_parse("\"$D/with space\" one\n"
                  "$D/with\\040space two\n"
                  "$D/\"with space\" three\n"
                  "$D/with#hash\\054comma\\303\\244\\ one\n",
                  &draft);
    assert_int_equal(draft.count, 2);
    assert_int_equal(draft_find(&draft, "$D/with space")->nclients, 3);
    draft_find(&draft, "$D/with#hash,comma\303\244\\");
    draft_finish(&draft);
    fixture_refuse("\n\"$D/with space one\n\" two", EINVAL,
                   "2: a quote that is not closed on its line");
    fixture_refuse("$D/a\\000b one", EINVAL, "1: a NUL byte");
}

TEST(exports_wrong_lines_are_refused_with_their_number)
{
    fixture_refuse("\n\n$D/a one(rw", EINVAL, "3: '(' without ')' on its line");
    fixture_refuse("$D/a one(rw\n)", EINVAL, "1: '(' without ')' on its line");
    fixture_refuse("$D/a one(rw) \\\n two(rw \\\n", EINVAL, "2: '(' without ')' on its line");
    fixture_refuse("$D/a one(rw async)", EINVAL, "1: ',' or ')' expected after option 'rw'");
    fixture_refuse("$D/a one(rw)two(ro)", EINVAL, "1: blank expected after ')'");
    fixture_refuse("$D/a \\\n one(rw) \\\n two(oops)", EINVAL, "3: unknown option 'oops'");
    fixture_refuse("$D/a -oops one", EINVAL, "1: unknown option 'oops'");
}

TEST(exports_paths_must_be_absolute_directories_that_exist)
{
    char text[2000];

    host_write(fixture_dir(), "file", "text");
    host_symlink("nowhere", fixture_dir(), "dangling");
    fixture_refuse("a host", EINVAL, "1: 'a' is not an absolute path");
    fixture_refuse("\"\" host", EINVAL, "1: '' is not an absolute path");
    fixture_refuse("$D/../a host", EINVAL, "1: '$D/../a': write the path without '.' and '..'");
    fixture_refuse("$D/. host", EINVAL, "1: '$D/.': write the path without '.' and '..'");
    fixture_refuse("# x\n$D/none host", ENOENT,
                   "2: $D/none: No such file or directory; export a directory that exists");
    fixture_refuse("$D/dangling host", ENOENT,
                   "1: $D/dangling: No such file or directory; export a directory that exists");
    fixture_refuse("$D/file host", ENOTDIR,
                   "1: $D/file: Not a directory; export a directory that exists");
    memset(text, 'x', sizeof(text));
    text[0] = '/';
    strcpy(text + 1100, " host");
    fixture_refuse(text, ENAMETOOLONG,
                   "1: '/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' is too long: NFS has 1024 "
                   "bytes; give a shorter one");
}

TEST(exports_paths_are_kept_as_written_and_sources_resolved)
{
    struct draft draft;

    host_symlink("b", fixture_dir(), "link");
    fixture_parse("$D//a/// one\n$D/link one\n/ two", &draft);
    assert_int_equal(draft.count, 3);
    assert_string_equal(draft_find(&draft, "$D/a")->source, fixture_text("$D/a"));
    assert_string_equal(draft_find(&draft, "$D/link")->source, fixture_text("$D/b"));
    assert_string_equal(draft_find(&draft, "/")->source, "/");
    assert_string_equal(draft.entries[0].export.path, "/");
    draft_finish(&draft);
}

TEST(exports_the_same_client_twice_is_refused)
{
    fixture_refuse("$D/a one(rw) two\n$D/a/ ONE", EINVAL, "2: $D/a is exported to ONE twice");
    fixture_refuse("$D/a * \\\n (rw)", EINVAL, "2: $D/a is exported to * twice");
    fixture_refuse("$D/a 10.0.0.0/24 10.0.0.77/255.255.255.0", EINVAL,
                   "1: $D/a is exported to 10.0.0.77/255.255.255.0 twice");
    fixture_refuse("$D/a ::ffff:10.1.0.0/112 10.1.0.0/16", EINVAL,
                   "1: $D/a is exported to 10.1.0.0/16 twice");
}

TEST(exports_unsupported_and_impossible_clients_are_refused)
{
    fixture_refuse("$D/a @trusted(rw)", EINVAL,
                   "1: client '@trusted': netgroups are not supported: name hosts or networks");
    fixture_refuse("$D/a gss/krb5i(rw)", EINVAL,
                   "1: client 'gss/krb5i': Kerberos (RPCSEC_GSS) is not supported: name hosts or "
                   "networks");
    fixture_refuse("$D/a 10.0.0.0/33", EINVAL,
                   "1: client '10.0.0.0/33': not a prefix length or netmask for this address");
    fixture_refuse("$D/a 10.0.0.0/255.0.255.0", EINVAL,
                   "1: client '10.0.0.0/255.0.255.0': not a prefix length or netmask for this "
                   "address");
    fixture_refuse("$D/a 2001:db8::/129", EINVAL,
                   "1: client '2001:db8::/129': not a prefix length or netmask for this address");
    fixture_refuse("$D/a 10.0.0.256", EINVAL,
                   "1: client '10.0.0.256': neither an address, nor a network, nor a host name");
    fixture_refuse("$D/a ho$t", EINVAL,
                   "1: client 'ho$t': neither an address, nor a network, nor a host name");
    fixture_refuse("$D/a host/24", EINVAL,
                   "1: client 'host/24': neither an address, nor a network, nor a host name");
}

TEST(exports_with_one_number_are_refused_naming_both)
{
    fixture_refuse("$D/a one(fsid=5)\n$D/b one\n$D/c two(fsid=5)", EINVAL,
                   "3: $D/a and $D/c have the same number 5: give one of them another fsid=");
    fixture_refuse("$D/a one(fsid=5) two(fsid=6)", EINVAL,
                   "1: $D/a has two numbers: fsid=5 and fsid=6");
}

TEST(exports_are_numbered_by_path_or_fsid)
{
    struct draft draft;

    fixture_parse("$D/a one two(fsid=9)\n$D/b one\n/ one", &draft);
    assert_int_equal(draft_find(&draft, "$D/a")->id, 9);
    assert_int_equal(draft_find(&draft, "$D/a")->fsid, 9);
    assert_int_not_equal(draft_find(&draft, "$D/b")->id, draft_find(&draft, "/")->id);
    /* Clients hold this number in their handles: it must never change. */
    assert_int_equal(draft_find(&draft, "/")->id, 0x08cff2e6);
    draft_finish(&draft);
}

TEST(exports_words_of_one_list_may_not_contradict_each_other)
{
    static const char *const lists[] = {"rw,ro",
                                        "ro,rw",
                                        "sync,async",
                                        "no_root_squash,root_squash",
                                        "rw,async,ro",
                                        "secure,insecure",
                                        "fsid=1,fsid=2",
                                        "all_squash,no_all_squash",
                                        "anonuid=1,rw,anonuid=2"};
    char line[80], want[100];

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        snprintf(line, sizeof(line), "\n$D/a h(%s)", lists[i]);
        const char *last = strrchr(lists[i], ',') + 1;
        snprintf(want, sizeof(want), "2: option '%s' contradicts an earlier one of the same list",
                 last);
        fixture_refuse(line, EINVAL, want);
    }
    /* To say the same again, or to say otherwise for one client, is no contradiction. */
    assert_true(fixture_options("$D/a h(rw,sync,rw,fsid=7,fsid=7)").rw);
    assert_true(fixture_options("$D/a -ro h(rw)").rw);
}

TEST(exports_of_one_path_share_crossmnt_and_subtree_check)
{
    struct draft draft;

    fixture_parse("$D/a one(crossmnt,pseudo) two(subtree_check)\n$D/b one", &draft);
    assert_true(draft_find(&draft, "$D/a")->crossmnt);
    assert_true(draft_find(&draft, "$D/a")->pseudo);
    assert_true(draft_find(&draft, "$D/a")->subtree_check);
    assert_false(draft_find(&draft, "$D/b")->crossmnt);
    assert_false(draft_find(&draft, "$D/b")->subtree_check);
    draft_finish(&draft);
}

TEST(exports_an_empty_file_exports_nothing_and_a_missing_one_is_an_error)
{
    struct draft draft;

    fixture_parse("", &draft);
    assert_int_equal(draft.count, 0);
    draft_finish(&draft);
    fixture_parse("# nothing", &draft);
    assert_int_equal(draft.count, 0);
    draft_finish(&draft);

    draft_init(&draft, fixture_message, sizeof(fixture_message));
    assert_int_equal(parse_file(&draft, fixture_text("$D/no-exports")), EINVAL);
    assert_string_equal(
        fixture_message,
        fixture_text(
            "$D/no-exports: No such file or directory; name a file as loopnfs-exports(5) has it"));
    draft_finish(&draft);
    draft_init(&draft, fixture_message, sizeof(fixture_message));
    assert_int_equal(parse_file(&draft, fixture_dir()), EINVAL);
    draft_finish(&draft);
}

TEST(exports_files_of_random_bytes_are_survived)
{
    static const char alphabet[] = "/a$ \t\n\\\"()-,#*?@=0129.:rwos[]";
    const char *file = fixture_text("$D/exports");
    char text[200];

    srandom(7);
    log_init(LOG_LEVEL_ERROR);
    for (int round = 0; round < 3000; round++) {
        struct draft draft;
        size_t len = (size_t)random() % (sizeof(text) - 1);

        for (size_t i = 0; i < len; i++)
            text[i] = alphabet[(size_t)random() % (sizeof(alphabet) - 1)];
        text[len] = '\0';
        memcpy(text, "/ ", len < 2 ? 0 : 2);
        host_write(fixture_dir(), "exports", text);
        draft_init(&draft, fixture_message, sizeof(fixture_message));
        if (parse_file(&draft, file))
            assert_string_not_equal(fixture_message, "");
        draft_finish(&draft);
    }
    log_init(LOG_LEVEL_INFO);
}
