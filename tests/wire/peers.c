/*
 * peers.c - clients on this host: a port below 1024 says nothing about who calls, the owner of the
 * socket does.
 *
 * Sockets of other users are made with their effective uid, and without root's capabilities, so
 * low ports need what gives them to an attacker: the sysctl, in a network namespace of the test.
 */
#include "tests/lib/network.h"
#include "tests/wire/wire.h"
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* In Debian's user database, with gid 1; and in nobody's. */
#define DAEMON     1
#define NOT_A_USER 54321
#define ANONYMOUS  65534

/* A server whose namespace lets everybody have every port; `option` may be NULL. */
static void begin_with_free_ports(struct mounted *m, const char *option)
{
    test_skip_in_variant("user", "an ordinary user has no other identities");
    network_private();
    network_free_ports();
    server_prepare(&m->server, NULL);
    m->server.ipv6 = true;
    if (option != NULL)
        server_add_arg(&m->server, option);
    mounted_begin_prepared(m);
    host_chmod(m->dir, NULL, 0755);
    host_mkdir(m->dir, "open", 0777);
    host_write(m->dir, "private", "root's");
    host_chmod(m->dir, "private", 0640);
}

/* A client of this user, from a low port unless CLIENT_UNPRIVILEGED. */
static void connect_as(struct client *client, uid_t uid, uint16_t port, int flags)
{
    const char *address = flags & CLIENT_IPV6 ? "::1" : "127.0.0.1";

    assert_int_equal(seteuid(uid), 0);
    client_connect_between(client, address, address, port, flags);
    assert_int_equal(seteuid(0), 0);
}

/* As whom a client makes things in the directory that is open to all: uid and gid. */
static void expect_makes_as(struct mounted *m, struct client *client, uid_t uid, gid_t gid)
{
    const struct sattr set = {.set_mode = true, .mode = 06755};
    struct fh dir = mounted_lookup(m, "open");

    expect_ok(ask_create(client, &dir, "file", H_GUARDED, &set, NULL, NULL));
    struct stat st = host_stat(m->dir, "open/file");
    assert_int_equal(st.st_uid, uid);
    assert_int_equal(st.st_gid, gid);
    host_unlink(m->dir, "open/file");
}

static void expect_is_not_root(struct mounted *m, struct client *client)
{
    const struct sattr own = {.set_uid = true, .uid = 0, .set_mode = true, .mode = 04755};
    struct fh private = mounted_lookup(m, "private");
    struct nfs3_read read;

    expect_status(ask_create(client, &m->root, "x", H_UNCHECKED, NULL, NULL, NULL), NFS_ACCES);
    expect_status(ask_read(client, &private, 0, 10, &read), NFS_ACCES);
    assert_int_not_equal(ask_setattr(client, &private, &own, NULL, NULL), NFS_OK);
    assert_int_equal(host_stat(m->dir, "private").st_mode & 07777, 0640);
}

TEST(a_low_port_makes_no_user_of_this_host_root)
{
    static const int ways[] = {0, CLIENT_UNPRIVILEGED, CLIENT_IPV6,
                               CLIENT_IPV6 | CLIENT_UNPRIVILEGED};
    struct client client;
    struct mounted m;

    begin_with_free_ports(&m, NULL);
    assert_true(server_log_has(&m.server, "ip_unprivileged_port_start is 0"));
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        connect_as(&client, STRANGER, ways[i] & CLIENT_IPV6 ? m.server.port_ipv6 : m.server.port,
                   ways[i]);
        client.who = caller_root;
        expect_makes_as(&m, &client, ANONYMOUS, ANONYMOUS);
        expect_is_not_root(&m, &client);
        client.who = caller_uid(DAEMON, DAEMON);
        expect_makes_as(&m, &client, ANONYMOUS, ANONYMOUS);
        client.who = caller_nobody;
        expect_makes_as(&m, &client, ANONYMOUS, ANONYMOUS);
        client_disconnect(&client);
        connect_as(&client, 0, ways[i] & CLIENT_IPV6 ? m.server.port_ipv6 : m.server.port, ways[i]);
        expect_makes_as(&m, &client, 0, 0);
        client.who = caller_uid(STRANGER, DAEMON);
        expect_makes_as(&m, &client, STRANGER, DAEMON);
        client_disconnect(&client);
    }
    mounted_end(&m);
}

