/*
 * name_table_file.h - keys and values in one file, for name_table.c alone, which has a lock around
 * each call.
 *
 * All of these take `dir`, the state directory. What fails is told in one line, at most ten times a
 * minute. A file that turns out to be damaged is moved aside and begun anew; what a file can't
 * take, since its disk is full or it can't be had any more, memory keeps until it can.
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
    struct sqlite3 *db; /* NULL: it is not open */
    struct sqlite3_stmt *get, *put, *drop;
};

struct table_file {
    struct table_db disk;
    struct table_db spill; /* in memory: what the file could not take */
    bool told;             /* that the file is gone from its place */
    dev_t dev;             /* of the file */
    ino_t ino;
};

/* Bytes borrowed from the caller or, until table_file_release(), from the file. */
struct table_blob {
    const uint8_t *bytes;
    size_t len;
};

/* Opens or makes the file. EIO and such, which were told. */
int table_file_begin(struct table_file *file, const char *dir);
/* Closes it, with everything on stable storage. */
void table_file_end(struct table_file *file, const char *dir);
/* ENOENT: there is no such key, or nothing is known any more. EIO: it can't be read now. */
int table_file_get(struct table_file *file, const char *dir, struct table_blob key,
                   struct table_blob *value);
void table_file_release(struct table_file *file);
/* ENOSPC, EIO, ...: it is not kept. */
int table_file_put(struct table_file *file, const char *dir, struct table_blob key,
                   struct table_blob value);
void table_file_delete(struct table_file *file, const char *dir, struct table_blob key);
/* Whether the file is still where it was; from memory back to a file. */
void table_file_look(struct table_file *file, const char *dir);

#endif
