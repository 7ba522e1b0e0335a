/*
 * udp.c - what is served over UDP, where anybody may write any address as the sender, to whom, and
 * how much of it.
 */
#include "tests/lib/network.h"
#include "tests/wire/wire.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GETPORT 3

static uint32_t portmap_port(struct client *client, uint32_t program, uint32_t protocol)
{
    client_begin(client, PROGRAM_PORTMAP, 2, GETPORT);
    put_u32(&client->call, program);
    put_u32(&client->call, 3);
    put_u32(&client->call, protocol);
    put_u32(&client->call, 0);
    struct cursor results = client_finish(client);
    return get_u32(&results);
}

TEST(nfs_is_not_served_over_udp_unless_asked_for_but_mount_is)
{
    static const char *const options[] = {NULL, "--udp"};

    for (size_t i = 0; i < 2; i++) {
        struct client client;
        struct mounted m;
        server_prepare(&m.server, NULL);
        m.server.portmap = "auto";
        if (options[i] != NULL)
            server_add_arg(&m.server, options[i]);
        mounted_begin_prepared(&m);
        client_connect(&client, m.server.port, CLIENT_UDP);
        put_fh(nfs3_begin(&client, 1), &m.root);
        struct reply reply = client_exchange(&client);
        assert_int_equal(reply.status, i == 0 ? ACCEPT_PROG_UNAVAIL : ACCEPT_SUCCESS);
        assert_int_equal(ask_mnt(&client, 3, m.dir, NULL), MNT_OK);
        ask_umnt(&client, 1, m.dir);
        /* Nor is it said to be. */
        assert_int_equal(portmap_port(&client, PROGRAM_NFS, IPPROTO_UDP),
                         i == 0 ? 0 : m.server.port);
        assert_int_equal(portmap_port(&client, PROGRAM_NFS, IPPROTO_TCP), m.server.port);
        assert_int_equal(portmap_port(&client, PROGRAM_MOUNT, IPPROTO_UDP), m.server.port);
        client_disconnect(&client);
        mounted_end(&m);
    }
}

/* And to whom: the other export's clients keep to TCP. */
TEST(an_export_can_ask_for_udp)
{
    struct mount_answer firmware, plain;
    char path[100], specs[2][200];
    struct client client;
    struct mounted m;

    server_prepare(&m.server, NULL);
    host_mkdir(m.server.home, "firmware", 0755);
    snprintf(path, sizeof(path), "%s/firmware", m.server.home);
    snprintf(specs[0], sizeof(specs[0]), "--export=%s,rw,no_root_squash,udp", path);
    server_add_arg(&m.server, specs[0]);
    mounted_begin_prepared(&m);
    client_connect(&client, m.server.port, CLIENT_UDP);
    assert_int_equal(ask_mnt(&client, 3, path, &firmware), MNT_OK);
    assert_int_equal(ask_mnt(&client, 3, m.dir, &plain), MNT_OK);
    expect_ok(ask_getattr(&client, &firmware.fh, NULL));
    expect_status(ask_getattr(&client, &plain.fh, NULL), NFS_ACCES);
    expect_status(ask_mkdir(&client, &plain.fh, "x", NULL, NULL), NFS_ACCES);
    expect_ok(ask_getattr(&m.client, &plain.fh, NULL));
    client_disconnect(&client);
    mounted_end(&m);
}

