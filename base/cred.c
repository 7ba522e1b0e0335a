/*
 * cred.c - see cred.h.
 *
 * The identity that a thread acts as is remembered, since switching it takes several system calls,
 * which cost more than most operations; usually a client's next request is of that user, too.
 *
 * setfsuid() takes away those capabilities that are about files. An ordinary user's operation must
 * not have the others either: they open what the kernel shows of processes and of itself (proc, and
 * what asks for CAP_SYS_ADMIN), and let a user exceed quotas. So the thread's effective set is
 * empty while it acts as any user but uid 0. The permitted set stays full, since the thread needs
 * it to become the server again.
 */
#include "base/cred.h"
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Groups that are remembered for a thread. An identity with more groups is set anew each time. */
#define REMEMBERED_GROUPS CRED_PAUSE_GROUPS
/* A credential with at most this number of groups is hashed without allocating memory. */
#define HASHED_GROUPS 256

static uint8_t hash_key[crypto_shorthash_KEYBYTES];
static struct cred server;
static gid_t *server_groups;
static bool can_switch;
/* The capabilities of the process at cred_init(), and a copy of them with an empty effective
 * set. */
static struct __user_cap_data_struct full[_LINUX_CAPABILITY_U32S_3], bare[_LINUX_CAPABILITY_U32S_3];

static _Thread_local struct {
    bool known; /* the other members say what the thread acts as */
    uid_t uid;
    gid_t gid;
    uint32_t ngroups;
    gid_t groups[REMEMBERED_GROUPS];
} acting;

static int set_capabilities(const struct __user_cap_data_struct *data)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capset, &header, data) == 0 ? 0 : errno;
}

static void learn_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

    if (syscall(SYS_capget, &header, full) != 0)
        memset(full, 0, sizeof(full));
    memcpy(bare, full, sizeof(bare));
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        bare[i].effective = 0;
}

/* Tries to switch, because capabilities, user namespaces and security modules may each forbid
 * it. */
static bool switching_works(void)
{
    if (geteuid() != 0)
        return false;
    syscall(SYS_setfsuid, 1);
    bool works = syscall(SYS_setfsuid, (uid_t)-1) == 1;
    syscall(SYS_setfsuid, geteuid());
    if (!works)
        return false;
    syscall(SYS_setfsgid, 1);
    works = syscall(SYS_setfsgid, (gid_t)-1) == 1;
    syscall(SYS_setfsgid, getegid());
    /* Sets the groups that the process has already: the kernel allows this only to a process that
     * may set any. */
    return works && syscall(SYS_setgroups, server.ngroups, server.groups) == 0;
}

void cred_init(void)
{
    if (sodium_init() < 0)
        abort();
    acting.known = false; /* what switching_works() tries is not remembered */
    crypto_shorthash_keygen(hash_key);
    int n = getgroups(0, NULL);
    free(server_groups);
    server_groups = n > 0 ? calloc((size_t)n, sizeof(gid_t)) : NULL;
    if (server_groups != NULL)
        n = getgroups(n, server_groups);
    server.uid = geteuid();
    server.gid = getegid();
    server.ngroups = server_groups != NULL && n > 0 ? (uint32_t)n : 0;
    server.groups = server_groups;
    cred_seal(&server);
    learn_capabilities();
    can_switch = switching_works();
}

void cred_seal(struct cred *cred)
{
    uint32_t words[3 + HASHED_GROUPS] = {cred->uid, cred->gid, cred->ngroups};
    uint8_t hash[crypto_shorthash_BYTES];

    _Static_assert(sizeof(hash) == sizeof(cred->hash), "a 64-bit hash");
    _Static_assert(sizeof(gid_t) == sizeof(uint32_t), "groups are hashed as words");
    size_t first = cred->ngroups < HASHED_GROUPS ? cred->ngroups : HASHED_GROUPS;
    if (first > 0)
        memcpy(words + 3, cred->groups, first * sizeof(gid_t));
    crypto_shorthash(hash, (const uint8_t *)words, (3 + first) * sizeof(uint32_t), hash_key);
    for (size_t done = first; done < cred->ngroups; done += first) {
        first = cred->ngroups - done < HASHED_GROUPS ? cred->ngroups - done : HASHED_GROUPS;
        memcpy(words, hash, sizeof(hash));
        memcpy(words + 3, cred->groups + done, first * sizeof(gid_t));
        crypto_shorthash(hash, (const uint8_t *)words, (3 + first) * sizeof(uint32_t), hash_key);
    }
    memcpy(&cred->hash, hash, sizeof(hash));
}

const struct cred *cred_server(void)
{
    return &server;
}

bool cred_can_switch(void)
{
    return can_switch;
}

static bool acts_as(const struct cred *cred)
{
    return acting.known && acting.uid == cred->uid && acting.gid == cred->gid &&
           acting.ngroups == cred->ngroups &&
           (cred->ngroups == 0 ||
            memcmp(acting.groups, cred->groups, cred->ngroups * sizeof(gid_t)) == 0);
}

int cred_assume(const struct cred *cred)
{
    if (!can_switch || acts_as(cred))
        return 0;
    /* A new thread's capabilities are not known: it inherited those of the thread that made it. */
    int err = acting.known && acting.uid == 0 ? 0 : set_capabilities(full);
    acting.known = false;
    if (err != 0)
        return err;
    if (syscall(SYS_setgroups, cred->ngroups, cred->groups) != 0)
        return errno;
    /* setfsgid() and setfsuid() report no failure. A call with an impossible id changes nothing and
     * returns the current id. */
    syscall(SYS_setfsgid, cred->gid);
    syscall(SYS_setfsuid, cred->uid);
    if ((gid_t)syscall(SYS_setfsgid, (gid_t)-1) != cred->gid ||
        (uid_t)syscall(SYS_setfsuid, (uid_t)-1) != cred->uid)
        return EPERM;
    if (cred->uid != 0 && (err = set_capabilities(bare)) != 0)
        return err;
    if (cred->ngroups > REMEMBERED_GROUPS)
        return 0;
    acting.uid = cred->uid;
    acting.gid = cred->gid;
    acting.ngroups = cred->ngroups;
    if (cred->ngroups > 0)
        memcpy(acting.groups, cred->groups, cred->ngroups * sizeof(gid_t));
    acting.known = true;
    return 0;
}

int cred_assume_reader(const struct cred *cred)
{
    struct __user_cap_data_struct reads[_LINUX_CAPABILITY_U32S_3];
    int err = cred_assume(cred);

    if (err != 0 || !can_switch || cred->uid == 0)
        return err;
    memcpy(reads, bare, sizeof(reads));
    reads[0].effective = reads[0].permitted & 1u << CAP_DAC_READ_SEARCH;
    acting.known = false; /* so the next cred_assume() sets everything anew */
    return reads[0].effective != 0 ? set_capabilities(reads) : EPERM;
}

int cred_assume_server(void)
{
    return cred_assume(&server);
}

bool cred_pause(struct cred_pause *pause)
{
    if (!can_switch)
        return true;
    if (!acting.known)
        return false;
    pause->cred = (struct cred){
        .uid = acting.uid, .gid = acting.gid, .ngroups = acting.ngroups, .groups = pause->groups};
    memcpy(pause->groups, acting.groups, sizeof(pause->groups));
    if (cred_assume_server() == 0)
        return true;
    cred_go_on(pause);
    return false;
}

int cred_go_on(const struct cred_pause *pause)
{
    return can_switch ? cred_assume(&pause->cred) : 0;
}
