/*
 * world.c - see world.h.
 */
#include "tests/fuzz/world.h"
#include "access/handle.h"
#include "base/cred.h"
#include "base/hash.h"
#include "base/log.h"
#include "exports/exports.h"
#include "mountd/mountd.h"
#include "net/net.h"
#include "nfsd/nfsd.h"
#include "portmap/program.h"
#include "portmap/table.h"
#include "rpc/dispatch.h"
#include "rpc/reply_cache.h"
#include "tests/fuzz/check.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include "vfs/mount.h"
#include "vfs/vnode_table.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Small, so that everything is evicted all the time. */
#define NODES_MAX         64
#define FDS_MAX           16
#define REPLIES_MAX       64
#define REPLIES_BYTES_MAX (256 * 1024)
/* The table rounds its bound up for each of its shards, and keeps what is in use. */
#define NODES_SLACK 96
/* Descriptors beside those of nodes: standard ones, state, what one call opens. */
#define FDS_SLACK 48

#define SECRET "the canary's secret must not be read"

/* ASan's malloc is not glibc's. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static char tree[64]; /* of the process's world, for the clean-up */
static pid_t owner;
static bool mounted;

static void clean_up(void)
{
    if (getpid() != owner || tree[0] == '\0' || cred_assume_server() != 0)
        return;
    if (mounted)
        umount2(tree, MNT_DETACH);
    else
        host_remove_tree(tree);
    rmdir(tree);
    tree[0] = '\0';
}

int world_open_fds(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");

    while (dir != NULL && readdir(dir) != NULL)
        count++;
    if (dir != NULL)
        closedir(dir);
    return count;
}

size_t world_heap(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    return mallinfo2().uordblks + mallinfo2().hblkhd;
}

/* --- the trees --- */

static void make_socket(const char *dir, const char *name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true((size_t)snprintf(at.sun_path, sizeof(at.sun_path), "%s/%s", dir, name) <
                sizeof(at.sun_path));
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    close(fd);
}

static void make_export(const struct world *world, const char *dir)
{
    char name[16];
    struct host_path sub = host_path(dir, "dir");

    assert_true(mkdir(dir, 0755) == 0 || errno == EEXIST);
    host_chmod(dir, NULL, 0777);
    host_write(dir, "file", "a file\n");
    host_write(dir, "empty", "");
    host_write_pattern(dir, "big", 200000);
    host_write(dir, "ro", "nobody writes here\n");
    host_chmod(dir, "ro", 0444);
    assert_int_equal(link(host_path(dir, "file").text, host_path(dir, "hard").text), 0);
    host_mkdir(dir, "private", 0700);
    host_mkdir(dir, "dir", 0755);
    host_mkdir(sub.text, "sub", 0755);
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof(name), "entry %d", i);
        host_write(sub.text, name, "x");
    }
    host_symlink("file", dir, "link");
    host_symlink("../outside", dir, "out");
    host_symlink(host_path(world->outside_dir, "secret").text, dir, "absolute");
    assert_int_equal(mkfifo(host_path(dir, "fifo").text, 0666), 0);
    make_socket(dir, "sock");
}

static void make_outside(const struct world *world)
{
    const char *dir = world->outside_dir;

    host_mkdir(world->base, "outside", 0777);
    host_write(dir, "secret", SECRET);
    host_chmod(dir, "secret", 0666);
    host_mkdir(dir, "dir", 0777);
    host_write(host_path(dir, "dir").text, "file", SECRET);
    host_symlink("../export/file", dir, "back");
    /* A name that an export's is the beginning of. */
    host_mkdir(world->base, "export2", 0777);
    host_write(host_path(world->base, "export2").text, "file", SECRET);
}

/* --- the canary --- */

static uint64_t sum; /* of the walk that is going on: nftw has no argument for it */

static int sum_entry(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    char content[256] = "";
    const uint64_t facts[] = {st->st_mode,
                              st->st_uid,
                              st->st_gid,
                              st->st_nlink,
                              (uint64_t)st->st_size,
                              st->st_ino,
                              (uint64_t)st->st_mtim.tv_sec,
                              (uint64_t)st->st_mtim.tv_nsec,
                              (uint64_t)st->st_ctim.tv_sec,
                              (uint64_t)st->st_ctim.tv_nsec};
    uint64_t h = hash_bytes(path, strlen(path), 0);

    (void)at;
    h = hash_bytes(facts, sizeof(facts), h);
    if (flag == FTW_F) {
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        ssize_t n = fd < 0 ? -1 : read(fd, content, sizeof(content));
        h = hash_bytes(content, n > 0 ? (size_t)n : 0, h);
        if (fd >= 0)
            close(fd);
    }
    sum += hash_mix(h); /* in whatever order */
    return 0;
}

