/*
 * name_table_file.h - keys and values in one file. For name_table.c only, which holds a lock during
 * each call.
 *
 * `dir` is the state directory in all functions. A failure is logged in one line, at most ten times
 * a minute. A file that turns out to be damaged is moved aside and begun anew. What the file can't
 * take, because its disk is full or the file can't be had any more, is kept in memory until it can.
 */
#ifndef HOSTFS_LOCATE_NAME_TABLE_FILE_H
#define HOSTFS_LOCATE_NAME_TABLE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sqlite3;
struct sqlite3_stmt;

struct table_db {
    struct sqlite3 *db; /* NULL: the database is not open */
    struct sqlite3_stmt *get, *put, *drop;
};

struct table_file {
    struct table_db disk;
    struct table_db spill; /* in memory: rows that the file could not take */
    bool told;             /* it was logged that the file is gone from its place */
    dev_t dev;             /* device and inode of the file */
    ino_t ino;
};

/* Bytes borrowed from the caller, or from the file until table_file_release(). */
struct table_blob {
    const uint8_t *bytes;
    size_t len;
};

/* Opens or makes the file. Errors such as EIO were logged. */
int table_file_begin(struct table_file *file, const char *dir);
/* Closes the file, with everything on stable storage. */
void table_file_end(struct table_file *file, const char *dir);
/* ENOENT: there is no such key, or the file was lost. EIO: the file can't be read now. */
int table_file_get(struct table_file *file, const char *dir, struct table_blob key,
                   struct table_blob *value);
void table_file_release(struct table_file *file);
/* ENOSPC, EIO, ...: the row is not kept. */
int table_file_put(struct table_file *file, const char *dir, struct table_blob key,
                   struct table_blob value);
void table_file_delete(struct table_file *file, const char *dir, struct table_blob key);
/* Looks whether the file is still in its place, and moves rows from memory to the file where that
 * is possible now. */
void table_file_look(struct table_file *file, const char *dir);

#endif
