/*
 * clients.c - each system's client mounts, lists, reads, writes and unmounts.
 *
 * The conversations are in scripts/, one a client; this file says what the host must see of them.
 */
#include "tests/clients/world.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include <stdio.h>

TEST(linux_probes_version_4_then_mounts_version_3_and_works)
{
    struct world world = {0};
    world_prepare(&world);
    world_start(&world);
    replay_run(world.replay, "linux-tcp.rpc");
    struct stat st = host_stat(world.server.export_dir, "shared/new");
    assert_int_equal(st.st_size, 10000);
    assert_int_equal(st.st_uid, 1000);
    assert_false(host_exists(world.server.export_dir, "shared/moved"));
    world_finish(&world);
}

TEST(linux_reconnects_and_sends_again_what_was_done)
{
    struct world world = {0};
    world_prepare(&world);
    world_start(&world);
    replay_run(world.replay, "linux-reconnects.rpc");
    assert_false(host_exists(world.server.export_dir, "shared/renamed"));
    assert_false(host_exists(world.server.export_dir, "shared/made"));
    world_finish(&world);
}

TEST(macos_mounts_lists_reads_writes_and_unmounts_over_tcp)
{
    struct world world = {0};
    world_prepare(&world);
    world_start(&world);
    replay_run(world.replay, "macos-tcp.rpc");
    struct stat st = host_stat(world.server.export_dir, "shared/saved");
    assert_int_equal(st.st_size, 32868);
    assert_int_equal(st.st_uid, 501);
    assert_false(host_exists(world.server.export_dir, "shared/copy"));
    world_finish(&world);
}

TEST(macos_works_over_udp)
{
    struct world world = {0};
    world_prepare(&world);
    world_start(&world);
    replay_run(world.replay, "macos-udp.rpc");
    assert_true(host_exists(world.server.export_dir, "shared/once"));
    assert_false(host_exists(world.server.export_dir, "shared/big"));
    world_finish(&world);
}

TEST(macos_is_told_that_there_is_no_lock_manager)
{
    world_play("macos-locks.rpc");
}

TEST(freebsd_mounts_lists_reads_writes_and_unmounts_over_tcp)
{
    world_play("freebsd-tcp.rpc");
}

TEST(freebsd_finds_us_by_ipv6_universal_addresses)
{
    struct world world = {0};
    world_prepare(&world);
    world.server.ipv6 = true;
    world.server.port_ipv6 = WORLD_PORT;
    world_start(&world);
    struct replay *replay = world_replay(&world, "::1");
    replay_run(replay, "freebsd-tcp6.rpc");
    replay_destroy(replay);
    world_finish(&world);
}

TEST(netbsd_mounts_lists_reads_writes_and_unmounts_over_tcp)
{
    struct world world = {0};
    world_prepare(&world);
    world_start(&world);
    replay_run(world.replay, "netbsd-tcp.rpc");
    struct stat st = host_stat(world.server.export_dir, "shared/netbsd");
    assert_int_equal(st.st_size, 3);
    assert_int_equal(st.st_nlink, 1);
    world_finish(&world);
}

TEST(netbsd_unmounts_with_mount_v1_over_udp)
{
    world_play("netbsd-umount-v1-udp.rpc");
}

TEST(netbsd_is_told_that_there_is_no_version_2)
{
    world_play("netbsd-version-2.rpc");
}

TEST(openbsd_mounts_lists_reads_writes_and_unmounts_over_udp)
{
    world_play("openbsd-udp.rpc");
}

TEST(windows_finds_everything_through_port_111)
{
    struct world world = {0};
    world_prepare(&world);
    world_export_insecure(&world);
    world_start(&world);
    replay_run(world.replay, "windows-tcp.rpc");
    assert_false(host_exists(world.server.export_dir, "shared/letter.txt"));
    world_finish(&world);
}

TEST(windows_without_insecure_is_refused_and_the_log_says_why)
{
    struct world world = {0};
    world_prepare(&world);
    world_neighbour_make();
    world.server.listen = "10.77.0.1";
    world.server.no_plain_export = true;
    snprintf(world.insecure, sizeof(world.insecure),
             "--export=%s,client=10.77.0.2,rw,no_root_squash", world.server.export_dir);
    server_add_arg(&world.server, world.insecure);
    world_start(&world);
    struct replay *replay = world_replay(&world, "10.77.0.1");
    world_neighbour_begin();
    replay_run(replay, "windows-refused.rpc");
    world_neighbour_end();
    replay_destroy(replay);
    assert_true(server_log_waits_for(&world.server, "insecure", 60000));
    world_finish(&world);
}

TEST(uboot_reads_a_kernel_over_udp)
{
    world_play("uboot-udp.rpc");
}

TEST(uboot_reads_a_kernel_by_handles_of_the_table)
{
    struct world world = {0};
    world_prepare(&world);
    world.server.table_handles = true;
    world_start(&world);
    replay_run(world.replay, "uboot-udp.rpc");
    world_finish(&world);
}

TEST(a_uboot_until_2023_mounts_by_version_2_and_follows_links)
{
    world_play("uboot-2023.04.rpc");
}

TEST(a_uboot_until_2023_mounts_by_version_2_with_handles_of_the_table)
{
    struct world world = {0};
    world_prepare(&world);
    world.server.table_handles = true;
    world_start(&world);
    replay_run(world.replay, "uboot-2023.04.rpc");
    replay_run(world.replay, "uboot-2024.04.rpc");
    world_finish(&world);
}

TEST(a_uboot_of_2024_puts_the_length_in_front_of_a_handle)
{
    world_play("uboot-2024.04.rpc");
}

TEST(uboot_learns_that_a_file_is_missing)
{
    world_play("uboot-missing-file.rpc");
}

TEST(ipxe_reads_a_kernel_over_tcp)
{
    world_play("ipxe-tcp.rpc");
}

TEST(an_old_linux_kernel_has_its_root_over_udp)
{
    world_play("nfsroot-udp.rpc");
}
