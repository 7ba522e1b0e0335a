/*
 * cred.h - the credential with which an operation runs.
 *
 * A credential is made once for each request (exports/, after squash and id map). Every layer below
 * borrows it for the call, and no layer changes it.
 */
#ifndef LOOPNFS_CRED_H
#define LOOPNFS_CRED_H

#include <stdint.h>
#include <sys/types.h>

/* The most groups of a credential, as the kernel's NGROUPS_MAX; further ones are ignored. */
#define CRED_GROUPS_MAX 65536

struct cred {
    uid_t uid;
    gid_t gid;
    uint32_t ngroups;    /* supplementary groups, without gid */
    const gid_t *groups; /* borrowed; NULL where ngroups is 0 */
    /* Keyed hash over all members above (cred_seal). Equal credentials have equal hashes, and no
     * client can guess one, so a file system may remember a verdict by it. */
    uint64_t hash;
};

#endif
