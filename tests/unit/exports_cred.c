/*
 * exports_cred.c - tests of squash and of groups looked up by uid.
 */
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "tests/unit/exports_fixture.h"
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

static const struct rpc_auth caller = {
    .flavor = RPC_AUTH_SYS, .uid = 1000, .gid = 100, .ngids = 3, .gids = {20, 0, 30}};

static struct export_client client_with(const char *option, const char *another)
{
    struct export_client client = {0};
    struct draft draft;
    uint32_t said = 0;

    draft_init(&draft, fixture_message, sizeof(fixture_message));
    options_default(&client.options);
    assert_int_equal(options_apply(&draft, &client.options, &said, option), 0);
    assert_int_equal(options_apply(&draft, &client.options, &said, another), 0);
    return client;
}

static void expect_cred(const struct cred *cred, uint32_t uid, uint32_t gid, uint32_t ngroups,
                        const gid_t *groups)
{
    assert_int_equal(cred->uid, uid);
    assert_int_equal(cred->gid, gid);
    assert_int_equal(cred->ngroups, ngroups);
    for (uint32_t i = 0; i < ngroups; i++)
        assert_int_equal(cred->groups[i], groups[i]);
    if (!ngroups)
        assert_null(cred->groups);
}

TEST(root_squash_takes_away_uid_0_and_gid_0_everywhere)
{
    struct export_client client = client_with("root_squash", "anonuid=7");
    struct export_cred_storage storage;
    struct rpc_auth root = {.flavor = RPC_AUTH_SYS, .ngids = 1, .gids = {0}};
    struct cred cred;

    export_cred(&client, &caller, &cred, &storage);
    expect_cred(&cred, 1000, 100, 3, (gid_t[]){20, 65534, 30});
    export_cred_release(&storage);
    export_cred(&client, &root, &cred, &storage);
    expect_cred(&cred, 7, 65534, 1, (gid_t[]){65534});
    export_cred_release(&storage);
}

TEST(no_root_squash_leaves_the_caller_as_he_is)
{
    struct export_client client = client_with("no_root_squash", "anonuid=7");
    struct export_cred_storage storage;
    struct rpc_auth root = {.flavor = RPC_AUTH_SYS};
    struct cred cred;

    export_cred(&client, &caller, &cred, &storage);
    expect_cred(&cred, 1000, 100, 3, (gid_t[]){20, 0, 30});
    export_cred(&client, &root, &cred, &storage);
    expect_cred(&cred, 0, 0, 0, NULL);
}

TEST(all_squash_and_auth_none_are_anonymous_without_groups)
{
    struct export_client client = client_with("all_squash", "anongid=8");
    struct export_client open = client_with("no_root_squash", "anonuid=9");
    struct export_cred_storage storage;
    struct rpc_auth none = {.flavor = RPC_AUTH_NONE};
    struct cred cred;

    export_cred(&client, &caller, &cred, &storage);
    expect_cred(&cred, 65534, 8, 0, NULL);
    export_cred(&open, &none, &cred, &storage);
    expect_cred(&cred, 9, 65534, 0, NULL);
}

TEST(the_id_minus_one_is_nobodys)
{
    struct export_client client = client_with("no_root_squash", "anonuid=9");
    struct export_cred_storage storage;
    struct rpc_auth auth = {.flavor = RPC_AUTH_SYS,
                            .uid = UINT32_MAX,
                            .gid = UINT32_MAX,
                            .ngids = 2,
                            .gids = {5, UINT32_MAX}};
    struct cred cred;

    export_cred(&client, &auth, &cred, &storage);
    expect_cred(&cred, 9, 65534, 2, (gid_t[]){5, 65534});
}

TEST(credentials_are_sealed_after_squash)
{
    struct export_client squashed = client_with("root_squash", "anonuid=7");
    struct export_cred_storage storage;
    struct rpc_auth root = {.flavor = RPC_AUTH_SYS};
    struct rpc_auth nobody = {.flavor = RPC_AUTH_SYS, .uid = 7, .gid = 65534};
    struct cred a, b, c;

    export_cred(&squashed, &root, &a, &storage);
    export_cred(&squashed, &nobody, &b, &storage);
    export_cred(&squashed, &caller, &c, &storage);
    assert_true(a.hash == b.hash);
    assert_true(a.hash != c.hash);
}

