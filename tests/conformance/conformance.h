/*
 * conformance.h - what a test body of the suite is written in.
 *
 *     BODY(a_hard_link_is_the_same_file, PLAIN | LINKS)
 *     {
 *         struct object file = make_file(here, "a", "text");
 *         expect_ok(t_link(file, here, "b"));
 *         expect_same(find(here, "b"), file);
 *     }
 *
 * One body a behaviour, for every file system, by the driver that the command line chose. Each has
 * its process, its mount and an empty directory (`here`) for itself, so that it cleans nothing up;
 * a failed expectation ends the process. What a body needs of a file system is its second word: it
 * runs where the target has all of it. CMake greps both from the line.
 */
#ifndef TESTS_CONFORMANCE_CONFORMANCE_H
#define TESTS_CONFORMANCE_CONFORMANCE_H

#include "tests/conformance/driver.h"
#include <errno.h>
#include <loopnfs/errors.h>
#include <stdbool.h>
#include <string.h>

/* What a file system and the circumstances of the run can do (caps.c). */
enum cap {
    FILES = 1 << 0,      /* regular files can be made and removed */
    WRITE = 1 << 1,      /* ... written and truncated */
    DIRS = 1 << 2,       /* directories can be made and removed */
    RENAME = 1 << 3,     /* names can be changed */
    ATTRS = 1 << 4,      /* modes and times can be set */
    SYMLINKS = 1 << 5,   /* as in enum vfs_flags */
    LINKS = 1 << 6,      /* ... */
    SPECIALS = 1 << 7,   /* ... */
    DEVICES = 1 << 8,    /* device nodes can be made by whom we are */
    USERS = 1 << 9,      /* we are root, and others have their own rights */
    RESTART = 1 << 10,   /* the server can be started anew */
    STABLE = 1 << 11,    /* handles outlive that */
    READ_ONLY = 1 << 12, /* nothing can be changed */
    ROOM = 1 << 13,      /* thousands of files are no problem */
    TINY = 1 << 14,      /* it is so small that it can be filled, and nobody else uses it */
    /* What every file system that can be written to has, and most bodies need. */
    PLAIN = FILES | WRITE | DIRS | RENAME | ATTRS,
};

struct body {
    const char *name, *file;
    const char *needs_text;
    uint32_t needs; /* enum cap */
    void (*run)(void);
    struct body *next;
};
void body_register(struct body *body);