/* From an address that is no loopback one, and from one that is not on any interface at all. */
TEST(nor_does_another_address_of_this_host)
{
    static const char *const addresses[] = {"192.0.2.7", "198.51.100.9"};
    struct client client;
    struct mounted m;

    begin_with_free_ports(&m, NULL);
    network_ip("addr add 192.0.2.7/32 dev lo");
    network_ip("route add local 198.51.100.0/24 dev lo");
    server_stop(&m.server);
    server_add_arg(&m.server, "--export");
    char spec[200];
    snprintf(spec, sizeof(spec),
             "%s/open,client=198.51.100.0/24,client=192.0.2.7,rw,no_root_squash", m.dir);
    server_add_arg(&m.server, spec);
    server_restart(&m.server);
    mounted_reconnect(&m);
    for (size_t i = 0; i < 2; i++) {
        struct mount_answer answer;
        assert_int_equal(seteuid(STRANGER), 0);
        client_connect_between(&client, addresses[i], "127.0.0.1", m.server.port, 0);
        assert_int_equal(seteuid(0), 0);
        char path[120];
        snprintf(path, sizeof(path), "%s/open", m.dir);
        assert_int_equal(ask_mnt(&client, 3, path, &answer), MNT_OK);
        expect_ok(ask_mkdir(&client, &answer.fh, "dir", NULL, NULL));
        assert_int_equal(host_stat(m.dir, "open/dir").st_uid, ANONYMOUS);
        expect_ok(ask_rmdir(&client, &answer.fh, "dir", NULL));
        client_disconnect(&client);
    }
    mounted_end(&m);
}

TEST(a_user_of_this_host_works_as_himself_from_any_port)
{
    struct client client;
    struct mounted m;

    begin_with_free_ports(&m, NULL);
    host_write(m.dir, "groups", "of daemon's group");
    host_chown(m.dir, "groups", 0, DAEMON);
    host_chmod(m.dir, "groups", 0640);
    struct fh groups = mounted_lookup(&m, "groups");
    struct nfs3_read read;
    for (int flags = 0; flags <= CLIENT_UNPRIVILEGED; flags += CLIENT_UNPRIVILEGED) {
        connect_as(&client, DAEMON, m.server.port, flags);
        client.who = caller_uid(DAEMON, DAEMON);
        assert_int_equal(ask_mnt(&client, 3, m.dir, NULL), MNT_OK);
        expect_makes_as(&m, &client, DAEMON, DAEMON);
        expect_ok(ask_read(&client, &groups, 0, 10, &read));
        /* Its groups are what the user database says, whatever it says itself. */
        client.who = caller_uid(DAEMON, 0);
        client.who.ngids = 2;
        client.who.gids[1] = 4;
        expect_makes_as(&m, &client, DAEMON, DAEMON);
        expect_is_not_root(&m, &client);
        client_disconnect(&client);
        connect_as(&client, NOT_A_USER, m.server.port, flags);
        client.who = caller_uid(NOT_A_USER, DAEMON);
        expect_makes_as(&m, &client, NOT_A_USER, ANONYMOUS);
        expect_status(ask_read(&client, &groups, 0, 10, &read), NFS_ACCES);
        client_disconnect(&client);
    }
    mounted_end(&m);
}

