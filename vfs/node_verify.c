/*
 * node_verify.c - see node_verify.h.
 */
#include "vfs/node_verify.h"
#include "vfs/node_life.h"
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

_Thread_local const struct vnode *node_verified_last;

/* Whether the kernel can read the word at `at`. The system call fails in any case, as -1 is no
 * valid `how`, but with EFAULT only where the memory is unreadable. */
static bool readable(const void *at)
{
    const char *word = (const char *)at - (uintptr_t)at % sizeof(uint64_t);

    return syscall(SYS_rt_sigprocmask, -1, word, NULL, sizeof(uint64_t)) != 0 && errno != EFAULT;
}

/* Copies the id of what may be a node. The memory may be anything, so the sanitizers must
 * not check these reads. */
__attribute__((no_sanitize("address", "thread"))) static bool
id_read(const struct vfs *fs, const struct vnode *vn, struct vnode_id *id, bool *doomed)
{
    uintptr_t at = (uintptr_t)vn;

    if (at == 0 || at % _Alignof(struct vnode) != 0 || !readable(vn) || !readable(vn->id - 1))
        return false;
    if (vn->fs != fs || vn->type == VNON || vn->type > VFIFO)
        return false;
    id->len = vn->id_len;
    if (id->len == 0 || id->len > VNODE_ID_MAX || !readable(vn->id + id->len - 1))
        return false;
    for (int i = 0; i < id->len; i++)
        id->bytes[i] = vn->id[i];
    *doomed = vn->table_flags & VNODE_DOOMED && vn->table.refs > 0;
    return true;
}

bool node_verify_slow(struct vfs *fs, const struct vnode *vn)
{
    struct vnode_id id;
    bool doomed;

    if (!id_read(fs, vn, &id, &doomed))
        return false;
    struct vnode *known = vnode_find(fs, &id);
    bool same = known == vn;
    vnode_put(known);
    /* A node that was forgotten meanwhile is not in the table any more. */
    return same || doomed;
}
