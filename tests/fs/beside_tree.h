/*
 * beside_tree.h - two equal trees on the tmpfs of beside.h, one that a local process changes and
 * one of a file system: two directories, d and e, with things of each kind. Called by tests.
 */
#ifndef TESTS_FS_BESIDE_TREE_H
#define TESTS_FS_BESIDE_TREE_H

#include "tests/fs/beside.h"

/* Whose d is, whose all that is in it, and with which rights. */
struct beside_rights {
    uint32_t mode;
    uid_t dir_owner, owner;
    bool list; /* d has a default list */
};

/* A file system's tree. */
struct beside_tree {
    const char *type;
    const char *host;          /* the host's directory of it, or NULL */
    const struct cred *server; /* who runs the server; NULL: root */
    struct vfs *fs;
};

/* The directory of the local process's tree. */
extern char beside_reference[64];
/* Makes both trees anew; `t` without a file system gets one of its type that nobody changed. */
void beside_trees(struct beside_tree *t, const struct beside_rights *rights);

/* The directory that "a/b/c" is in, and *name, "c". To be put; NULL: there is none. */
struct vnode *beside_parent(struct vfs *fs, const char *path, const char **name);
/* The node at a path below the root, looked up by root; NULL: there is none. */
struct vnode *beside_find(struct vfs *fs, const char *path);

/* Whether both trees have equal names of equal types, modes, links and owners; and what they have.
 */
#define BESIDE_TEXT 4096
bool beside_trees_are_equal(const struct beside_tree *t, char host[BESIDE_TEXT],
                            char own[BESIDE_TEXT]);

#endif