/* Whatever a thread remembers of the last one. */
TEST(a_seal_is_the_credentials_own_whoever_came_before)
{
    struct export_client client = client_with("no_root_squash", "anonuid=7");
    struct export_cred_storage storage;
    struct rpc_auth auths[] = {
        {.flavor = RPC_AUTH_SYS, .uid = 5, .gid = 6, .ngids = 2, .gids = {7, 8}},
        {.flavor = RPC_AUTH_SYS, .uid = 5, .gid = 6, .ngids = 2, .gids = {7, 9}},
        {.flavor = RPC_AUTH_SYS, .uid = 5, .gid = 6, .ngids = 1, .gids = {7}},
        {.flavor = RPC_AUTH_SYS, .uid = 5, .gid = 6},
        {.flavor = RPC_AUTH_SYS, .uid = 5, .gid = 7},
        {.flavor = RPC_AUTH_SYS, .uid = 4, .gid = 7},
        {.flavor = RPC_AUTH_NONE}};

    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < sizeof(auths) / sizeof(auths[0]); i++) {
            struct cred cred;
            export_cred(&client, &auths[i], &cred, &storage);
            uint64_t hash = cred.hash;
            if (round % 2 == 1) /* twice in a row */
                export_cred(&client, &auths[i], &cred, &storage);
            assert_true(cred.hash == hash);
            cred_seal(&cred);
            assert_true(cred.hash == hash);
        }
    }
}

TEST(managed_gids_come_from_this_hosts_database_and_exceed_16)
{
    struct export_client client = client_with("root_squash", "anongid=77");
    struct export_cred_storage storage, more;
    struct rpc_auth auth = {
        .flavor = RPC_AUTH_SYS, .uid = 4242, .gid = 100, .ngids = 1, .gids = {3}};
    struct cred cred;
    char groups[4096] = "root:x:0:many\n";

    host_private_mounts();
    for (int i = 0; i < 40; i++)
        sprintf(groups + strlen(groups), "g%d:x:%d:many,root\n", i, 5000 + i);
    host_write(fixture_dir(), "group", groups);
    host_write(fixture_dir(), "passwd",
               "root:x:0:0::/root:/bin/sh\nmany:x:4242:4999::/home:/bin/sh\n");
    host_write(fixture_dir(), "nsswitch.conf", "passwd: files\ngroup: files\n");
    host_mount_bind(fixture_text("$D/group"), "/etc/group");
    host_mount_bind(fixture_text("$D/passwd"), "/etc/passwd");
    host_mount_bind(fixture_text("$D/nsswitch.conf"), "/etc/nsswitch.conf");
    groups_clear();

    export_manage_gids(true);
    export_cred(&client, &auth, &cred, &storage);
    assert_int_equal(cred.uid, 4242);
    assert_int_equal(cred.gid, 100);
    assert_int_equal(cred.ngroups, 42);
    bool last = false, squashed = false, given = false;
    for (uint32_t i = 0; i < cred.ngroups; i++) {
        assert_int_not_equal(cred.groups[i], 0);
        last |= cred.groups[i] == 5039;
        squashed |= cred.groups[i] == 77;
        given |= cred.groups[i] == 3;
    }
    assert_true(last);
    assert_true(squashed);
    assert_false(given);

    /* Another request of the same user, while the first one lives, and after the cache is gone. */
    export_cred(&client, &auth, &cred, &more);
    export_cred_release(&storage);
    groups_clear();
    assert_int_equal(cred.groups[cred.ngroups - 1] != 0, true);
    export_cred_release(&more);

    /* Who is not in the database has none, whatever the call says. */
    auth.uid = 987654;
    export_cred(&client, &auth, &cred, &storage);
    expect_cred(&cred, 987654, 100, 0, NULL);
    export_cred_release(&storage);
    /* A squashed root has none of root's. */
    auth.uid = 0;
    export_cred(&client, &auth, &cred, &storage);
    expect_cred(&cred, 65534, 100, 0, NULL);
    export_cred_release(&storage);
    export_manage_gids(false);
    groups_clear();
    assert_int_equal(umount("/etc/nsswitch.conf"), 0);
}

/* A database that can't be read, as one that is asked over a network and does not answer. */
TEST(while_the_user_database_fails_nobody_has_the_groups_he_claims)
{
    struct export_client client = client_with("root_squash", "anongid=77");
    struct export_cred_storage storage;
    struct cred cred;

    host_private_mounts();
    host_write(fixture_dir(), "nsswitch.conf", "passwd: nosuchservice\ngroup: nosuchservice\n");
    host_mount_bind(fixture_text("$D/nsswitch.conf"), "/etc/nsswitch.conf");
    groups_clear();
    export_manage_gids(true);
    export_cred(&client, &caller, &cred, &storage);
    expect_cred(&cred, 1000, 100, 0, NULL);
    export_cred_release(&storage);
    export_manage_gids(false);
    groups_clear();
    assert_int_equal(umount("/etc/nsswitch.conf"), 0);
}