static uint64_t canary_sum(const struct world *world)
{
    struct stat st = host_stat(world->base, NULL);

    sum = (uint64_t)st.st_mtim.tv_sec + (uint64_t)st.st_mtim.tv_nsec; /* what the base holds */
    nftw(world->outside_dir, sum_entry, 20, FTW_PHYS);
    nftw(host_path(world->base, "export2").text, sum_entry, 20, FTW_PHYS);
    return sum;
}

const char *world_check_canary(struct world *world)
{
    if (cred_assume_server() != 0)
        return "the server's own identity does not come back";
    if (canary_sum(world) != world->canary)
        return "something outside of the exports was changed";
    return NULL;
}

/* --- the server --- */

static void make_dirs(struct world *world)
{
    snprintf(world->base, sizeof(world->base), "/tmp/loopnfs-fuzz-XXXXXX");
    assert_non_null(mkdtemp(world->base));
    if (owner == 0)
        atexit(clean_up);
    owner = getpid();
    strcpy(tree, world->base);
    mounted = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
              mount("fuzz", tree, "tmpfs", MS_NODEV | MS_NOSUID, "size=8m,nr_inodes=20000") == 0;
    assert_int_equal(chmod(world->base, 0755), 0);
    strcpy(world->export_dir, host_path(world->base, "export").text);
    strcpy(world->squash_dir, host_path(world->base, "squash").text);
    strcpy(world->readonly_dir, host_path(world->base, "readonly").text);
    strcpy(world->outside_dir, host_path(world->base, "outside").text);
    strcpy(world->state_dir, host_path(world->base, "state").text);
    const char *const paths[] = {world->export_dir, world->squash_dir, world->readonly_dir,
                                 world->base, world->outside_dir};
    memcpy(world->paths, paths, sizeof(paths));
}

/* An entry of the portmapper that is the server's own. */
static void register_own(void)
{
    struct portmap_entry own = {
        .program = PROGRAM_NFS, .version = 3, .netid = netid_of(AF_INET, IPPROTO_TCP), .own = true};

    assert_int_equal(address_parse("0.0.0.0", 2049, &own.address), 0);
    assert_true(portmap_table_set(&own));
}

static void begin_server(struct world *world)
{
    static const uint8_t key[16] = "a key to fuzz";
    static bool registered;
    char specs[3][200], message[512] = "";
    const char *list[] = {specs[0], specs[1], specs[2]};
    const struct exports_source source = {.specs = list,
                                          .nspecs = 3,
                                          .state_dir = world->state_dir,
                                          .table_handles = world->table_handles};

    snprintf(specs[0], sizeof(specs[0]), "%s,client=127.0.0.0/8,rw,no_root_squash,insecure",
             world->export_dir);
    snprintf(specs[1], sizeof(specs[1]), "%s,client=*,rw,all_squash,async,insecure",
             world->squash_dir);
    snprintf(specs[2], sizeof(specs[2]), "%s,client=*,ro,secure,subtree_check",
             world->readonly_dir);
    handle_init_key(key);
    assert_int_equal(vnode_table_init(NODES_MAX, FDS_MAX), 0);
    assert_int_equal(reply_cache_init(REPLIES_MAX, REPLIES_BYTES_MAX), 0);
    if (exports_load(&source, message, sizeof(message)) != 0)
        fail_msg("%s", message);
    register_own();
    if (registered)
        return;
    registered = true;
    nfsd_register();
    mountd_register();
    portmap_program_register();
}

void world_begin(struct world *world)
{
    *world = (struct world){.table_handles = world->table_handles};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    umask(0);
    log_init(LOG_LEVEL_ERROR);
    cred_init();
    make_dirs(world);
    make_outside(world);
    host_mkdir(world->base, "state", 0700);
    /* Of its own: files of clients that fill theirs must leave room for the handle table. */
    if (mounted)
        assert_int_equal(mount("fuzz", world->state_dir, "tmpfs", 0, "size=64m,mode=700"), 0);
    make_export(world, world->export_dir);
    make_export(world, world->squash_dir);
    make_export(world, world->readonly_dir);
    world->canary = canary_sum(world);
    world->reply = malloc(NET_MESSAGE_MAX);
    assert_non_null(world->reply);
    begin_server(world);
    world_restore(world);
}

void world_finish(struct world *world)
{
    assert_int_equal(cred_assume_server(), 0);
    exports_finish();
    vnode_table_finish();
    reply_cache_finish();
    mountd_finish();
    portmap_table_clear();
    free(world->reply);
    clean_up();
}

/* --- calls --- */

