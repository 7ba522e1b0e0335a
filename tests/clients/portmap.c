/*
 * portmap.c - being found: our own portmapper at port 111, the system's rpcbind, or neither.
 */
#include "tests/clients/world.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(the_portmapper_answers_version_2_over_udp_and_tcp)
{
    world_play("portmap-v2.rpc");
}

TEST(the_portmapper_answers_versions_3_and_4)
{
    world_play("portmap-v34.rpc");
}

/* Runs a program of the host; what it printed must have all of `wanted` (ended by NULL). */
static void expect_output(const char *command, const char *const *wanted)
{
    char output[8192];
    FILE *from = popen(command, "re");
    assert_non_null(from);
    size_t len = fread(output, 1, sizeof(output) - 1, from);
    output[len] = '\0';
    int status = pclose(from);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        test_skip("not installed: %s", command);
    test_note("%s", command);
    for (; *wanted; wanted++)
        if (!strstr(output, *wanted))
            fail_msg("%s: no `%s` in:\n%s", command, *wanted, output);
    assert_int_equal(status, 0);
}

TEST(rpcinfo_and_showmount_understand_us)
{
    static const struct {
        const char *command;
        const char *wanted[4];
    } tools[] = {
        {"rpcinfo -p 127.0.0.1", {"100003    3   tcp   2049", "100005    1   udp   2049"}},
        {"rpcinfo 127.0.0.1", {"127.0.0.1.8.1", "127.0.0.1.0.111", "superuser"}},
        {"rpcinfo -s 127.0.0.1", {"100005  3,2,1", "100000  4,3,2"}},
        {"rpcinfo -l 127.0.0.1 100003 3", {"inet/udp/clts", "inet/tcp/cots_ord"}},
        {"rpcinfo -m 127.0.0.1", {"RPCBIND (version 4) statistics"}},
        {"rpcinfo -T tcp 127.0.0.1 100005 3", {"ready and waiting"}},
        {"rpcinfo -T udp 127.0.0.1 100003", {"version 3 ready and waiting"}},
        {"showmount -e 127.0.0.1", {"/export"}},
        {"showmount -a 127.0.0.1", {"All mount points"}},
    };
    struct world world = {0};
    world_prepare(&world);
    world_start(&world);
    for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
        expect_output(tools[i].command, tools[i].wanted);
    world_finish(&world);
}

TEST(the_portmapper_forwards_no_calls)
{
    world_play("portmap-callit.rpc");
}

TEST(the_hosts_lockd_registers_with_the_portmapper)
{
    struct world world = {0};
    world_prepare(&world);
    world_start(&world);
    /* A kernel's sockets are root's, whose server it ever is. */
    setfsuid(0);
    replay_run(world.replay, "portmap-lockd.rpc");
    world_finish(&world);
}

TEST(an_ordinary_user_may_not_register_with_the_portmapper)
{
    static const uid_t uids[] = {1000, SERVER_USER};
    struct world world = {0};

    world_prepare(&world);
    world_start(&world);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(seteuid(uids[i]), 0);
        replay_run(world.replay, "portmap-unprivileged.rpc");
    }
    assert_int_equal(seteuid(0), 0);
    world_finish(&world);
}

TEST(another_host_may_not_register_with_the_portmapper)
{
    struct world world = {0};
    world_prepare(&world);
    world_neighbour_make();
    world.server.listen = "10.77.0.1";
    server_add_arg(&world.server, "--export=/memory,fs=memfs,client=10.77.0.2"); /* no stranger */
    world_start(&world);
    struct replay *replay = world_replay(&world, "10.77.0.1");
    world_neighbour_begin();
    replay_run(replay, "portmap-other-host.rpc");
    world_neighbour_end();
    assert_true(server_log_waits_for(&world.server, "may not register", 60000));
    replay_destroy(replay);
    world_finish(&world);
}

/* ---- the system's rpcbind, in the namespace of the test ---- */

/* Whether something accepts connections at 127.0.0.1:111. */
static bool port_111_answers(void)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(111), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answers = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
    close(fd);
    return answers;
}

