/*
 * hung_fuse.h - a FUSE file system that stops answering when a test says so.
 *
 * A process of its own answers the kernel (raw /dev/fuse): a root directory with the files "f0",
 * "f1", ... of HUNG_FUSE_TEXT each. While `hung` is set it takes requests and answers none, so that
 * who made them sleeps in a way that no signal ends; what it kept is answered when `hung` is taken
 * back. What is written is taken and forgotten. Nothing is cached by the kernel. Modes can be
 * changed, and the kernel judges by them.
 */
#ifndef TESTS_LIB_HUNG_FUSE_H
#define TESTS_LIB_HUNG_FUSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define HUNG_FUSE_FILES 1000
#define HUNG_FUSE_TEXT  "what a file holds"

struct hung_fuse {
    _Atomic bool hung;
    /* If not 0: it hangs for requests of this kind (FUSE_SETATTR, ...), or of this file only. */
    _Atomic uint32_t hung_kind, hung_file; /* of "f0": 1 */
    _Atomic uint32_t uid;                  /* whose the files are, 0 at first */
    _Atomic int close_error;               /* with which it answers to a close; 0 at first */
    _Atomic uint32_t held;                 /* requests that wait for an answer now */
    pid_t pid;
};

/* Mounts one at an existing directory, in the private namespace of the test (host_private_mounts).
 * Skips the test where there is no FUSE. Its process ends with the test's. */
struct hung_fuse *hung_fuse_mount(const char *at);
/* Ends its process, and with it every request: with ENOTCONN. */
void hung_fuse_kill(struct hung_fuse *fuse, const char *at);
/* Waits until so many requests wait at least; fails the test after half a minute. */
void hung_fuse_holds(struct hung_fuse *fuse, uint32_t count);

#endif
