/*
 * wire.h - what the tests of this group share: comparing replies with the host's own view.
 *
 * Each test runs its own server (tests/lib/mountclient.h: struct mounted), as root or as an
 * ordinary user (the variants), so the comparisons know who owns what.
 */
#ifndef TESTS_WIRE_WIRE_H
#define TESTS_WIRE_WIRE_H

#include "tests/lib/host.h"
#include "tests/lib/mountclient.h"
#include "tests/lib/test.h"

/* That attributes are those of DIR/NAME (NULL: DIR) on the host: every field but fsid. */
void expect_attr(const struct attr *attr, const char *dir, const char *name);
/* As a file's last attributes; atime may differ, since looking at a file can change it. */
void expect_attr_but_atime(const struct attr *attr, const char *dir, const char *name);
/* That `after` is there and is the object as it is now, and `before` makes sense where given. */
void expect_wcc(const struct wcc *wcc, const char *dir, const char *name);
bool same_fh(const struct fh *a, const struct fh *b);
bool same_time(struct nfs_time a, struct nfs_time b);

/* A regular file made through the server, mode 0644, with this text. */
struct fh make_file(struct mounted *m, const char *name, const char *text);
/* A directory made through the server, mode 0755. */
struct fh make_dir(struct mounted *m, const char *name);
/* That READ of the whole file gives this text. */
void expect_content(struct client *client, const struct fh *fh, const char *text);
/* A handle whose object is gone: STALE for everything. */
struct fh make_stale(struct mounted *m);
/* A handle the server did not make. */
struct fh make_bad(const struct fh *good);

/* A uid and gid that own nothing. */
#define STRANGER 1000

#endif
