/*
 * hung_fuse.c - see hung_fuse.h. Speaks the kernel's protocol (linux/fuse.h) as far as a root
 * directory with files needs it.
 */
#include "tests/lib/hung_fuse.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUEST_MAX (FUSE_MIN_READ_BUFFER + 65536)
#define KEPT_MAX    4096

/* A request that waits. */
struct kept {
    uint8_t *bytes;
};

static struct kept kept[KEPT_MAX];
static unsigned kept_count;

static void answer(int fd, uint64_t unique, int err, const void *body, size_t len)
{
    uint8_t reply[4096];
    struct fuse_out_header header = {
        .len = (uint32_t)(sizeof(header) + len), .error = -err, .unique = unique};

    memcpy(reply, &header, sizeof(header));
    if (len > 0)
        memcpy(reply + sizeof(header), body, len);
    if (write(fd, reply, header.len) < 0 && errno == ENODEV)
        _exit(0);
}

static const struct hung_fuse *ours;
static uint32_t modes[HUNG_FUSE_FILES]; /* 0: 0666 */

static uint32_t mode_of(uint64_t node)
{
    uint32_t mode = modes[node - 2];
    return S_IFREG | (mode ? mode & 07777 : 0666);
}

static struct fuse_attr attr_of(uint64_t node)
{
    return (struct fuse_attr){
        .uid = ours->uid,
        .ino = node,
        .size = node == FUSE_ROOT_ID ? 4096 : strlen(HUNG_FUSE_TEXT),
        .mode = node == FUSE_ROOT_ID ? S_IFDIR | 0777 : mode_of(node),
        .nlink = node == FUSE_ROOT_ID ? 2 : 1,
        .blksize = 4096,
    };
}

static void answer_lookup(int fd, const struct fuse_in_header *in, const char *name)
{
    unsigned number;

    if (sscanf(name, "f%u", &number) != 1 || number >= HUNG_FUSE_FILES) {
        answer(fd, in->unique, ENOENT, NULL, 0);
        return;
    }
    struct fuse_entry_out out = {.nodeid = number + 2, .attr = attr_of(number + 2)};
    answer(fd, in->unique, 0, &out, sizeof(out));
}

static void answer_init(int fd, const struct fuse_in_header *in)
{
    struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
                                .minor = 31,
                                .max_write = 65536,
                                .max_background = 64,
                                .time_gran = 1};

    answer(fd, in->unique, 0, &out, sizeof(out));
}

static void answer_request(int fd, const uint8_t *bytes)
{
    const struct fuse_in_header *in = (const void *)bytes;
    const uint8_t *body = bytes + sizeof(*in);
    struct fuse_attr_out attr = {.attr = attr_of(in->nodeid)};
    struct fuse_write_out written = {0};
    struct fuse_open_out opened = {.open_flags = FOPEN_DIRECT_IO};
    struct fuse_statfs_out statfs = {.st = {.bsize = 4096, .namelen = 255, .frsize = 4096}};
    const struct fuse_read_in *reads = (const void *)body;
    const struct fuse_setattr_in *set = (const void *)body;
    const size_t size = strlen(HUNG_FUSE_TEXT);

    switch (in->opcode) {
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        break;
    case FUSE_INIT:
        answer_init(fd, in);
        break;
    case FUSE_LOOKUP:
        answer_lookup(fd, in, (const char *)body);
        break;
    case FUSE_SETATTR:
        if (in->nodeid != FUSE_ROOT_ID && set->valid & FATTR_MODE)
            modes[in->nodeid - 2] = set->mode | S_IFREG;
        attr.attr = attr_of(in->nodeid);
        answer(fd, in->unique, 0, &attr, sizeof(attr));
        break;
    case FUSE_GETATTR:
        answer(fd, in->unique, 0, &attr, sizeof(attr));
        break;
    case FUSE_OPEN:
    case FUSE_OPENDIR:
        answer(fd, in->unique, 0, &opened, sizeof(opened));
        break;
    case FUSE_READ:
        if (reads->offset < size)
            answer(fd, in->unique, 0, &HUNG_FUSE_TEXT[reads->offset], size - reads->offset);
        else
            answer(fd, in->unique, 0, NULL, 0);
        break;
    case FUSE_WRITE:
        written.size = ((const struct fuse_write_in *)(const void *)body)->size;
        answer(fd, in->unique, 0, &written, sizeof(written));
        break;
    case FUSE_FLUSH:
        answer(fd, in->unique, ours->close_error, NULL, 0);
        break;
    case FUSE_FSYNC:
    case FUSE_READDIR:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
        answer(fd, in->unique, 0, NULL, 0);
        break;
    case FUSE_STATFS:
        answer(fd, in->unique, 0, &statfs, sizeof(statfs));
        break;
    default:
        answer(fd, in->unique, ENOSYS, NULL, 0);
    }
}