/* In a user namespace of his own a user is root, and so says his process; not to us. */
TEST(root_of_a_user_namespace_is_who_made_it)
{
    struct client client;
    struct mounted m;
    int status;

    begin_with_free_ports(&m, NULL);
    struct fh private = mounted_lookup(&m, "private");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct nfs3_read read;
        if (setgid(STRANGER) != 0 || setuid(STRANGER) != 0 || unshare(CLONE_NEWUSER) != 0)
            _exit(77);
        client_connect(&client, m.server.port, CLIENT_UNPRIVILEGED);
        _exit(ask_read(&client, &private, 0, 10, &read) == NFS_ACCES ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        test_skip("users can't have user namespaces here");
    assert_int_equal(status, 0);
    mounted_end(&m);
}

/* Descriptors of the server: its connections are among them. */
static unsigned descriptors(const struct server *server)
{
    char path[40];
    unsigned count = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", server->pid);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

/* Whose call it was can't be told any more, nor can it be answered: it is not carried out, or as
 * that user's where the connection was asked about in time; never as another's. */
TEST(whoever_has_gone_before_he_is_looked_at_is_nobody)
{
    enum { CALLS = 20 };
    struct client client;
    struct mounted m;
    char name[16];

    begin_with_free_ports(&m, NULL);
    struct fh dir = mounted_lookup(&m, "open");
    const unsigned before = descriptors(&m.server);
    for (int i = 0; i < CALLS; i++) {
        snprintf(name, sizeof(name), "dir%d", i);
        connect_as(&client, STRANGER, m.server.port, 0);
        put_fh(nfs3_begin(&client, 9), &dir);
        put_string(&client.call, name);
        put_sattr(&client.call, NULL);
        client_send(&client);
        close(client.fd); /* in order: what was sent still arrives */
        client.fd = -1;
        client_disconnect(&client);
    }
    /* Until all of them were read to their ends; the directory may have got a descriptor. */
    for (int wait = 0; descriptors(&m.server) > before + 1; wait++) {
        assert_true(wait < 3000);
        host_sleep_ms(10);
    }
    for (int i = 0; i < CALLS; i++) {
        snprintf(name, sizeof(name), "open/dir%d", i);
        uid_t uid = host_exists(m.dir, name) ? host_stat(m.dir, name).st_uid : ANONYMOUS;
        assert_true(uid == ANONYMOUS || uid == STRANGER);
    }
    mounted_end(&m);
}

TEST(local_peers_any_believes_in_ports_again)
{
    struct client client;
    struct mounted m;

    begin_with_free_ports(&m, "--local-peers=any");
    connect_as(&client, STRANGER, m.server.port, 0);
    expect_makes_as(&m, &client, 0, 0);
    client_disconnect(&client);
    connect_as(&client, 0, m.server.port, CLIENT_UNPRIVILEGED);
    expect_status(ask_mnt(&client, 3, m.dir, NULL), MNT_ACCES);
    assert_int_equal(ask_getattr(&client, &m.root, NULL), NFS_ACCES);
    client_disconnect(&client);
    mounted_end(&m);
}

TEST(an_insecure_export_believes_whoever_reaches_the_port)
{
    struct client client;
    struct mounted m;

    test_skip_in_variant("user", "an ordinary user has no other identities");
    server_prepare(&m.server, NULL);
    m.server.no_plain_export = true;
    char spec[200];
    snprintf(spec, sizeof(spec), "--export=%s,rw,no_root_squash,insecure", m.server.export_dir);
    server_add_arg(&m.server, spec);
    mounted_begin_prepared(&m);
    host_mkdir(m.dir, "open", 0777);
    connect_as(&client, STRANGER, m.server.port, CLIENT_UNPRIVILEGED);
    expect_makes_as(&m, &client, 0, 0);
    client.who = caller_uid(DAEMON, DAEMON);
    expect_makes_as(&m, &client, DAEMON, DAEMON);
    client_disconnect(&client);
    mounted_end(&m);
}

/* It acts as its own user for everybody, so others would act as him. */
TEST(an_ordinary_users_server_lets_in_him_and_root_only)
{
    static const struct {
        uid_t uid;
        bool let_in;
    } cases[] = {{0, true}, {SERVER_USER, true}, {STRANGER, false}, {DAEMON, false}};
    struct client client;
    struct mounted m;

    test_skip_in_variant("root", "root's server takes its callers' identities");
    if (geteuid() != 0)
        test_skip("only root can connect as others");
    mounted_begin(&m);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(seteuid(cases[i].uid), 0);
        client_connect(&client, m.server.port, CLIENT_UNPRIVILEGED);
        client.who = caller_uid(SERVER_USER, SERVER_USER);
        expect_status(ask_mnt(&client, 3, m.dir, NULL), cases[i].let_in ? MNT_OK : MNT_ACCES);
        expect_status(ask_getattr(&client, &m.root, NULL), cases[i].let_in ? NFS_OK : NFS_ACCES);
        client_disconnect(&client);
    }
    assert_int_equal(seteuid(0), 0);
    mounted_end(&m);
}
