/*
 * jsonfs.c - shows a JSON file as a tree of files, read-only: jsonfs [OPTION...] FILE.json
 *
 * An object is a directory of its members, an array one of "0", "1", ...; a string, number or
 * literal is a file with its text and a newline. This is an example of registered pointers: each
 * value has a struct node, and the library makes ids and handles of the nodes' addresses. The mount
 * makes the tree, which does not change afterwards, so that no operation needs a lock.
 */
#include <errno.h>
#include <json-c/json.h>
#include <loopnfs/loopnfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
    char *name;
    struct node *parent;
    char *content;         /* a file's text; NULL: a directory */
    struct node *children; /* in the file's order; a cookie of readdir is a place in it */
    size_t count;
};

static void node_clear(struct node *node)
{
    for (size_t i = 0; i < node->count; i++)
        node_clear(&node->children[i]);
    free(node->children);
    free(node->content);
    free(node->name);
}

static int node_fill(struct node *node, struct json_object *value);

static int child_add(struct node *node, const char *name, struct json_object *value)
{
    struct node *child = &node->children[node->count];

    /* Leaves out a key that can't be a name: an empty one, or one with '/'. */
    if (name[0] == '\0' || strlen(name) > VNAME_MAX || strchr(name, '/') != NULL ||
        strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    *child = (struct node){.name = strdup(name), .parent = node};
    node->count++;
    return child->name != NULL ? node_fill(child, value) : ENOMEM;
}

static int directory_fill(struct node *node, struct json_object *value)
{
    bool is_array = json_object_is_type(value, json_type_array);
    size_t count =
        is_array ? json_object_array_length(value) : (size_t)json_object_object_length(value);
    int err = 0;

    node->children = calloc(count + 1, sizeof(*node->children));
    if (node->children == NULL)
        return ENOMEM;
    if (is_array) {
        for (size_t i = 0; i < count && err == 0; i++) {
            char name[24];
            snprintf(name, sizeof(name), "%zu", i);
            err = child_add(node, name, json_object_array_get_idx(value, i));
        }
        return err;
    }
    json_object_object_foreach(value, key, member)
    {
        if (err == 0)
            err = child_add(node, key, member);
    }
    return err;
}

static int node_fill(struct node *node, struct json_object *value)
{
    if (json_object_is_type(value, json_type_object) || json_object_is_type(value, json_type_array))
        return directory_fill(node, value);
    const char *text = value != NULL ? json_object_get_string(value) : "null";
    return asprintf(&node->content, "%s\n", text) < 0 ? ENOMEM : 0;
}

static int jsonfs_mount(struct vfs *fs, const struct vfs_mount_args *args)
{
    if (args->source == NULL)
        return vfs_refuse(args, EINVAL, "name a JSON file, as in: jsonfs FILE");
    struct json_object *document = json_object_from_file(args->source);
    if (document == NULL) {
        const char *why = json_util_get_last_err();
        return vfs_refuse(args, EINVAL, "%.*s", (int)strcspn(why != NULL ? why : "no JSON", "\n"),
                          why != NULL ? why : "no JSON");
    }
    struct node *root = calloc(1, sizeof(*root));
    int err = root != NULL ? node_fill(root, document) : ENOMEM;
    json_object_put(document);
    if (err == 0 && root->content != NULL)
        err = vfs_refuse(args, ENOTDIR, "it holds a single value, which is no directory");
    if (err == 0)
        err = vnode_register_root(fs, root);
    if (err != 0 && root != NULL)
        node_clear(root);
    if (err != 0)
        free(root);
    else
        fs->private = root;
    return err;
}

static void jsonfs_unmount(struct vfs *fs)
{
    node_clear(fs->private);
    free(fs->private);
}

static enum vtype type_of(const struct node *node)
{
    return node->content != NULL ? VREG : VDIR;
}

static int jsonfs_getattr(const struct vctx *ctx, struct vnode *vn, struct vattr *attr)
{
    const struct node *node = vnode_pointer(vn);

    (void)ctx;
    vnode_attr_default(vn, attr);
    if (node->content != NULL)
        attr->size = attr->used = strlen(node->content);
    return 0;
}

static int jsonfs_lookup(const struct vctx *ctx, struct vnode *dir, const char *name,
                         struct vnode **out, struct vattr *attr)
{
    struct node *node = vnode_pointer(dir);

    (void)ctx;
    (void)attr;
    if (strcmp(name, "..") == 0)
        return vnode_register(dir->fs, node->parent, VDIR, out);
    for (size_t i = 0; i < node->count; i++) {
        struct node *child = &node->children[i];
        if (strcmp(child->name, name) == 0)
            return vnode_register(dir->fs, child, type_of(child), out);
    }
    return ENOENT;
}

static int jsonfs_read(const struct vctx *ctx, struct vnode *vn, uint64_t offset, void *buf,
                       size_t *len, bool *eof, struct vattr *attr)
{
    const struct node *node = vnode_pointer(vn);
    size_t size = strlen(node->content);
    size_t left = offset < size ? size - offset : 0;

    (void)ctx;
    (void)attr;
    if (*len > left)
        *len = left;
    if (*len > 0)
        memcpy(buf, node->content + offset, *len);
    *eof = *len == left;
    return 0;
}

static int jsonfs_readdir(const struct vctx *ctx, struct vnode *dir, uint64_t cookie,
                          struct vdirents *page)
{
    const struct node *node = vnode_pointer(dir);
    uint64_t next = cookie == 0 ? 0 : cookie - VCOOKIE_FIRST + 1;

    (void)ctx;
    for (; next < node->count; next++) {
        struct node *child = &node->children[next];
        struct vnode *vn;
        struct vattr attr;

        /* The fileid in a listing must be the one that getattr returns. */
        int err = vnode_register(dir->fs, child, type_of(child), &vn);
        if (err != 0)
            return err;
        vnode_attr_default(vn, &attr);
        vnode_put(vn);
        if (!vdirents_add(page, attr.fileid, VCOOKIE_FIRST + next, type_of(child), child->name,
                          strlen(child->name)))
            break;
    }
    page->eof = next >= node->count;
    return 0;
}

static const struct vfs_type jsonfs_type = {
    .name = "jsonfs",
    .flags = VFS_READ_ONLY,
    .ops = {.mount = jsonfs_mount,
            .unmount = jsonfs_unmount,
            .getattr = jsonfs_getattr,
            .lookup = jsonfs_lookup,
            .read = jsonfs_read,
            .readdir = jsonfs_readdir},
};
VFS_TYPE(jsonfs_type); /* for --module of loopnfsd */

int main(int argc, char **argv)
{
    return loopnfs_serve(&jsonfs_type, argc, argv);
}
