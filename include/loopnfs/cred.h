/*
 * cred.h - on whose behalf an operation runs.
 *
 * A credential is made once a request (exports/, after squash and id map), borrowed by every
 * layer below for the duration of the call, and never changed.
 */
#ifndef LOOPNFS_CRED_H
#define LOOPNFS_CRED_H

#include <stdint.h>
#include <sys/types.h>

/* As the kernel's NGROUPS_MAX: more groups than this are not honoured. */
#define CRED_GROUPS_MAX 65536

struct cred {
    uid_t uid;
    gid_t gid;
    uint32_t ngroups;    /* supplementary groups, without gid */
    const gid_t *groups; /* borrowed; NULL where ngroups is 0 */
    /* Keyed hash over all of the above (cred_seal): equal for equal credentials, and not to be
     * guessed by a client, so that a file system may remember a verdict by it. */
    uint64_t hash;
};

#endif