/* What the portmapper says changes with it. */
TEST(a_reload_begins_and_ends_nfs_over_udp)
{
    static const char *const options[] = {"", ",udp", ""};
    char file[120], line[300];
    struct client client;
    struct mounted m;

    server_prepare(&m.server, NULL);
    m.server.no_plain_export = true;
    m.server.portmap = "auto";
    snprintf(file, sizeof(file), "--exports=%s/exports", m.server.home);
    server_add_arg(&m.server, file);
    for (int i = 0; i < 3; i++) {
        snprintf(line, sizeof(line), "%s 127.0.0.1(rw,no_root_squash,insecure%s)\n",
                 m.server.export_dir, options[i]);
        host_write(m.server.home, "exports", line);
        if (i == 0)
            mounted_begin_prepared(&m);
        else
            kill(m.server.pid, SIGHUP);
        bool on = i == 1;
        uint32_t port = on ? 0 : 1;
        for (int tries = 0; tries < 6000 && (port != 0) != on; tries++) {
            port = portmap_port(&m.client, PROGRAM_NFS, IPPROTO_UDP);
            host_sleep_ms(10);
        }
        assert_int_equal(port, on ? m.server.port : 0);
        client_connect(&client, m.server.port, CLIENT_UDP);
        put_fh(nfs3_begin(&client, 1), &m.root);
        struct reply reply = client_exchange(&client);
        assert_int_equal(reply.status, on ? ACCEPT_SUCCESS : ACCEPT_PROG_UNAVAIL);
        client_disconnect(&client);
    }
    mounted_end(&m);
}

/* --- datagrams that say they come from somebody else --- */

static uint16_t sum16(const void *bytes, size_t len, uint32_t sum)
{
    const uint8_t *at = bytes;

    for (; len > 1; at += 2, len -= 2)
        sum += (uint32_t)at[0] << 8 | at[1];
    if (len > 0)
        sum += (uint32_t)at[0] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

struct packet6 {
    struct ip6_hdr ip;
    struct udphdr udp;
    uint8_t data[1024];
};

/* Sends client->call to `to`, from the neighbour, with `from` as the sender. */
static void send_forged6(const struct client *client, const char *from, const char *to,
                         uint16_t port)
{
    struct sockaddr_in6 target = {.sin6_family = AF_INET6};
    struct packet6 packet = {0};
    size_t len = sizeof(packet.udp) + client->call.len;

    assert_true(client->call.len <= sizeof(packet.data));
    packet.ip.ip6_flow = htonl(6u << 28);
    packet.ip.ip6_plen = htons((uint16_t)len);
    packet.ip.ip6_nxt = IPPROTO_UDP;
    packet.ip.ip6_hlim = 64;
    assert_int_equal(inet_pton(AF_INET6, from, &packet.ip.ip6_src), 1);
    assert_int_equal(inet_pton(AF_INET6, to, &packet.ip.ip6_dst), 1);
    packet.udp.source = htons(700);
    packet.udp.dest = htons(port);
    packet.udp.len = htons((uint16_t)len);
    memcpy(packet.data, client->call.data, client->call.len);
    uint32_t sum = sum16(&packet.ip.ip6_src, 32, (uint32_t)len + IPPROTO_UDP);
    packet.udp.check = htons((uint16_t)~sum16(&packet.udp, len, sum));
    target.sin6_addr = packet.ip.ip6_dst;
    int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    assert_true(fd >= 0);
    assert_int_equal(
        sendto(fd, &packet, sizeof(packet.ip) + len, 0, (struct sockaddr *)&target, sizeof(target)),
        sizeof(packet.ip) + len);
    close(fd);
}

static void send_forged4(const struct client *client, const char *from, const char *to,
                         uint16_t port)
{
    struct {
        struct iphdr ip;
        struct udphdr udp;
        uint8_t data[1024];
    } packet = {.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP}};
    struct sockaddr_in target = {.sin_family = AF_INET};
    size_t len = sizeof(packet.ip) + sizeof(packet.udp) + client->call.len;
    int on = 1;

    assert_true(client->call.len <= sizeof(packet.data));
    packet.ip.tot_len = htons((uint16_t)len);
    assert_int_equal(inet_pton(AF_INET, from, &packet.ip.saddr), 1);
    assert_int_equal(inet_pton(AF_INET, to, &packet.ip.daddr), 1);
    packet.udp.source = htons(700);
    packet.udp.dest = htons(port);
    packet.udp.len = htons((uint16_t)(len - sizeof(packet.ip)));
    memcpy(packet.data, client->call.data, client->call.len);
    target.sin_addr.s_addr = packet.ip.daddr;
    int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on)), 0);
    assert_int_equal(sendto(fd, &packet, len, 0, (struct sockaddr *)&target, sizeof(target)), len);
    close(fd);
}

