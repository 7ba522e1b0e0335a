/*
 * fuse_tree.c - see fuse_tree.h. The child's main loop is serve(); one function a request.
 */
#include "tests/lib/fuse_tree.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUEST_MAX (256 * 1024)
#define LISTS       64

/* What the child has for one opening of a directory. */
struct list {
    bool open;
    uint32_t count;
    uint32_t nodes[FUSE_TREE_NODES];
};

static struct {
    struct fuse_tree *tree;
    int fd;
    struct list lists[LISTS];
} child;

static pid_t child_pid;

static struct fuse_tree_node *node_at(uint64_t id)
{
    return id >= 1 && id <= FUSE_TREE_NODES ? &child.tree->nodes[id - 1] : NULL;
}

static void reply(uint64_t unique, int err, const void *data, size_t size)
{
    struct fuse_out_header head = {
        .len = (uint32_t)(sizeof(head) + size), .error = -err, .unique = unique};
    struct iovec parts[] = {{&head, sizeof(head)}, {(void *)(uintptr_t)data, size}};

    /* ENOENT: the request was interrupted meanwhile. */
    if (writev(child.fd, parts, size > 0 ? 2 : 1) < 0 && errno != ENOENT)
        _exit(1);
}

static void fill_attr(uint64_t id, struct fuse_attr *attr)
{
    const struct fuse_tree_node *node = node_at(id);

    *attr = (struct fuse_attr){
        .ino = id,
        .size = node->directory ? 4096
                : node->claims  ? node->claims
                                : strlen(node->text),
        .mode = node->directory ? S_IFDIR | 0777 : S_IFREG | (node->mode ? node->mode : 0666),
        .nlink = 1,
        .blksize = 4096,
    };
}

static void reply_entry(uint64_t unique, uint64_t id)
{
    struct fuse_entry_out out = {.nodeid = id};

    fill_attr(id, &out.attr);
    reply(unique, 0, &out, sizeof(out));
}

static uint64_t find(uint64_t parent, const char *name)
{
    int (*differ)(const char *, const char *) = child.tree->folds ? strcasecmp : strcmp;

    for (uint32_t i = 1; i < FUSE_TREE_NODES; i++) {
        const struct fuse_tree_node *node = &child.tree->nodes[i];
        if (node->alive && node->parent == parent - 1 && differ(node->name, name) == 0)
            return i + 1;
    }
    return 0;
}

static void init(uint64_t unique)
{
    struct fuse_init_out out = {
        .major = FUSE_KERNEL_VERSION,
        .minor = FUSE_KERNEL_MINOR_VERSION,
        .max_write = 65536,
        .flags = FUSE_MAX_PAGES, /* with it, Linux takes names of 4095 bytes */
        .max_pages = 32,
    };

    reply(unique, 0, &out, sizeof(out));
}

static void open_dir(uint64_t unique, uint64_t id)
{
    struct fuse_open_out out = {0};

    while (out.fh < LISTS && child.lists[out.fh].open)
        out.fh++;
    if (out.fh == LISTS) {
        reply(unique, ENFILE, NULL, 0);
        return;
    }
    struct list *list = &child.lists[out.fh];
    list->open = true;
    list->count = 0;
    for (uint32_t i = 1; i < FUSE_TREE_NODES; i++)
        if (child.tree->nodes[i].alive && child.tree->nodes[i].parent == id - 1)
            list->nodes[list->count++] = i;
    child.tree->openings++;
    reply(unique, 0, &out, sizeof(out));
}

static void read_dir(uint64_t unique, const struct fuse_read_in *in)
{
    static char buf[65536];
    const struct list *list = &child.lists[in->fh];
    size_t size = in->size < sizeof(buf) ? in->size : sizeof(buf), used = 0;

    for (uint64_t i = in->offset; i < list->count; i++) {
        const struct fuse_tree_node *node = &child.tree->nodes[list->nodes[i]];
        struct fuse_dirent *entry = (struct fuse_dirent *)(void *)(buf + used);
        size_t len = strlen(node->name);
        if (FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + len) > size - used)
            break;
        memset(entry, 0, FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + len));
        entry->ino = list->nodes[i] + 1;
        entry->off = i + 1;
        entry->namelen = (uint32_t)len;
        entry->type = node->directory ? S_IFDIR >> 12 : S_IFREG >> 12;
        memcpy(entry->name, node->name, len);
        used += FUSE_DIRENT_SIZE(entry);
    }
    reply(unique, 0, buf, used);
}

static void read_file(uint64_t unique, uint64_t id, const struct fuse_read_in *in)
{
    const char *text = node_at(id)->text;
    size_t len = strlen(text);
    size_t from = in->offset < len ? in->offset : len;

    reply(unique, 0, text + from, len - from < in->size ? len - from : in->size);
}

/* Rights are judged here and nowhere else: FUSE_ACCESS is not known. */
static void open_file(const struct fuse_in_header *in)
{
    const struct fuse_tree_node *node = node_at(in->nodeid);
    const struct fuse_open_out out = {.open_flags =
                                          node != NULL && node->direct ? FOPEN_DIRECT_IO : 0};
    uint32_t only = node != NULL ? node->opened_by : 0;

    child.tree->opener = in->uid;
    if (only != 0 && only != in->uid)
        reply(in->unique, EACCES, NULL, 0);
    else
        reply(in->unique, 0, &out, sizeof(out));
}

static void remove_name(uint64_t unique, uint64_t parent, const char *name)
{
    uint64_t id = find(parent, name);

    if (id != 0)
        node_at(id)->alive = false;
    reply(unique, id != 0 ? 0 : ENOENT, NULL, 0);
}

