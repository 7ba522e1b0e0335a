/*
 * exports_match.c - tests of who is a client: by path, by address, by name.
 */
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "tests/unit/exports_fixture.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

/* The text of the client that an address is, under the export numbered `id`; NULL. */
static const char *matched(uint32_t id, const char *peer_text)
{
    const struct exports *table = exports_get();
    const struct export *export = exports_by_id(table, id);
    struct address peer = fixture_address(peer_text);

    assert_non_null(export);
    const struct export_client *client = export_match(export, &peer);
    /* Once more: now from what the thread remembers. */
    assert_ptr_equal(export_match(export, &peer), client);
    exports_put();
    return client ? client->text : NULL;
}

static const char *path_of(const char *path, const char **rest_text)
{
    static char rest_copy[2000];
    struct view view = {.data = (const uint8_t *)path, .len = (uint32_t)strlen(path)};
    struct view rest = {0};
    const struct export *export = exports_by_path(exports_get(), view, &rest);

    exports_put();
    if (!export)
        return NULL;
    memcpy(rest_copy, rest.data, rest.len);
    rest_copy[rest.len] = '\0';
    *rest_text = rest_copy;
    return export->path;
}

static void expect_path(const char *path, const char *export, const char *expected_rest)
{
    const char *rest = "";

    assert_string_equal(path_of(path, &rest), export);
    assert_string_equal(rest, expected_rest);
}

static void expect_no_path(const char *path)
{
    const char *rest;

    assert_null(path_of(path, &rest));
}

TEST(an_export_ends_at_a_component_boundary)
{
    assert_int_equal(fixture_load("/x/export,fs=counted", "/x/export/deep,fs=counted", NULL), 0);
    expect_path("/x/export", "/x/export", "");
    expect_path("/x/export/", "/x/export", "");
    expect_path("//x///export//sub//dir//", "/x/export", "sub/dir");
    expect_path("/x/export/deep", "/x/export/deep", "");
    expect_path("/x/export/deep/er", "/x/export/deep", "er");
    expect_path("/x/export/deeper", "/x/export", "deeper");
    expect_no_path("/x/export2");
    expect_no_path("/x/expor");
    expect_no_path("/x");
    expect_no_path("/");
    expect_no_path("");
    expect_no_path("x/export");
    expect_no_path("/x/export/..");
    expect_no_path("/x/export/../../etc");
    expect_path("/x/export/.../..a", "/x/export", ".../..a");
    exports_finish();
}

TEST(dots_in_a_path_are_dealt_with_as_text_and_never_lead_above_the_root)
{
    assert_int_equal(fixture_load("/x/export,fs=counted", "/x/export/deep,fs=counted", NULL), 0);
    expect_path("/x/./export/.", "/x/export", "");
    expect_path("/x/export/../export", "/x/export", "");
    expect_path("/x/export/a/b/../..//c/.", "/x/export", "c");
    expect_path("/x/export/nowhere/../deep/..", "/x/export", "");
    expect_path("/../../x/../x/export/a", "/x/export", "a");
    expect_path("/x/export/deep/../../export/deep", "/x/export/deep", "");
    expect_no_path("/x/export/deep/../..");
    expect_no_path("/..");
    expect_no_path("..");
    exports_finish();
}

TEST(an_export_of_the_root_serves_every_path)
{
    assert_int_equal(fixture_load("/,fs=counted", "/x,fs=counted", NULL), 0);
    expect_path("/", "/", "");
    expect_path("///", "/", "");
    expect_path("/../y/..", "/", "");
    expect_path("/y/z", "/", "y/z");
    expect_path("/x/z", "/x", "z");
    exports_finish();
}

TEST(an_overlong_path_or_one_with_a_nul_has_no_export)
{
    char path[1100];
    struct view view = {.data = (const uint8_t *)path, .len = sizeof(path)}, rest;

    assert_int_equal(fixture_load("/,fs=counted", NULL), 0);
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    assert_null(exports_by_path(exports_get(), view, &rest));
    view.len = 1024;
    assert_non_null(exports_by_path(exports_get(), view, &rest));
    assert_int_equal(rest.len, 1023);
    path[7] = '\0';
    assert_null(exports_by_path(exports_get(), view, &rest));
    exports_put();
    exports_finish();
}

