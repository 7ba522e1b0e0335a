/*
 * exports_fixture.h - what the tests of exports/ share: a directory, files, a file system.
 *
 * In texts "$D" stands for the directory, which is made at first use, holds the directories a, b,
 * c and "with space", and is removed when the process ends.
 */
#ifndef TESTS_UNIT_EXPORTS_FIXTURE_H
#define TESTS_UNIT_EXPORTS_FIXTURE_H

#include "exports/internal.h"

/* A file system that only counts, `fs=counted`: mounts and unmounts since the start. A source
 * "broken" does not mount (EIO). */
struct fixture_mounts {
    int mounted, unmounted;
    struct vfs_mount_args last; /* strings are gone, */
    char options[128];          /* but these */
};
extern struct fixture_mounts fixture_mounts;

const char *fixture_dir(void);
/* The text with "$D" replaced; a new string, kept to the end of the process. */
const char *fixture_text(const char *text);
/* Writes (replaces) the exports file "$D/exports"; returns its path. */
const char *fixture_file(const char *text);

/* Parses a file with this text, which must be right, into a settled draft (draft_finish() it). */
void fixture_parse(const char *text, struct draft *draft);
/* ... must be wrong: the errno, and the message ("$D/exports:LINE: ...", without its beginning up
 * to the line number). */
void fixture_refuse(const char *text, int err, const char *message);
/* The one client of the one export in a file with this text. */
struct export_options fixture_options(const char *text);

/* Loads from these specs (NULL ends them). 0, or the errno with the message in fixture_message. */
extern char fixture_message[1024];
int fixture_load(const char *spec, ...) __attribute__((sentinel));

struct address fixture_address(const char *text);

#endif
