/*
 * vfs_drop.c - a file system whose nodes hold what is no descriptor: handles of a network library,
 * say, that are given up by a call of that library, which may take as long as the network likes.
 */
#include "base/cred.h"
#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#define NODES 300

/* The library's handle of a remote file. */
struct remote {
    struct vfs *fs;
    uint64_t number;
};

struct part {
    struct remote *remote;
};

static struct {
    _Atomic unsigned released, unmounted, reclaimed;
    _Atomic bool on_a_threads_of_its_own, looks, refused;
    pthread_t main;
    sem_t network; /* a release waits for it, where `slow` */
    bool slow;
} seen;

static struct vnode_id id_of(uint64_t number)
{
    struct vnode_id id = {.len = sizeof(number)};

    memcpy(id.bytes, &number, sizeof(number));
    return id;
}

static int remote_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    struct vnode_id id = id_of(0);

    (void)args;
    return vnode_intern(fs, &id, VDIR, NULL, NULL, &fs->root, NULL);
}

static void remote_unmount(struct vfs *fs)
{
    (void)fs;
    seen.unmounted++;
}

/* No lock of the table's is held: it may be asked for the node itself. */
static void remote_release(void *arg)
{
    struct remote *remote = arg;
    struct vnode_id id = id_of(remote->number);

    if (seen.slow)
        sem_wait(&seen.network);
    if (pthread_equal(pthread_self(), seen.main))
        seen.on_a_threads_of_its_own = false;
    if (seen.unmounted > 0)
        seen.refused = true; /* the library's connection would be gone */
    if (seen.looks)
        vnode_put(vnode_find(remote->fs, &id));
    free(remote);
    seen.released++;
}

static void remote_drop(struct vnode *vn, bool all, struct vnode_drops *drops)
{
    struct part *part = vnode_private(vn);

    (void)all;
    if (part->remote == NULL)
        return;
    if (!vnode_drop(drops, remote_release, part->remote))
        seen.refused = true;
    part->remote = NULL;
    vnode_count_fds(vn, -1);
}

static void remote_reclaim(struct vnode *vn)
{
    (void)vn;
    seen.reclaimed++;
}

static const struct vfs_type remote_type = {
    .name = "remote",
    .node_size = sizeof(struct part),
    .ops = {.mount = remote_mount,
            .unmount = remote_unmount,
            .drop = remote_drop,
            .reclaim = remote_reclaim},
};
VFS_TYPE(remote_type);

static struct vfs *begin(uint32_t fds)
{
    struct vfs_mount_args args = {.source = "nothing"};
    struct vfs *fs;

    cred_init();
    assert_int_equal(vnode_table_init(100000, fds), 0);
    assert_int_equal(vfs_mount("remote", &args, &fs), 0);
    assert_return_code(sem_init(&seen.network, 0, 0), errno);
    seen.main = pthread_self();
    seen.on_a_threads_of_its_own = true;
    return fs;
}

static void use(struct vfs *fs, uint64_t number)
{
    struct vnode_id id = id_of(number);
    struct vnode *vn;

    assert_int_equal(vnode_intern(fs, &id, VREG, NULL, NULL, &vn, NULL), 0);
    struct part *part = vnode_private(vn);
    if (part->remote == NULL) {
        part->remote = calloc(1, sizeof(*part->remote));
        assert_non_null(part->remote);
        *part->remote = (struct remote){fs, number};
        vnode_count_fds(vn, 1);
    }
    vnode_put(vn);
}

/* Until all that was handed over has been released. */
static void wait_released(unsigned count)
{
    for (int i = 0; i < 6000 && seen.released < count; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_int_equal(seen.released, count);
}

TEST(what_nodes_hold_besides_descriptors_is_bounded_and_released_by_its_own_function)
{
    struct vfs *fs = begin(50);
    struct vnode_table_stats stats;

    seen.looks = true;
    for (uint64_t i = 1; i <= NODES; i++)
        use(fs, i);
    vnode_table_stats_get(&stats);
    assert_true(stats.fds < NODES);
    for (int i = 0; i < 3; i++)
        vnode_table_tick();
    wait_released(NODES);
    vnode_table_stats_get(&stats);
    assert_int_equal(stats.fds, 0);
    /* Had again, and given up with the node. */
    use(fs, 1);
    vfs_put(fs);
    wait_released(NODES + 1);
    for (int i = 0; i < 6000 && !vfs_all_gone(); i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_true(vfs_all_gone());
    assert_int_equal(seen.unmounted, 1);
    assert_true(seen.on_a_threads_of_its_own);
    assert_false(seen.refused);
    vnode_table_finish();
}

TEST(a_release_that_sleeps_keeps_no_request_waiting_and_the_unmount_until_it_is_done)
{
    struct vfs *fs = begin(100000);

    seen.slow = true;
    for (uint64_t i = 1; i <= NODES; i++)
        use(fs, i);
    for (int i = 0; i < 3; i++)
        vnode_table_tick();
    /* The network is down: all go on to use the file system, and even give it up. */
    for (uint64_t i = 1; i <= NODES; i++)
        use(fs, i);
    vfs_put(fs);
    assert_int_equal(seen.reclaimed, NODES + 1);
    assert_int_equal(seen.unmounted, 0);
    assert_int_equal(seen.released, 0);
    for (unsigned i = 0; i < 2 * NODES; i++)
        sem_post(&seen.network);
    wait_released(2 * NODES);
    for (int i = 0; i < 6000 && !vfs_all_gone(); i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_true(vfs_all_gone());
    assert_int_equal(seen.unmounted, 1);
    assert_false(seen.refused);
    vnode_table_finish();
}

static unsigned many_left;

static void many_release(void *arg)
{
    (void)arg;
    seen.released++;
}

static void many_drop(struct vnode *vn, bool all, struct vnode_drops *drops)
{
    int count = 0;

    (void)all;
    for (; many_left > 0 && vnode_drop(drops, many_release, NULL); many_left--)
        count++;
    vnode_count_fds(vn, -count);
}

static const struct vfs_type many_type = {.name = "many",
                                          .ops = {.mount = remote_mount, .drop = many_drop}};
VFS_TYPE(many_type);

TEST(a_node_drops_up_to_15_things_at_once_and_keeps_what_has_no_room)
{
    struct vfs_mount_args args = {.source = "nothing"};
    struct vnode_dropped dropped[4];
    struct vfs *fs;

    cred_init();
    assert_int_equal(vnode_table_init(1000, 1000), 0);
    assert_int_equal(vfs_mount("many", &args, &fs), 0);
    many_left = VNODE_DROPS_MAX + 5;
    assert_int_equal(vnode_drop_root(fs->root, dropped, 4), 4);
    for (int i = 0; i < 4; i++)
        dropped[i].release(dropped[i].arg);
    assert_int_equal(seen.released, 4);
    assert_int_equal(many_left, VNODE_DROPS_MAX + 1);
    vnode_drop_soon(fs->root);
    vfs_put(fs);
    vnode_table_finish();
}
