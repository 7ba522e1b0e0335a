/*
 * setattr_compare.h - SETATTR of a file system's file beside the host's own system calls on another
 * one: all combinations of who asks, of its rights, and of size, times, mode, owner and group.
 *
 * Called by the tests of setattr_as_the_host.c and setattr_of_the_servers.c.
 */
#ifndef TESTS_FS_SETATTR_COMPARE_H
#define TESTS_FS_SETATTR_COMPARE_H

#include "tests/fs/beside.h"

/* A file system's file. */
struct setattr_subject {
    const char *type;
    bool is_host;              /* its rights are those of a file of the host */
    bool plain_modes;          /* it has no set-id bits */
    bool fixed_owner;          /* mode, owner and group are not its to change */
    enum vtype kind;           /* VNON: a regular file */
    const struct cred *server; /* who runs the server; NULL: root */
    char host[100];            /* the host's file, "" where there is none */
    unsigned long read_only;   /* MS_RDONLY, also MS_BIND: while it is asked, it is mounted so */
    struct vfs *fs;
    struct vnode *vn;
    /* Brings the file back to owner OWNER:GROUP, this mode, 5 bytes and old times. */
    void (*reset)(struct setattr_subject *s, uint32_t mode);
};

/* The times of a file at first, seconds. */
#define SETATTR_OLD 1000000000

/* The file that the local process changes: the caller makes it, of the kind of the subject's. */
extern char setattr_reference[64];
/* Brings a file of the host back to OWNER:GROUP, this mode, 5 bytes and old times. */
void setattr_host_reset(const char *path, uint32_t mode);
/* Where an ordinary user runs the server, the test's own hands are another's: root's or his. */
void setattr_hands(const struct setattr_subject *s, const struct cred *cred);
/* The node of a name in the root. */
void setattr_find(struct setattr_subject *s, const char *name);
/* All of it; unmounts the file system. */
void setattr_compare(struct setattr_subject *s);

#endif