TEST(exports_are_found_by_their_number)
{
    assert_int_equal(fixture_load("/a,fs=counted,fsid=30", "/b,fs=counted,fsid=10",
                                  "/c,fs=counted,fsid=20", NULL),
                     0);
    const struct exports *table = exports_get();
    assert_string_equal(exports_by_id(table, 10)->path, "/b");
    assert_string_equal(exports_by_id(table, 20)->path, "/c");
    assert_string_equal(exports_by_id(table, 30)->path, "/a");
    assert_null(exports_by_id(table, 0));
    assert_null(exports_by_id(table, 15));
    assert_null(exports_by_id(table, 31));
    exports_put();
    exports_finish();
}

TEST(addresses_match_networks_bit_by_bit)
{
    assert_int_equal(fixture_load("/a,fs=counted,fsid=1,client=192.0.2.129/25,client=10.1.2.3,"
                                  "client=172.16.0.0/255.240.0.0",
                                  "/b,fs=counted,fsid=2,client=2001:db8:8000::/33,client=fe80::1",
                                  "/c,fs=counted,fsid=3,client=0.0.0.0/0", NULL),
                     0);
    assert_string_equal(matched(1, "192.0.2.128"), "192.0.2.129/25");
    assert_string_equal(matched(1, "192.0.2.255"), "192.0.2.129/25");
    assert_null(matched(1, "192.0.2.127"));
    assert_null(matched(1, "192.0.3.129"));
    assert_string_equal(matched(1, "10.1.2.3"), "10.1.2.3");
    assert_string_equal(matched(1, "::ffff:10.1.2.3"), "10.1.2.3");
    assert_null(matched(1, "10.1.2.2"));
    assert_string_equal(matched(1, "172.31.255.1"), "172.16.0.0/255.240.0.0");
    assert_null(matched(1, "172.32.0.1"));
    assert_null(matched(1, "2001:db8::1"));
    assert_string_equal(matched(2, "2001:db8:ffff::1"), "2001:db8:8000::/33");
    assert_null(matched(2, "2001:db8:7fff::1"));
    assert_null(matched(2, "32.1.13.184"));
    assert_string_equal(matched(2, "fe80::1"), "fe80::1");
    assert_string_equal(matched(3, "203.0.113.9"), "0.0.0.0/0");
    assert_null(matched(3, "2001:db8::1"));
    exports_finish();
}

TEST(the_most_specific_client_decides_whatever_the_order)
{
    assert_int_equal(
        fixture_load("/a,fs=counted,fsid=1,client=*,client=10.0.0.0/8,client=10.1.0.0/16,"
                     "client=10.1.1.0/24,client=10.1.1.1",
                     NULL),
        0);
    assert_string_equal(matched(1, "10.1.1.1"), "10.1.1.1");
    assert_string_equal(matched(1, "10.1.1.2"), "10.1.1.0/24");
    assert_string_equal(matched(1, "10.1.2.2"), "10.1.0.0/16");
    assert_string_equal(matched(1, "10.2.2.2"), "10.0.0.0/8");
    assert_string_equal(matched(1, "192.0.2.1"), "*");
    assert_string_equal(matched(1, "2001:db8::1"), "*");
    exports_finish();
}

TEST(this_host_is_its_loopback_and_own_addresses)
{
    assert_int_equal(
        fixture_load("/a,fs=counted,fsid=1", "/b,fs=counted,fsid=2,client=203.0.113.9", NULL), 0);
    assert_string_equal(matched(1, "127.0.0.1"), "localhost");
    assert_string_equal(matched(1, "127.3.2.1"), "localhost");
    assert_string_equal(matched(1, "::1"), "localhost");
    assert_null(matched(1, "203.0.113.9"));
    /* One export's answer is not another's. */
    assert_string_equal(matched(2, "203.0.113.9"), "203.0.113.9");
    assert_null(matched(2, "127.0.0.1"));
    exports_finish();
}

/* Whoever owns 192.0.2.evil.example has a name that the pattern would fit. */
TEST(patterns_of_digits_match_addresses_and_never_names)
{
    host_private_mounts();
    host_write(fixture_dir(), "hosts",
               "127.0.0.1 localhost\n203.0.113.9 192.0.2.evil.example\n"
               "203.0.113.10 192.0.2.7x\n192.0.2.20 good.example\n");
    host_write(fixture_dir(), "nsswitch.conf", "hosts: files\n");
    host_mount_bind(fixture_text("$D/hosts"), "/etc/hosts");
    host_mount_bind(fixture_text("$D/nsswitch.conf"), "/etc/nsswitch.conf");
    names_clear();
    assert_int_equal(fixture_load("/a,fs=counted,fsid=1,client=192.0.2.*",
                                  "/b,fs=counted,fsid=2,client=192.0.2.?",
                                  "/c,fs=counted,fsid=3,client=192.0.2.*.example", NULL),
                     0);
    assert_string_equal(matched(1, "192.0.2.1"), "192.0.2.*");
    assert_string_equal(matched(1, "192.0.2.20"), "192.0.2.*");
    assert_null(matched(1, "203.0.113.9"));
    assert_null(matched(1, "192.0.20.1"));
    assert_null(matched(1, "2001:db8::1"));
    assert_string_equal(matched(2, "192.0.2.7"), "192.0.2.?");
    assert_null(matched(2, "192.0.2.20"));
    assert_null(matched(2, "203.0.113.10"));
    /* One with letters is of names. */
    assert_string_equal(matched(3, "203.0.113.9"), "192.0.2.*.example");
    exports_finish();
    names_clear();
    assert_int_equal(umount("/etc/nsswitch.conf"), 0);
    assert_int_equal(umount("/etc/hosts"), 0);
}

