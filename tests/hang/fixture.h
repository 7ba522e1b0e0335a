/*
 * fixture.h - a server with two exports, one of which hangs when the test says so.
 */
#ifndef TESTS_HANG_FIXTURE_H
#define TESTS_HANG_FIXTURE_H

#include "tests/lib/host.h"
#include "tests/lib/hung_fuse.h"
#include "tests/lib/mountclient.h"
#include "tests/lib/nfs3client.h"
#include "tests/lib/server.h"
#include "tests/lib/test.h"

/* Of 512 calls that may sleep at once, those that one user gets in a file system that hangs; and
 * those that the user whose calls were the first to hang has at most (bounds.c). */
#define HANG_OF_USER  90
#define HANG_OF_FIRST 135

/* The other export of `m` is on the file system `fuse`, at `dir`. */
struct hang {
    struct mounted m;
    struct hung_fuse *fuse;
    char dir[128];
    struct fh root;                   /* of that export */
    struct fh files[HUNG_FUSE_FILES]; /* in it, as far as looked up */
};

/* Before more options are given to m.server; then the rest. */
void hang_prepare(struct hang *h);
void hang_begin(struct hang *h);
void hang_end(struct hang *h);
/* The root of an export of this server. */
struct fh hang_mnt(struct hang *h, const char *path);
/* Sends a GETATTR and waits for no answer; its xid. */
uint32_t hang_send_getattr(struct client *client, const struct fh *fh);
/* The status of the next reply to arrive of those. */
uint32_t hang_status(struct client *client);
/* How many of `count` replies to come have each of two statuses; others fail the test. */
void hang_statuses(struct client *client, unsigned count, unsigned *ok, unsigned *jukebox);
/* SIGTERM ends the server, as far as the kernel can end what hangs in it, within what the unit
 * gives it (TimeoutStopSec). */
void hang_expect_end(struct hang *h);

#endif