static void rename_name(uint64_t unique, uint64_t parent, uint64_t to, const char *name)
{
    const char *new_name = name + strlen(name) + 1;
    uint64_t id = find(parent, name), over = find(to, new_name);

    if (id != 0 && over != 0)
        node_at(over)->alive = false;
    if (id != 0)
        fuse_tree_move(child.tree, (uint32_t)id - 1, (uint32_t)to - 1, new_name);
    reply(unique, id != 0 ? 0 : ENOENT, NULL, 0);
}

static void get_attr(uint64_t unique, uint64_t id)
{
    struct fuse_attr_out out = {0};

    fill_attr(id, &out.attr);
    reply(unique, 0, &out, sizeof(out));
}

static void stat_fs(uint64_t unique)
{
    struct fuse_statfs_out out = {.st = {.bsize = 4096, .namelen = FUSE_TREE_NAME - 1}};

    reply(unique, 0, &out, sizeof(out));
}

static void handle(const struct fuse_in_header *in, const void *body)
{
    uint64_t id = in->nodeid;

    if (in->opcode == FUSE_FORGET || in->opcode == FUSE_BATCH_FORGET ||
        in->opcode == FUSE_INTERRUPT)
        return;
    if (in->opcode != FUSE_INIT && in->opcode != FUSE_STATFS &&
        (node_at(id) == NULL || !node_at(id)->alive)) {
        reply(in->unique, ESTALE, NULL, 0);
        return;
    }
    switch (in->opcode) {
    case FUSE_INIT:
        init(in->unique);
        return;
    case FUSE_STATFS:
        stat_fs(in->unique);
        return;
    case FUSE_LOOKUP:
        if (find(id, body) != 0)
            reply_entry(in->unique, find(id, body));
        else
            reply(in->unique, ENOENT, NULL, 0);
        return;
    case FUSE_GETATTR:
        get_attr(in->unique, id);
        return;
    case FUSE_OPENDIR:
        open_dir(in->unique, id);
        return;
    case FUSE_READDIR:
        read_dir(in->unique, body);
        return;
    case FUSE_RELEASEDIR:
        child.lists[((const struct fuse_release_in *)body)->fh].open = false;
        reply(in->unique, 0, NULL, 0);
        return;
    case FUSE_OPEN:
        open_file(in);
        return;
    case FUSE_READ:
        read_file(in->unique, id, body);
        return;
    case FUSE_FLUSH:
    case FUSE_RELEASE:
        reply(in->unique, 0, NULL, 0);
        return;
    case FUSE_UNLINK:
    case FUSE_RMDIR:
        remove_name(in->unique, id, body);
        return;
    case FUSE_RENAME2:
        rename_name(in->unique, id, ((const struct fuse_rename2_in *)body)->newdir,
                    (const char *)body + sizeof(struct fuse_rename2_in));
        return;
    default:
        reply(in->unique, ENOSYS, NULL, 0);
    }
}

static void __attribute__((noreturn)) serve(void)
{
    static _Alignas(8) char request[REQUEST_MAX];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        ssize_t n = read(child.fd, request, sizeof(request));
        if (n < 0 && (errno == ENOENT || errno == EINTR))
            continue;
        if (n < (ssize_t)sizeof(struct fuse_in_header))
            _exit(0); /* unmounted */
        child.tree->requests++;
        handle((const void *)request, request + sizeof(struct fuse_in_header));
    }
}

static struct fuse_tree *tree_mount(const char *at, const char *more)
{
    char options[128];

    child.fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (child.fd < 0)
        test_skip("no FUSE here: /dev/fuse: %s", strerror(errno));
    struct fuse_tree *tree = mmap(NULL, sizeof(*tree), PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(tree != MAP_FAILED);
    child.tree = tree;
    tree->nodes[0].alive = tree->nodes[0].directory = true;
    snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other%s",
             child.fd, more);
    assert_int_equal(mount("loopnfs-test", at, "fuse", MS_NOSUID | MS_NODEV, options), 0);
    child_pid = fork();
    if (child_pid == 0)
        serve();
    assert_true(child_pid > 0);
    close(child.fd);
    return tree;
}

struct fuse_tree *fuse_tree_mount(const char *at)
{
    return tree_mount(at, "");
}

struct fuse_tree *fuse_tree_mount_by_modes(const char *at)
{
    return tree_mount(at, ",default_permissions");
}

void fuse_tree_kill(struct fuse_tree *tree, const char *at)
{
    kill(child_pid, SIGKILL);
    waitpid(child_pid, NULL, 0);
    umount2(at, MNT_DETACH);
    munmap(tree, sizeof(*tree));
}

uint32_t fuse_tree_add(struct fuse_tree *tree, uint32_t parent, const char *name, const char *text)
{
    static uint32_t last;
    uint32_t i = ++last;

    assert_true(i < FUSE_TREE_NODES);
    struct fuse_tree_node *node = &tree->nodes[i];
    node->directory = text == NULL;
    node->claims = 0;
    node->direct = false;
    node->parent = parent;
    snprintf(node->text, sizeof(node->text), "%s", text != NULL ? text : "");
    snprintf(node->name, sizeof(node->name), "%s", name);
    node->alive = true;
    return i;
}

void fuse_tree_remove(struct fuse_tree *tree, uint32_t node)
{
    tree->nodes[node].alive = false;
}

void fuse_tree_move(struct fuse_tree *tree, uint32_t node, uint32_t parent, const char *name)
{
    tree->nodes[node].parent = parent;
    snprintf(tree->nodes[node].name, FUSE_TREE_NAME, "%s", name);
}

const char *fuse_tree_long_name(uint32_t length)
{
    static char name[FUSE_TREE_NAME];

    memset(name, 'x', length);
    name[length] = '\0';
    return name;
}
