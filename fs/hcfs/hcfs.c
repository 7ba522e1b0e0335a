/*
 * hcfs.c - a flat list of files whose content is written in the program: the smallest useful file
 * system.
 *
 * docs/writing-a-file-system.md walks through it. Served by loopnfsd (fs=hcfs), and by
 * examples/hcfs with libloopnfs. A file's number is its place in the list. Numbers never change, so
 * handles outlive the server (VFS_STABLE_IDS). Owns nothing.
 */
#include <errno.h>
#include <loopnfs/vfs.h>
#include <string.h>

struct file {
    const char *name, *content;
};

/* The root is number 1; the file at place i has number i + 2. */
#define FIRST (VNODE_NUMBER_ROOT + 1)
static const struct file files[] = {
    {"README", "These files are written in a program; see fs/hcfs/hcfs.c.\n"},
    {"hello", "Hello, world!\n"},
    {"empty", ""},
};
#define FILES (sizeof(files) / sizeof(files[0]))

/* The file of a node; NULL: the node is the root, or its number is not in the list. */
static const struct file *file_of(const struct vnode *vn)
{
    uint64_t place = vnode_number(vn) - FIRST;

    return place < FILES ? &files[place] : NULL;
}

static int hcfs_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    const struct file *file = file_of(vn);

    (void)ctx;
    if (file == NULL && vn->type != VDIR)
        return ESTALE; /* a handle from before the list was changed */
    vnode_attr_default(vn, attr);
    if (file != NULL)
        attr->size = attr->used = strlen(file->content);
    return 0;
}

static int hcfs_lookup(const struct vctx *ctx, struct vnode *dir, const char *name,
                       struct vnode **out, struct vattr *attr)
{
    (void)ctx;
    (void)attr; /* not filled in, so the library asks getattr */
    for (uint64_t i = 0; i < FILES; i++)
        if (strcmp(files[i].name, name) == 0)
            return vnode_intern_number(dir->fs, FIRST + i, VREG, out);
    return ENOENT;
}

static int hcfs_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf,
                     size_t *len, bool *eof, struct vattr *attr)
{
    const struct file *file = file_of(vn);

    (void)ctx;
    (void)attr;
    if (file == NULL)
        return ESTALE;
    uint64_t size = strlen(file->content);
    uint64_t left = offset < size ? size - offset : 0;
    if (*len > left)
        *len = left;
    if (*len > 0)
        memcpy(buf, file->content + offset, *len);
    *eof = *len == left;
    return 0;
}

static int hcfs_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie,
                        struct vdirents *page)
{
    uint64_t next = cookie == 0 ? 0 : cookie - VCOOKIE_FIRST + 1;

    (void)ctx;
    (void)dir;
    while (next < FILES && vdirents_add(page, FIRST + next, VCOOKIE_FIRST + next, VREG,
                                        files[next].name, strlen(files[next].name)))
        next++;
    page->eof = next >= FILES;
    return 0;
}

extern const struct vfs_type hcfs_type;
const struct vfs_type hcfs_type = {
    .name = "hcfs",
    .flags = VFS_READ_ONLY | VFS_STABLE_IDS,
    .ops = {.getattr = hcfs_getattr,
            .lookup = hcfs_lookup,
            .read = hcfs_read,
            .readdir = hcfs_readdir},
};
VFS_TYPE(hcfs_type);