static bool wants_no_answer(const uint8_t *bytes)
{
    const struct fuse_in_header *in = (const void *)bytes;

    return in->opcode == FUSE_FORGET || in->opcode == FUSE_BATCH_FORGET ||
           in->opcode == FUSE_INTERRUPT;
}

static bool is_hung(const struct hung_fuse *fuse, const uint8_t *bytes)
{
    const struct fuse_in_header *in = (const void *)bytes;

    return fuse->hung && (fuse->hung_kind == 0 || in->opcode == fuse->hung_kind) &&
           (fuse->hung_file == 0 || in->nodeid == fuse->hung_file + 1);
}

static void keep(struct hung_fuse *fuse, const uint8_t *bytes, size_t len)
{
    if (wants_no_answer(bytes) || kept_count == KEPT_MAX)
        return;
    kept[kept_count].bytes = malloc(len);
    if (kept[kept_count].bytes == NULL)
        _exit(1);
    memcpy(kept[kept_count++].bytes, bytes, len);
    fuse->held = kept_count;
}

static void let_go(struct hung_fuse *fuse, int fd)
{
    for (unsigned i = 0; i < kept_count; i++) {
        answer_request(fd, kept[i].bytes);
        free(kept[i].bytes);
    }
    kept_count = 0;
    fuse->held = 0;
}

static void serve(struct hung_fuse *fuse, int fd)
{
    static _Alignas(8) uint8_t bytes[REQUEST_MAX];
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    for (;;) {
        poll(&wait, 1, 10);
        if (!fuse->hung && kept_count > 0)
            let_go(fuse, fd);
        if (!(wait.revents & (POLLIN | POLLERR)))
            continue;
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n < 0 && errno == ENODEV)
            _exit(0);
        if (n < (ssize_t)sizeof(struct fuse_in_header))
            continue;
        if (is_hung(fuse, bytes))
            keep(fuse, bytes, (size_t)n);
        else
            answer_request(fd, bytes);
    }
}

/* Before the end of a test that failed: a server that sleeps in one could not be ended. */
static struct hung_fuse *mounted[4];

static void kill_all(void)
{
    for (size_t i = 0; i < sizeof(mounted) / sizeof(mounted[0]); i++)
        if (mounted[i] != NULL)
            kill(mounted[i]->pid, SIGKILL);
}

static void remember(struct hung_fuse *fuse)
{
    size_t i = 0;

    while (i < sizeof(mounted) / sizeof(mounted[0]) - 1 && mounted[i] != NULL)
        i++;
    if (mounted[0] == NULL)
        atexit(kill_all);
    mounted[i] = fuse;
}

struct hung_fuse *hung_fuse_mount(const char *at)
{
    char options[128];
    struct hung_fuse *fuse =
        mmap(NULL, sizeof(*fuse), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

    assert_true(fuse != MAP_FAILED);
    if (fd < 0)
        test_skip("there is no /dev/fuse here");
    snprintf(options, sizeof(options),
             "fd=%d,rootmode=40000,user_id=0,group_id=0,"
             "allow_other,default_permissions",
             fd);
    if (mount("hung", at, "fuse", MS_NOSUID | MS_NODEV, options) != 0)
        test_skip("FUSE can't be mounted here");
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        ours = fuse;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(fuse, fd);
    }
    fuse->pid = pid; /* shared: the child's own 0 must never get there */
    close(fd);
    remember(fuse);
    return fuse;
}

void hung_fuse_kill(struct hung_fuse *fuse, const char *at)
{
    kill(fuse->pid, SIGKILL);
    waitpid(fuse->pid, NULL, 0);
    for (size_t i = 0; i < sizeof(mounted) / sizeof(mounted[0]); i++)
        if (mounted[i] == fuse)
            mounted[i] = NULL;
    umount2(at, MNT_DETACH);
}

void hung_fuse_holds(struct hung_fuse *fuse, uint32_t count)
{
    for (int i = 0; fuse->held < count; i++) {
        if (i == 3000)
            fail_msg("%u requests wait, not %u", fuse->held, count);
        host_sleep_ms(10);
    }
}