#define BODY(sentence, what)                                           \
    static void body_##sentence(void);                                 \
    __attribute__((constructor)) static void register_##sentence(void) \
    {                                                                  \
        static struct body body = {.name = #sentence,                  \
                                   .file = __FILE__,                   \
                                   .needs_text = #what,                \
                                   .needs = (what),                    \
                                   .run = body_##sentence};            \
        body_register(&body);                                          \
    }                                                                  \
    static void body_##sentence(void)

/* --- expectations: what fails says where and why, and ends the process --- */

#define fail(...) fail_at(__FILE__, __LINE__, __VA_ARGS__)
void fail_at(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));
#define expect(condition)          ((condition) ? (void)0 : fail("not true: %s", #condition))
#define expect_number(got, wanted) expect_number_at(got, wanted, #got, __FILE__, __LINE__)
void expect_number_at(uint64_t got, uint64_t wanted, const char *what, const char *file, int line);
#define expect_ok(err) expect_error_at(err, (const int[]){0, 0}, #err, __FILE__, __LINE__)
/* One of these errors: where RFC 1813 or POSIX leave a choice. */
#define expect_error(err, ...) \
    expect_error_at(err, (const int[]){__VA_ARGS__, 0}, #err, __FILE__, __LINE__)
void expect_error_at(int err, const int *allowed, const char *what, const char *file, int line);
const char *error_name(int err);

/* --- the scene --- */

extern struct object root; /* of the file system */
extern struct object here; /* an empty directory for the body; the root where none can be made */
extern const struct driver *driver;
/* How finely the file system keeps times: nanoseconds, 1 where it keeps them all. */
extern uint64_t granularity;
/* Whom operations are for at first: the user who runs the server. */
extern struct who myself;

/* Whether the target has all of these capabilities: for bodies that look at what is there. */
bool can(uint32_t all_of);
/* Whether it says that it has this one, be it left out of this run or not. */
bool claims(uint32_t cap);
/* Operations are for this user from now on; for us again. */
void as(uid_t uid, gid_t gid);
void as_member(uid_t uid, gid_t gid, gid_t extra_group);
void as_myself(void);
void restart(void);

/* --- calls, in the order of struct vfs_ops; 0 or an error --- */

struct view text_view(const char *text);
#define BYTES(literal) ((struct view){(const uint8_t *)(literal), sizeof(literal) - 1})

int t_getattr(struct object node, struct vattr *attr);
int t_setattr(struct object node, const struct vsetattr *set);
#define t_set(node, ...) t_setattr(node, &(const struct vsetattr){__VA_ARGS__})
int t_chmod(struct object node, uint32_t mode);
int t_chown(struct object node, uid_t uid, gid_t gid);
int t_truncate(struct object node, uint64_t size);
int t_times(struct object node, struct timespec atime, struct timespec mtime);
int t_lookup(struct object dir, const char *name, struct object *out);
int t_readlink(struct object node, char buf[VPATH_MAX + 1]);
/* Up to *len bytes; *eof may be NULL. */
int t_read(struct object node, uint64_t offset, void *buf, size_t *len, bool *eof);
/* All of it, UNSTABLE; a short write fails the body. */
int t_write(struct object node, uint64_t offset, const void *buf, size_t len);
int t_write_text(struct object node, uint64_t offset, const char *text);
/* GUARDED. */
int t_create(struct object dir, const char *name, uint32_t mode, struct object *out);
int t_create_how(struct object dir, const char *name, const struct vcreate *how,
                 struct object *out);
int t_mkdir(struct object dir, const char *name, uint32_t mode, struct object *out);
int t_symlink(struct object dir, const char *name, const char *target, struct object *out);
int t_mknod(struct object dir, const char *name, enum vtype type, uint32_t rdev_major,
            uint32_t rdev_minor, struct object *out);
int t_remove(struct object dir, const char *name);
int t_rmdir(struct object dir, const char *name);
int t_rename(struct object from_dir, const char *from, struct object to_dir, const char *to);
int t_link(struct object node, struct object dir, const char *name);

/* --- what is often done with them, and has to work --- */

struct vattr attr_of(struct object node);
/* Which of all rights the caller has: enum vaccess. */
uint32_t access_of(struct object node);
struct object find(struct object dir, const char *name);
struct object make_file(struct object dir, const char *name, const char *text);
struct object make_dir(struct object dir, const char *name);
struct object make_symlink(struct object dir, const char *name, const char *target);
struct object make_fifo(struct object dir, const char *name);

/* A node of any of these kinds, for bodies about all combinations. */
enum kind { NOTHING, A_FILE, A_DIR, A_FULL_DIR, A_SYMLINK, A_FIFO };
struct object make(enum kind kind, struct object dir, const char *name);

bool same(struct object a, struct object b);
void expect_same(struct object a, struct object b);
/* The whole content. */
void expect_text(struct object file, const char *text);
void expect_target(struct object link, const char *target);
/* `name` is there and is this node; is not there. */
void expect_entry(struct object dir, const char *name, struct object node);
void expect_missing(struct object dir, const char *name);
/* The node is gone, and its handle says so. */
void expect_stale(struct object node);
/* As far as the file system keeps times (--granularity). */
bool same_time(struct timespec a, struct timespec b);
bool before(struct timespec a, struct timespec b);
/* Until the file system's clock has moved on: times of what follows differ from those before. */
void let_time_pass(void);
/* Bytes that differ from place to place. */
unsigned char pattern(uint64_t at);
void fill_pattern(void *buf, uint64_t from, size_t len);

/* Listings. A page that fails fails the body. */
struct page *list_page(struct object dir, uint64_t cookie, uint32_t size, struct page *page);
/* How many names there are, `.` and `..` not counted; and whether `name` is listed how often. */
unsigned list_count(struct object dir);
unsigned list_times(struct object dir, const char *name);
bool is_dots(const struct item *item);

#endif