TEST(host_names_match_forward_and_wildcards_only_when_the_name_leads_back)
{
    host_private_mounts();
    host_write(fixture_dir(), "hosts",
               "127.0.0.1 localhost\n"
               "192.0.2.10 one.lab.example\n"
               "192.0.2.11 two.sub.lab.example alias\n"
               "2001:db8::11 two.sub.lab.example\n");
    host_write(fixture_dir(), "nsswitch.conf", "hosts: files\n");
    host_mount_bind(fixture_text("$D/hosts"), "/etc/hosts");
    host_mount_bind(fixture_text("$D/nsswitch.conf"), "/etc/nsswitch.conf");
    names_clear();

    assert_int_equal(
        fixture_load(
            "/a,fs=counted,fsid=1,client=ONE.lab.example,client=192.0.2.0/24",
            "/b,fs=counted,fsid=2,client=*.lab.example",
            "/c,fs=counted,fsid=3,client=*.Sub.lab.example,client=?ne.lab.example,client=*",
            "/d,fs=counted,fsid=4,client=unknown.lab.example", NULL),
        0);
    assert_string_equal(matched(1, "192.0.2.10"), "ONE.lab.example");
    assert_string_equal(matched(1, "192.0.2.11"), "192.0.2.0/24");
    assert_string_equal(matched(2, "192.0.2.10"), "*.lab.example");
    assert_string_equal(matched(2, "192.0.2.11"), "*.lab.example");
    assert_string_equal(matched(2, "2001:db8::11"), "*.lab.example");
    assert_null(matched(2, "192.0.2.12"));
    assert_null(matched(2, "127.0.0.1"));
    assert_string_equal(matched(3, "192.0.2.10"), "?ne.lab.example");
    assert_string_equal(matched(3, "192.0.2.11"), "*.Sub.lab.example");
    assert_string_equal(matched(3, "192.0.2.13"), "*");
    assert_null(matched(4, "192.0.2.10"));
    exports_finish();
    assert_int_equal(umount("/etc/nsswitch.conf"), 0);
}

TEST(whom_an_export_is_for_is_told_without_asking_for_names)
{
    static const struct {
        const char *clients;
        bool us, others4, others6;
    } cases[] = {
        {"*", true, true, true},
        {"127.0.0.1", true, false, false},
        {"127.0.0.0/8", true, false, false},
        {"localhost", true, false, false},
        {"::1", false, false, false},
        {"192.0.2.0/24", false, true, false},
        {"2001:db8::/32", false, false, true},
        {"no.such.host.invalid", false, true, true},
        {"*.invalid", false, true, true},
    };
    struct address loopback;
    char line[200];

    address_parse("127.0.0.1", 0, &loopback);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(line, sizeof(line), "/x,fs=counted,client=%s", cases[i].clients);
        assert_int_equal(fixture_load(line, NULL), 0);
        const struct export *export = &exports_get()->list[0];
        test_note("%s", cases[i].clients);
        assert_int_equal(export_admits_us(export, &loopback), cases[i].us);
        assert_int_equal(export_admits_others(export, AF_INET, NULL), cases[i].others4);
        assert_int_equal(export_admits_others(export, AF_INET6, NULL), cases[i].others6);
        exports_put();
    }
}

TEST(an_address_near_other_hosts_is_one_in_their_network)
{
    struct address near, far;

    address_parse("192.0.2.7", 0, &near);
    address_parse("198.51.100.7", 0, &far);
    assert_int_equal(fixture_load("/x,fs=counted,client=192.0.2.0/24", NULL), 0);
    assert_true(export_admits_others(&exports_get()->list[0], AF_INET, &near));
    assert_false(export_admits_others(&exports_get()->list[0], AF_INET, &far));
    exports_put();
}