static void remove_content(const char *dir)
{
    DIR *list = opendir(dir);
    const struct dirent *entry;

    assert_non_null(list);
    while ((entry = readdir(list)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            host_remove_tree(host_path(dir, entry->d_name).text);
    closedir(list);
}

static void restore_export(struct world *world, const char *dir)
{
    assert_int_equal(chown(dir, geteuid(), getegid()), 0);
    host_chmod(dir, NULL, 0777);
    remove_content(dir);
    make_export(world, dir);
}

/* A handle by a call that must not fail; it is the last one of the reply. */
static struct fh fetch(struct world *world, struct bytes *message, const char *what)
{
    struct random first; /* makes the first choice always: TCP, a reserved port of loopback */
    const uint64_t before = world->done;

    random_from_bytes(&first, (const uint8_t *)"", 0);
    const char *wrong = world_call(world, &first, message);
    if (wrong != NULL || world->done == before)
        fail_msg("no handle of %s: %s", what, wrong != NULL ? wrong : "an error");
    const struct handles *handles = &world->handles;
    return handles->list[(handles->next == handles->dirs ? HANDLES_MAX : handles->next) - 1];
}

/* The exports' roots, and some of what is in them. */
static void fetch_handles(struct world *world)
{
    static const char *const known[] = {"dir", "file", "big", "link", "private", "fifo"};
    struct bytes message = {0};
    struct fh dirs[6];
    size_t count = 0;

    world->handles = (struct handles){0};
    for (size_t i = 0; i < 3; i++) {
        message.len = 0;
        client_put_header(&message, (uint32_t)i, PROGRAM_MOUNT, 3, 1, &caller_root);
        put_string(&message, world->paths[i]);
        const struct fh root = dirs[count++] = fetch(world, &message, world->paths[i]);
        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
            message.len = 0;
            client_put_header(&message, 0, PROGRAM_NFS, 3, 3, &caller_root);
            put_fh(&message, &root);
            put_string(&message, known[k]);
            const struct fh found = fetch(world, &message, known[k]);
            if (k == 0)
                dirs[count++] = found;
        }
    }
    world->handles = (struct handles){0};
    for (size_t i = 0; i < 5; i++)
        handles_add_dir(&world->handles, &dirs[i]);
    bytes_free(&message);
}

void world_restore(struct world *world)
{
    assert_int_equal(cred_assume_server(), 0);
    restore_export(world, world->export_dir);
    restore_export(world, world->squash_dir);
    fetch_handles(world);
    vfs_tick();
}

static const char *check_bounds(const struct world *world)
{
    struct vnode_table_stats stats;

    vnode_table_stats_get(&stats);
    if (stats.fds > FDS_MAX + FDS_SLACK || stats.nodes > NODES_MAX + NODES_SLACK)
        return "the vnode table exceeds its bounds";
    if (world->calls % 64 == 0 && world_open_fds() > FDS_MAX + 2 * FDS_SLACK)
        return "descriptors are left open";
    return NULL;
}

const char *world_call(struct world *world, struct random *random, const struct bytes *message)
{
    static const char *const peers[] = {"127.0.0.1:700", "127.0.0.1:40000", "[::1]:700",
                                        "192.0.2.7:700"};
    struct net_message call = {.is_datagram = random_one_in(random, 3), .len = message->len};
    uint8_t *copy = malloc(message->len ? message->len : 1); /* exactly: what is behind is seen */
    bool done;

    assert_non_null(copy);
    if (message->len > 0)
        memcpy(copy, message->data, message->len);
    /* Loopback mostly: others are turned away early. */
    uint32_t peer = random_below(random, 12);
    assert_int_equal(address_parse(peers[peer < 4 ? peer : 0], 0, &call.peer), 0);
    assert_int_equal(address_parse("127.0.0.1:2049", 0, &call.local), 0);
    call.data = copy;
    call.reply_room = call.is_datagram ? NET_DATAGRAM_MAX : NET_MESSAGE_MAX;
    /* The end of the room is the end of the buffer. */
    call.reply = world->reply + ((NET_MESSAGE_MAX - call.reply_room) & ~(size_t)3);
    size_t len = rpc_dispatch(&call);
    const char *wrong = len > call.reply_room ? "the reply exceeds its room" : NULL;
    if (wrong == NULL)
        wrong = check_reply(copy, message->len, call.reply, len, &world->handles, &done);
    if (wrong == NULL && memmem(call.reply, len, SECRET, sizeof(SECRET) - 1) != NULL)
        wrong = "a file outside of the exports was read";
    free(copy);
    world->calls++;
    world->done += wrong == NULL && done;
    return wrong != NULL ? wrong : check_bounds(world);
}

void world_print(const struct bytes *message)
{
    printf("%zu bytes:", message->len);
    for (size_t i = 0; i < message->len && i < 4096; i++)
        printf("%s%02x", i % 32 == 0 ? "\n  " : i % 4 == 0 ? " " : "", message->data[i]);
    printf("\n");
}
