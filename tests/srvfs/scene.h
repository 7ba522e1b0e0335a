/*
 * scene.h - what the tests of srvfs share: a server with one, its control socket, and both ends of
 * descriptors.
 *
 * As in the wire tests the server runs as root or as an ordinary user (the variants).
 */
#ifndef TESTS_SRVFS_SCENE_H
#define TESTS_SRVFS_SCENE_H

#include "tests/lib/host.h"
#include "tests/lib/mountclient.h"
#include "tests/lib/test.h"

#define STRANGER 1000
#define WINDOW   65536

struct scene {
    struct server server;
    struct client client;
    struct fh root;
    char control[100];
};
/* window=64K, linger=1, posts=120, and what else `options` says (",wait=100"). */
void scene_begin_with(struct scene *s, const char *options);
/* The same in two steps, for a server that is to be started in another way. */
void scene_prepare(struct scene *s, const char *options);
void scene_start(struct scene *s);
void scene_begin(struct scene *s);
void scene_end(struct scene *s);
/* Tests that need to be several users. */
void scene_needs_root(void);

/* The answer to a command. */
struct answer {
    int error;
    char message[256];
    char lines[32768]; /* each ended by \n */
    int fd;            /* what came along, or -1 */
};
/* A connection to the control socket. */
int control_dial(const struct scene *s, uid_t uid);
/* Sends words (ended by NULL) as `uid`, with a descriptor or -1. */
struct answer tell(struct scene *s, uid_t uid, int fd, const char *const *words);
/* The server's own `status`, asked as `uid`. */
struct answer ask_status(struct scene *s, uid_t uid);
#define TELL(s, uid, fd, ...) tell(s, uid, fd, (const char *const[]){__VA_ARGS__, NULL})
/* Posts as the test's own user, which must work, and closes our copy. The file's handle. */
struct fh post(struct scene *s, const char *name, int fd);

/* Both ends of a connection, by a Unix socket pair: [0] to post. */
void pair_make(int ends[2]);
/* What arrives at our end: exactly `text`, and nothing more for a moment. */
void expect_arrives(int fd, const char *text);
/* That the other end is closed. */
bool waits_for_close(int fd, int ms);
void say_at(int fd, const char *text);

/* WRITE that takes all of it. */
void write_all(struct scene *s, const struct fh *fh, uint64_t offset, const char *text);
/* READ from offset gives this, and eof. */
void expect_read(struct scene *s, const struct fh *fh, uint64_t offset, const char *text);
/* Asks until the size is at least this. */
uint64_t wait_size(struct scene *s, const struct fh *fh, uint64_t size);
uint64_t size_of(struct scene *s, const struct fh *fh);
struct fh look(struct scene *s, const char *name);

#endif
