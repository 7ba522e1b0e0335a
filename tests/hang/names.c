/*
 * names.c - a name service that does not answer holds up only those whose rights depend on it.
 */
#include "tests/hang/fixture.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STRANGERS 600
#define ADDRESSES 100

/* Has this host ask a name server that listens and is silent; its socket. It is at an address that
 * no other test has taken. */
static int silence_names(const struct server *server)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result = -1;
    char address[32] = "", text[64];

    for (int i = 1; result != 0 && i <= ADDRESSES; i++) {
        snprintf(address, sizeof(address), "127.0.99.%d", i);
        inet_pton(AF_INET, address, &at.sin_addr);
        result = bind(fd, (struct sockaddr *)&at, sizeof(at));
    }
    if (result != 0)
        test_skip("no name server at %s: %s", address, strerror(errno));
    snprintf(text, sizeof(text), "nameserver %s\n", address);
    host_write(server->home, "resolv.conf", text);
    host_write(server->home, "nsswitch.conf", "passwd: files\ngroup: files\nhosts: dns\n");
    host_mount_bind(host_path(server->home, "resolv.conf").text, "/etc/resolv.conf");
    host_mount_bind(host_path(server->home, "nsswitch.conf").text, "/etc/nsswitch.conf");
    return fd;
}

/* One of many hosts, which wants to see `fh`. */
static void stranger_call(struct client *stranger, const struct server *server, unsigned number,
                          const struct fh *fh)
{
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7f010000 + number + 1)};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(server->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    stranger->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(stranger->fd >= 0);
    assert_int_equal(bind(stranger->fd, (struct sockaddr *)&from, sizeof(from)), 0);
    assert_int_equal(connect(stranger->fd, (struct sockaddr *)&to, sizeof(to)), 0);
    stranger->timeout_ms = 30000;
    stranger->who = caller_root;
    hang_send_getattr(stranger, fh);
}

TEST(strangers_and_a_silent_name_server_hold_up_no_client_that_is_known_by_its_address)
{
    static struct client strangers[STRANGERS];
    static char spec[256];
    struct mounted m;
    struct client fresh;
    unsigned jukebox = 0;
    char question[512];

    host_private_mounts();
    server_prepare(&m.server, NULL);
    int names = silence_names(&m.server);
    snprintf(spec, sizeof(spec),
             "%s,client=*.example,client=127.0.0.1,client=gone.example,rw,insecure",
             m.server.export_dir);
    m.server.no_plain_export = true;
    server_add_arg(&m.server, "--export");
    server_add_arg(&m.server, spec);
    mounted_begin_prepared(&m);
    for (unsigned i = 0; i < STRANGERS; i++)
        stranger_call(&strangers[i], &m.server, i, &m.root);
    /* The name server was asked, and they wait, or were told to come again: */
    assert_true(recv(names, question, sizeof(question), 0) > 0);
    client_connect(&fresh, m.server.port, 0);
    for (int i = 0; i < 100; i++)
        expect_ok(ask_getattr(&fresh, &m.root, &(struct attr){0}));
    client_disconnect(&fresh);
    for (unsigned i = 0; i < STRANGERS; i++) {
        jukebox += hang_status(&strangers[i]) == NFS_JUKEBOX;
        close(strangers[i].fd);
    }
    assert_int_equal(jukebox, STRANGERS);
    close(names);
    mounted_end(&m);
}

static unsigned threads_of(pid_t pid)
{
    char path[64];
    unsigned count = 0;

    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count - 2;
}

static unsigned log_count(const struct server *server, const char *text)
{
    FILE *log = fopen(server->log, "re");
    char line[512];
    unsigned count = 0;

    assert_non_null(log);
    while (fgets(line, sizeof(line), log))
        count += strstr(line, text) != NULL;
    fclose(log);
    return count;
}

#define RELOADS 40

/* Each of them has a name looked up, to warn of it where it is nobody's. */
TEST(reloads_with_a_silent_name_server_pile_up_no_threads)
{
    static char spec[256];
    struct mounted m;
    char question[512];

    host_private_mounts();
    server_prepare(&m.server, NULL);
    int names = silence_names(&m.server);
    snprintf(spec, sizeof(spec), "%s,client=127.0.0.1,client=gone.example,rw,insecure",
             m.server.export_dir);
    m.server.no_plain_export = true;
    server_add_arg(&m.server, "--export");
    server_add_arg(&m.server, spec);
    mounted_begin_prepared(&m);
    assert_true(recv(names, question, sizeof(question), 0) > 0);
    unsigned before = threads_of(m.server.pid);
    for (unsigned i = 1; i <= RELOADS; i++) {
        unsigned seen = 0;
        kill(m.server.pid, SIGHUP);
        for (int tries = 0; seen < i && tries < 6000; tries++) {
            host_sleep_ms(5);
            seen = log_count(&m.server, "exports reloaded: ");
        }
        assert_int_equal(seen, i);
    }
    assert_in_range(threads_of(m.server.pid), 1, before + RELOADS / 4);
    expect_ok(ask_getattr(&m.client, &m.root, &(struct attr){0}));
    close(names);
    mounted_end(&m);
}
