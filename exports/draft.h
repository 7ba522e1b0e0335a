/*
 * draft.h - a table of exports while it is being written.
 *
 * The two readers (parse.c: the exports file; spec.c: the command line) put exports and clients
 * into a draft; load.c settles it, mounts what it names, and makes a table of it. A draft also
 * knows what is being read just now, so that every complaint says where. One thread, no locks.
 */
#ifndef EXPORTS_DRAFT_H
#define EXPORTS_DRAFT_H

#include "exports/exports.h"

/* The kind of file system where nothing else is said: the host's directories. */
#define EXPORT_TYPE_HOST "hostfs"

/* What mends a directory that can't be exported; the end of such messages. */
#define DRAFT_MEND "; export a directory that exists"

struct draft_entry {
    struct export export;
    char *where;     /* its first mention: "FILE:LINE", "--export SPEC", "DIR" */
    char *complaint; /* what keeps it from being served now; NULL: nothing does */
};

/* A client that was given as a host name, and where. */
struct draft_name {
    char *where, *name;
};

struct draft {
    size_t count, room;
    struct draft_entry *entries;
    size_t nnames;
    struct draft_name *names; /* until names_check() takes them */
    const char *reading;      /* the file, or the argument; borrowed */
    unsigned line;            /* in the file; 0: it has no lines */
    char *message;            /* the caller's; the first complaint stays */
    size_t message_size;
    bool made_up;  /* as in struct exports_source */
    bool lenient;  /* a directory that is not there makes an export that is absent */
    int64_t until; /* of CLOCK_MONOTONIC, ms: look.h's time for what does not answer is over */
};

/* How long to wait for the next thing that is looked at: look.h. */
int draft_look_ms(const struct draft *draft);

void draft_init(struct draft *draft, char *message, size_t message_size);
/* Frees all that load.c has not taken out. */
void draft_finish(struct draft *draft);

/* Writes "WHERE: ..." into the message and returns `error`. */
int draft_fail(struct draft *draft, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same into the log, as a warning. */
void draft_warn(const struct draft *draft, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * The entry for `path`, made where there is none; *index stays valid, pointers into the draft do
 * not. For hostfs the source (NULL: the path itself) must be a directory, and is kept with its
 * symbolic links resolved. An entry that exists must be of the same type, source and fs_options.
 */
int draft_export(struct draft *draft, const char *path, const char *type, const char *source,
                 const char *fs_options, size_t *index);
/* Adds a client; `spec` as in exports(5), NULL: this host. */
int draft_client(struct draft *draft, size_t index, const char *spec,
                 const struct export_options *options);
/* When all is read: ids, the order of clients, the order of exports. */
int draft_settle(struct draft *draft);

/* The exports file, one --export, one DIR. */
int parse_file(struct draft *draft, const char *file);
int parse_spec(struct draft *draft, const char *spec);
int parse_dir(struct draft *draft, const char *dir);

#endif
