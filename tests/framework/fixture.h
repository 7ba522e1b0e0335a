/*
 * fixture.h - what the framework's tests share: a file system mounted without a server, and a
 * library's server in this process with a client.
 */
#ifndef TESTS_FRAMEWORK_FIXTURE_H
#define TESTS_FRAMEWORK_FIXTURE_H

#include "base/view.h"
#include "tests/lib/nfs3client.h"
#include <loopnfs/loopnfs.h>

/* A type, mounted below the wrappers. NULL: it was refused. */
struct vfs *fixture_mount(const struct vfs_type *type);
void fixture_unmount(struct vfs *fs);
/* Root's, and somebody's. */
extern const struct vctx fixture_root, fixture_nobody;
struct view fixture_name(const char *name);
/* What was logged since fixture_log_begin(): it goes to a file instead of stderr. */
void fixture_log_begin(void);
bool fixture_log_has(const char *text);

/* Of this process: made at the first call, removed with the process. */
const char *fixture_state_dir(void);
/* A library's server on a free port; state and everything ends with the process. */
struct loopnfs *fixture_serve(const struct vfs_type *type, uint32_t flags);
/* A client of it, and the root. Any thread but the author's may call it. */
void fixture_connect(unsigned port, const char *path, struct client *client, struct fh *root);

#endif