static void set_sysctl(const char *name, const char *value)
{
    FILE *file = fopen(name, "we");

    assert_non_null(file);
    fputs(value, file);
    assert_int_equal(fclose(file), 0);
}

/* A server for a neighbour, who may read only, and for its own host, which may do everything. */
static void begin_with_neighbour(struct mounted *m, const char *listen, char spec[300],
                                 const char *more)
{
    test_skip_in_variant("user", "an ordinary user has no other identities");
    network_private();
    network_neighbour_make();
    server_prepare(&m->server, NULL);
    m->server.no_plain_export = true;
    char at[40];
    snprintf(at, sizeof(at), strchr(listen, ':') != NULL ? "[%s]" : "%s", listen);
    m->server.listen = at;
    static const char *const may_write[] = {"10.77.0.1", "10.77.0.3", "fd77::1",
                                            "fd77::3",   "127.0.0.1", "::1"};
    snprintf(spec, 300, "%s 10.77.0.2(ro) fd77::2(ro)", m->server.export_dir);
    host_write(m->server.home, "exports", spec);
    for (size_t i = 0; i < sizeof(may_write) / sizeof(may_write[0]); i++) {
        snprintf(spec, 300, " %s(rw,no_root_squash)", may_write[i]);
        host_append(m->server.home, "exports", spec);
    }
    host_append(m->server.home, "exports", "\n");
    snprintf(spec, 300, "--exports=%s/exports", m->server.home);
    server_add_arg(&m->server, spec);
    if (more != NULL)
        server_add_arg(&m->server, more);
    host_chmod(m->server.export_dir, NULL, 0777); /* for whoever they are taken for */
    server_start(&m->server);
    m->dir = m->server.export_dir;
    client_connect_between(&m->client, listen, listen, m->server.port, 0);
    struct mount_answer answer;
    assert_int_equal(ask_mnt(&m->client, 3, m->dir, &answer), MNT_OK);
    m->root = answer.fh;
}

static void put_mkdir(struct client *client, const struct fh *dir, const char *name)
{
    put_fh(nfs3_begin(client, 9), dir);
    put_string(&client->call, name);
    put_sattr(&client->call, NULL);
}

/* That calls of the neighbour by these senders make nothing; and that they had arrived. */
static void expect_forged_makes_nothing(struct mounted *m, const char *own, bool six,
                                        const char *const senders[], size_t count)
{
    void (*const send)(const struct client *, const char *, const char *, uint16_t) =
        six ? send_forged6 : send_forged4;
    struct client neighbour;

    network_neighbour_begin();
    client_connect_between(&neighbour, six ? "fd77::2" : "10.77.0.2", own, m->server.port,
                           CLIENT_UDP);
    for (size_t i = 0; i < count; i++) {
        put_mkdir(&neighbour, &m->root, "forged");
        send(&neighbour, senders[i], own, m->server.port);
    }
    /* It is handled after those. */
    client_begin(&neighbour, PROGRAM_MOUNT, 3, 0);
    client_finish(&neighbour);
    network_neighbour_end();
    assert_false(host_exists(m->dir, "forged"));
    client_disconnect(&neighbour);
}

