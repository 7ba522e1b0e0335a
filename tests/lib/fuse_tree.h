/*
 * fuse_tree.h - a FUSE file system for tests whose names, and whose listings, are what a test says.
 *
 * A process of its own answers the kernel (raw /dev/fuse, one request at a time) from a tree in
 * memory that it shares with the test: the test is the file system's own hand and changes names
 * below the kernel's feet. Nothing is cached by the kernel (all validities are 0). A listing is a
 * list made by each opendir, and a position an index in it: positions of one opening mean
 * nothing in another, as in the high level of libfuse.
 */
#ifndef TESTS_LIB_FUSE_TREE_H
#define TESTS_LIB_FUSE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#define FUSE_TREE_NODES 4096
#define FUSE_TREE_NAME  4096 /* with the NUL */

struct fuse_tree {
    _Atomic uint32_t openings; /* of directories, so far */
    _Atomic uint32_t requests; /* of the kernel, so far */
    _Atomic bool folds;        /* names that differ in case only are one name */
    _Atomic uint32_t opener;   /* the uid that opened a file last */
    struct fuse_tree_node {
        _Atomic bool alive;
        bool directory;
        uint32_t parent;            /* index; the root is 0, and its own parent */
        _Atomic uint32_t opened_by; /* the only uid that may open the file; 0: any */
        _Atomic uint32_t mode;      /* of a file; 0: 0666 */
        char text[32];              /* what a file holds */
        uint64_t claims;            /* what its size is said to be; 0: as much as it holds */
        bool direct;                /* the kernel keeps no pages of it (FOPEN_DIRECT_IO) */
        char name[FUSE_TREE_NAME];
    } nodes[FUSE_TREE_NODES];
};

/* Mounts a tree with nothing but a root at an existing directory, in the private namespace of the
 * test (host_private_mounts). Skips the test where there is no FUSE. Ends with the test's process.
 */
struct fuse_tree *fuse_tree_mount(const char *at);
/* The same, and the kernel judges by modes, as for most daemons that several users may use. */
struct fuse_tree *fuse_tree_mount_by_modes(const char *at);
/* Ends the file system's process as if it had crashed, and takes its mount away. */
void fuse_tree_kill(struct fuse_tree *tree, const char *at);
/* Adds a file (text not NULL) or a directory; its index. */
uint32_t fuse_tree_add(struct fuse_tree *tree, uint32_t parent, const char *name, const char *text);
void fuse_tree_remove(struct fuse_tree *tree, uint32_t node);
void fuse_tree_move(struct fuse_tree *tree, uint32_t node, uint32_t parent, const char *name);
/* A name of `length` bytes: "xxxx...". */
const char *fuse_tree_long_name(uint32_t length);

#endif
