/*
 * world.c - namespaces, a tree and a server for a client's test; see world.h.
 */
#include "tests/clients/world.h"
#include "tests/clients/replay_internal.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static int own_network = -1, neighbour_network = -1;

static void run(const char *command)
{
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

void world_enter(void)
{
    if (geteuid() != 0)
        test_skip("a network namespace with port 111 in it needs root");
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0)
        test_skip("no namespaces here: %s", strerror(errno));
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("run", "/run", "tmpfs", MS_NOSUID | MS_NODEV, NULL) != 0)
        test_skip("no private /run: %s", strerror(errno));
    run("ip link set lo up");
}

void world_neighbour_make(void)
{
    own_network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_true(own_network >= 0);
    assert_return_code(unshare(CLONE_NEWNET), errno);
    neighbour_network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_true(neighbour_network >= 0);
    char command[256];
    snprintf(command, sizeof(command),
             "ip link set lo up && "
             "ip link add there type veth peer name here netns /proc/%d/fd/%d && "
             "ip addr add 10.77.0.2/24 dev there && ip link set there up",
             getpid(), own_network);
    run(command);
    world_neighbour_end();
    run("ip addr add 10.77.0.1/24 dev here && ip link set here up");
}

void world_neighbour_begin(void)
{
    assert_return_code(setns(neighbour_network, CLONE_NEWNET), errno);
}

void world_neighbour_end(void)
{
    assert_return_code(setns(own_network, CLONE_NEWNET), errno);
}

static void write_pattern(const char *dir, const char *name, size_t size)
{
    FILE *file = fopen(host_path(dir, name).text, "we");
    assert_non_null(file);
    for (size_t i = 0; i < size; i++)
        putc(replay_pattern(i), file);
    assert_int_equal(fclose(file), 0);
}

static void make_tree(const char *export)
{
    write_pattern(export, "hello", 13);
    host_mkdir(export, "boot", 0755);
    write_pattern(export, "boot/zImage", 5000);
    host_symlink("zImage", export, "boot/kernel");
    host_mkdir(export, "shared", 0777);
    host_chmod(export, "shared", 0777);
    host_mkdir(export, "many", 0755);
    for (int i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof(name), "many/name%03d", i);
        host_write(export, name, "");
    }
}

void world_prepare(struct world *world)
{
    world_enter();
    server_prepare(&world->server, NULL);
    world->server.portmap = "builtin";
    world->server.port = WORLD_PORT;
    world->low_ports = true;
    make_tree(world->server.export_dir);
}

void world_export_insecure(struct world *world)
{
    world->server.no_plain_export = true;
    snprintf(world->insecure, sizeof(world->insecure), "--export=%s,rw,no_root_squash,insecure",
             world->server.export_dir);
    server_add_arg(&world->server, world->insecure);
}

struct replay *world_replay(const struct world *world, const char *address)
{
    struct replay *replay = replay_create(address);
    char text[128];
    replay_set_word(replay, "port", world->server.port);
    replay_set_string(replay, "export", world->server.export_dir);
    snprintf(text, sizeof(text), "%s/boot", world->server.export_dir);
    replay_set_string(replay, "boot", text);
    /* As U-Boot joins a link's text to the directory it was found in. */
    snprintf(text, sizeof(text), "%s/shared/..//./boot/", world->server.export_dir);
    replay_set_string(replay, "bootlink", text);
    snprintf(text, sizeof(text), "/../..%s/../etc", world->server.export_dir);
    replay_set_string(replay, "outside", text);
    snprintf(text, sizeof(text), "%s.%u.%u", address, world->server.port >> 8,
             world->server.port & 0xff);
    replay_set_string(replay, "uaddr", text);
    return replay;
}

void world_low_ports(const struct world *world)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "we");
    assert_non_null(file);
    fprintf(file, "%d\n", world->low_ports ? 0 : 1024);
    assert_int_equal(fclose(file), 0);
}

void world_start(struct world *world)
{
    world_low_ports(world);
    if (!world->tcp_only) /* firmware, and what is older */
        server_add_arg(&world->server, "--udp");
    server_start(&world->server);
    world->replay = world_replay(world, "127.0.0.1");
}

void world_finish(struct world *world)
{
    replay_destroy(world->replay);
    server_finish(&world->server);
}

void world_play(const char *script)
{
    struct world world = {0};
    world_prepare(&world);
    world_start(&world);
    replay_run(world.replay, script);
    world_finish(&world);
}
