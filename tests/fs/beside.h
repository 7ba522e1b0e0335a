/*
 * beside.h - what the tests share that hold a file system beside the host's own system calls: who
 * asks, a tmpfs for the files of both, and the rights that only a host's file has.
 *
 * Called by the tests *_as_the_host.c.
 */
#ifndef TESTS_FS_BESIDE_H
#define TESTS_FS_BESIDE_H

#include "base/view.h"
#include <loopnfs/vfs.h>

#define OWNER  1001u
#define MEMBER 1002u
#define GROUP  5000u /* the file's */
#define OTHER  6000u /* another group of the owner's */
#define NAMED  1004u /* in the access control list */

struct beside_caller {
    const char *name;
    struct cred cred;
};
#define BESIDE_CALLERS 8
extern struct beside_caller beside_callers[BESIDE_CALLERS];

/* An empty tmpfs, mode 0777, in mounts of this process's own; beside_finish(), or the process's
 * end, takes it away. The credentials and the vnode table are ready. Needs root. */
extern char beside_dir[32];
void beside_begin(void);
void beside_finish(struct vfs *fs);

struct vctx beside_ctx(const struct cred *cred);
struct view beside_view(const char *text);

/* What else than its mode decides about a file of the host. */
enum extra { EXTRA_NONE, EXTRA_LIST, EXTRA_APPEND, EXTRA_IMMUTABLE, EXTRAS };
extern const char *const beside_extra_names[EXTRAS];
void beside_extra_take(const char *path);
void beside_extra_give(const char *path, enum extra extra, uint32_t mode);

#endif
