/*
 * draft.h - a table of exports while it is being written.
 *
 * The two readers (parse.c: the exports file; spec.c: the command line) put exports and clients
 * into a draft. load.c completes it, mounts what it names, and makes a table of it. A draft also
 * knows what is being read just now, so that every complaint can name the place. Used by one
 * thread; needs no lock.
 */
#ifndef EXPORTS_DRAFT_H
#define EXPORTS_DRAFT_H

#include "exports/exports.h"

/* The kind of an export's file system where the user names none: the host's directories. */
#define EXPORT_TYPE_HOST "hostfs"

/* The end of messages about a directory that can't be exported: what the user can do. */
#define DRAFT_MEND "; export a directory that exists"

struct draft_entry {
    struct export export;
    char *where;     /* its first mention: "FILE:LINE", "--export SPEC", "DIR" */
    char *complaint; /* why it can't be served now; NULL: it can */
};

/* A client that was given as a host name, and the place where it was given. */
struct draft_name {
    char *where, *name;
};

struct draft {
    size_t count, room;
    struct draft_entry *entries;
    size_t nnames;
    struct draft_name *names; /* until names_check() takes them */
    const char *reading;      /* the file, or the argument; borrowed */
    unsigned line;            /* line in the file; 0: what is read has no lines */
    char *message;            /* the caller's buffer; keeps the first complaint */
    size_t message_size;
    bool made_up;  /* as in struct exports_source */
    bool lenient;  /* a directory that is missing makes an absent export instead of an error */
    int64_t until; /* ms of CLOCK_MONOTONIC: end of the time for slow paths */
};

/* How long to wait for the next path that is looked at, in ms; see look.h. */
int draft_look_ms(const struct draft *draft);

void draft_init(struct draft *draft, char *message, size_t message_size);
/* Frees all that load.c has not taken out of the draft. */
void draft_finish(struct draft *draft);

/* Writes "WHERE: ..." into the message and returns `error`. */
int draft_fail(struct draft *draft, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Writes such a line into the log, as a warning. */
void draft_warn(const struct draft *draft, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Finds the entry for `path`, or makes one. *index stays valid; pointers into the draft do not. For
 * hostfs the source (NULL: the path itself) must be a directory, and is kept with its symbolic
 * links resolved. An existing entry must have been given with this type, source and fs_options,
 * else EINVAL.
 */
int draft_export(struct draft *draft, const char *path, const char *type, const char *source,
                 const char *fs_options, size_t *index);
/* Adds a client. `spec` as in exports(5); NULL: this host. */
int draft_client(struct draft *draft, size_t index, const char *spec,
                 const struct export_options *options);
/* Called when all is read: gives the exports ids, and sorts clients and exports. */
int draft_settle(struct draft *draft);

/* Read the exports file, one --export, one DIR. */
int parse_file(struct draft *draft, const char *file);
int parse_spec(struct draft *draft, const char *spec);
int parse_dir(struct draft *draft, const char *dir);

#endif