/* It dies with the test. */
static pid_t rpcbind_start(void)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl("/usr/sbin/rpcbind", "rpcbind", "-f", (char *)NULL);
        execl("/sbin/rpcbind", "rpcbind", "-f", (char *)NULL);
        _exit(127);
    }
    for (int ms = 0; ms < 60000; ms += 10) {
        int status;
        if (port_111_answers())
            return pid;
        if (waitpid(pid, &status, WNOHANG) == pid && WIFEXITED(status) &&
            WEXITSTATUS(status) == 127)
            test_skip("there is no rpcbind on this machine");
        host_sleep_ms(10);
    }
    fail_msg("rpcbind does not answer");
    return 0;
}

static void rpcbind_stop(pid_t pid)
{
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

TEST(auto_registers_with_the_systems_rpcbind_and_takes_it_back)
{
    struct world world = {0};
    world_prepare(&world);
    world.low_ports = false;
    world.server.portmap = "auto";
    pid_t rpcbind = rpcbind_start();
    world_start(&world);
    replay_run(world.replay, "rpcbind-registered.rpc");
    server_stop(&world.server);
    replay_run(world.replay, "rpcbind-forgotten.rpc");
    rpcbind_stop(rpcbind);
    world_finish(&world);
}

TEST(where_nfs_is_not_served_over_udp_the_systems_rpcbind_does_not_tell_of_it)
{
    struct world world = {.tcp_only = true};
    world_prepare(&world);
    world.low_ports = false;
    world.server.portmap = "auto";
    pid_t rpcbind = rpcbind_start();
    world_start(&world);
    replay_run(world.replay, "rpcbind-tcp-only.rpc");
    server_stop(&world.server);
    replay_run(world.replay, "rpcbind-forgotten.rpc");
    rpcbind_stop(rpcbind);
    world_finish(&world);
}

TEST(a_registration_left_by_a_killed_server_is_replaced)
{
    struct world world = {0};
    world_prepare(&world);
    world.low_ports = false;
    world.server.portmap = "system";
    pid_t rpcbind = rpcbind_start();
    world_start(&world);
    server_kill(&world.server);
    server_restart(&world.server);
    replay_run(world.replay, "rpcbind-registered.rpc");
    server_stop(&world.server);
    replay_run(world.replay, "rpcbind-forgotten.rpc");
    rpcbind_stop(rpcbind);
    world_finish(&world);
}

TEST(auto_serves_port_111_where_there_is_no_rpcbind)
{
    struct world world = {0};
    world_prepare(&world);
    world.server.portmap = "auto";
    world_start(&world);
    replay_run(world.replay, "portmap-v2.rpc");
    world_finish(&world);
}

TEST(an_ordinary_user_without_rpcbind_goes_on_without_a_portmapper)
{
    test_skip_in_variant("root", "it is about ordinary users");
    struct world world = {0};
    world_prepare(&world);
    world.low_ports = false;
    world.server.portmap = "auto";
    world_export_insecure(&world);
    world_start(&world);
    assert_false(port_111_answers());
    assert_true(server_log_has(&world.server, "port"));
    replay_run(world.replay, "no-portmap.rpc");
    world_finish(&world);
}

TEST(system_without_rpcbind_does_not_start)
{
    struct world world = {0};
    world_prepare(&world);
    world.server.portmap = "system";
    assert_int_equal(server_start_failing(&world.server), 1);
    assert_true(server_log_has(&world.server, "no rpcbind"));
    world_finish(&world);
}

TEST(builtin_where_port_111_is_taken_does_not_start)
{
    struct world world = {0};
    world_prepare(&world);
    world.server.portmap = "builtin";
    pid_t rpcbind = rpcbind_start();
    world_low_ports(&world);
    assert_int_equal(server_start_failing(&world.server), 1);
    assert_true(server_log_has(&world.server, "port 111"));
    rpcbind_stop(rpcbind);
    world_finish(&world);
}

TEST(off_means_that_the_portmapper_is_nowhere)
{
    struct world world = {0};
    world_prepare(&world);
    world.server.portmap = "off";
    world_start(&world);
    assert_false(port_111_answers());
    replay_run(world.replay, "portmap-off.rpc");
    world_finish(&world);
}