TEST(a_datagram_from_the_network_is_not_from_this_host)
{
    static const char *const senders6[] = {"fd77::1"}, *const senders4[] = {"10.77.0.1"};
    char spec[300];
    struct mounted m;

    begin_with_neighbour(&m, "fd77::1", spec, "--udp");
    expect_forged_makes_nothing(&m, "fd77::1", true, senders6, 1);
    server_stop(&m.server);
    /* IPv4's kernel drops it, unless told otherwise. */
    set_sysctl("/proc/sys/net/ipv4/conf/all/accept_local", "1");
    set_sysctl("/proc/sys/net/ipv4/conf/here/accept_local", "1");
    set_sysctl("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
    set_sysctl("/proc/sys/net/ipv4/conf/here/rp_filter", "0");
    m.server.listen = "10.77.0.1";
    client_disconnect(&m.client);
    server_start(&m.server);
    client_connect_between(&m.client, "10.77.0.1", "10.77.0.1", m.server.port, 0);
    expect_forged_makes_nothing(&m, "10.77.0.1", false, senders4, 1);
    mounted_end(&m);
}

/* Who may be on the network with root's rights is believed there, if UDP was asked for at all. */
TEST(without_udp_no_client_can_be_mistaken_for_another)
{
    static const char *const senders[] = {"fd77::1", "fd77::2", "fd77::3", "::ffff:127.0.0.1",
                                          "::ffff:10.77.0.1"};
    char spec[300];
    struct mounted m;

    begin_with_neighbour(&m, "fd77::1", spec, NULL);
    expect_forged_makes_nothing(&m, "fd77::1", true, senders, 5);
    mounted_end(&m);
}

TEST(a_datagram_of_this_host_is_its_users)
{
    struct client client;
    struct mounted m;

    test_skip_in_variant("user", "an ordinary user has no other identities");
    mounted_begin_with(&m, "--udp");
    host_mkdir(m.dir, "open", 0777);
    struct fh dir = mounted_lookup(&m, "open");
    client_connect(&client, m.server.port, CLIENT_UDP);
    expect_ok(ask_mkdir(&client, &dir, "root", NULL, NULL));
    assert_int_equal(host_stat(m.dir, "open/root").st_uid, 0);
    client_disconnect(&client);
    assert_int_equal(seteuid(STRANGER), 0);
    client_connect(&client, m.server.port, CLIENT_UDP);
    assert_int_equal(seteuid(0), 0);
    expect_ok(ask_mkdir(&client, &dir, "anonymous", NULL, NULL));
    assert_int_equal(host_stat(m.dir, "open/anonymous").st_uid, 65534);
    client.who = caller_uid(STRANGER, 0);
    expect_ok(ask_mkdir(&client, &dir, "own", NULL, NULL));
    assert_int_equal(host_stat(m.dir, "open/own").st_uid, STRANGER);
    assert_int_not_equal(host_stat(m.dir, "open/own").st_gid, 0);
    client_disconnect(&client);
    mounted_end(&m);
}

/* --- how much --- */

TEST(over_udp_no_list_is_longer_than_the_question)
{
    static const struct {
        uint32_t program, version, procedure;
    } lists[] = {
        {PROGRAM_MOUNT, 1, 2},   {PROGRAM_MOUNT, 3, 2},   {PROGRAM_MOUNT, 1, 5},
        {PROGRAM_MOUNT, 1, 6},   {PROGRAM_MOUNT, 3, 5},   {PROGRAM_PORTMAP, 2, 4},
        {PROGRAM_PORTMAP, 3, 4}, {PROGRAM_PORTMAP, 4, 4}, {PROGRAM_PORTMAP, 4, 12},
    };
    struct client udp;
    struct mounted m;
    char path[16];

    server_prepare(&m.server, NULL);
    m.server.portmap = "auto";
    for (int i = 0; i < 50; i++) {
        snprintf(path, sizeof(path), "dir%d", i);
        host_mkdir(m.server.export_dir, path, 0755);
    }
    mounted_begin_prepared(&m);
    for (int i = 0; i < 50; i++) {
        struct host_path at;
        snprintf(path, sizeof(path), "dir%d", i);
        at = host_path(m.dir, path);
        assert_int_equal(ask_mnt(&m.client, 3, at.text, NULL), MNT_OK);
    }
    client_connect(&udp, m.server.port, CLIENT_UDP);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        for (int anonymous = 0; anonymous < 2; anonymous++) {
            udp.who = anonymous ? caller_nobody : caller_root;
            client_begin(&udp, lists[i].program, lists[i].version, lists[i].procedure);
            struct reply reply = client_exchange(&udp);
            size_t len = 24 + cursor_left(&reply.results);
            if (len > udp.call.len)
                fail_msg("program %u version %u procedure %u: %zu bytes for %zu", lists[i].program,
                         lists[i].version, lists[i].procedure, len, udp.call.len);
        }
    /* Over TCP, where who asks is who gets, they are whole. */
    assert_int_equal(ask_dump(&m.client, 3, NULL, 0), 51);
    client_disconnect(&udp);
    mounted_end(&m);
}
