/*
 * name_table_file.c - the handle table's file: a SQLite database; see name_table_file.h.
 *
 * The file has one table `rows` of keys and values. One connection holds the file's lock
 * (EXCLUSIVE), so the index of the WAL is in memory and not in a mapped file. The format's version
 * is in user_version. A file of another version is moved aside, and so is the LMDB file of earlier
 * servers.
 */
#include "fs/hostfs/locate/name_table_file.h"
#include "base/boot.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TABLE_FILE "hostfs.sqlite"
#define BOOT_FILE  "hostfs.boot"
#define OLD_FILE   "hostfs.lmdb"
#define VERSION    1
#define CREATE     "CREATE TABLE rows(key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID"
/* 4 GiB, some thirty million rows; a table that outgrows this is begun anew. */
#define PAGES_MAX     1048576
#define TEXT_(number) #number
#define TEXT(number)  TEXT_(number)

static const char settings[] =
    "PRAGMA mmap_size=0; PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=OFF; PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY;"
    "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA max_page_count=" TEXT(
        PAGES_MAX) ";";

static bool file_path(const char *dir, const char *name, char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX;
}

static void tell(const char *dir, const char *what)
{
    static struct log_limit limit;
    if (log_limit_allows(&limit))
        log_error("hostfs: the handle table in %s: %s", dir, what);
}

/* --- what becomes of a file that is of no use --- */

static void move_aside(const char *dir, const char *why)
{
    static const char *const beside[] = {TABLE_FILE "-wal", TABLE_FILE "-shm",
                                         TABLE_FILE "-journal"};
    char path[PATH_MAX], aside[PATH_MAX];

    if (!file_path(dir, TABLE_FILE, path) || !file_path(dir, TABLE_FILE ".broken", aside))
        return;
    if (access(path, F_OK) == 0) {
        log_warning("hostfs: the handle table %s %s: moved to %s and begun anew", path, why, aside);
        if (rename(path, aside) != 0)
            unlink(path);
    }
    for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++)
        if (file_path(dir, beside[i], path))
            unlink(path);
}

static void move_old(const char *dir)
{
    char path[PATH_MAX], aside[PATH_MAX];

    if (!file_path(dir, OLD_FILE, path) || !file_path(dir, OLD_FILE ".old", aside) ||
        access(path, F_OK) != 0)
        return;
    log_warning("hostfs: the handle table %s is of an earlier loopnfsd: moved to %s and begun "
                "anew; objects are found again by their names",
                path, aside);
    if (rename(path, aside) != 0)
        unlink(path);
    if (file_path(dir, OLD_FILE "-lock", path))
        unlink(path);
}

/* Whether the table was in use when the host went down. */
static bool boot_interrupted(const char *dir)
{
    char path[PATH_MAX], was[BOOT_ID_SIZE] = "", is[BOOT_ID_SIZE];
    if (!file_path(dir, BOOT_FILE, path))
        return false;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    if (!fgets(was, sizeof(was), file))
        was[0] = '\0';
    fclose(file);
    boot_id(is);
    return strcmp(was, is) != 0;
}

/* Marks the table as in use in this boot. A mark that could not be written is empty, which matches
 * no boot, so the table is not trusted later. */
static void boot_mark(const char *dir)
{
    char path[PATH_MAX], id[BOOT_ID_SIZE];
    if (!file_path(dir, BOOT_FILE, path))
        return;
    boot_id(id);
    FILE *file = fopen(path, "we");
    bool good = file && fputs(id, file) >= 0;
    if (file && fclose(file) != 0)
        good = false;
    if (!good)
        log_warning("hostfs: %s: %s", path, strerror(errno));
}

/* --- the database --- */

static void close_db(struct table_db *t)
{
    sqlite3_finalize(t->get);
    sqlite3_finalize(t->put);
    sqlite3_finalize(t->drop);
    sqlite3_close(t->db);
    *t = (struct table_db){0};
}

static bool is_broken(int code)
{
    int primary = code & 0xff;
    return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_ERROR ||
           primary == SQLITE_MISMATCH || primary == SQLITE_SCHEMA || primary == SQLITE_TOOBIG;
}

static int error_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
        return 0;
    case SQLITE_FULL:
        return ENOSPC;
    case SQLITE_NOMEM:
        return ENOMEM;
    case SQLITE_READONLY:
        return EROFS;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return EACCES;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return EBUSY;
    default:
        return EIO;
    }
}

/* Asks for one value of one row, as text. */
static int ask(sqlite3 *db, const char *sql, char text[512])
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

    text[0] = '\0';
    if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        const unsigned char *found = sqlite3_column_text(statement, 0);
        snprintf(text, 512, "%s", found ? (const char *)found : "");
        code = SQLITE_OK;
    } else if (code == SQLITE_DONE) {
        code = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return code;
}

/* Makes the table in a new file. SQLITE_CORRUPT: an old file has anything but that table. */
static int check_schema(sqlite3 *db)
{
    char version[512], schema[512];
    int code = ask(db, "PRAGMA user_version", version);
    if (code == SQLITE_OK)
        code = ask(db, "SELECT group_concat(sql, ';') FROM sqlite_schema", schema);
    if (code != SQLITE_OK)
        return code;
    if (strcmp(version, "0") == 0 && schema[0] == '\0')
        return sqlite3_exec(db, "BEGIN;" CREATE ";PRAGMA user_version=" TEXT(VERSION) ";COMMIT",
                            NULL, NULL, NULL);
    return strcmp(version, TEXT(VERSION)) == 0 && strcmp(schema, CREATE) == 0 ? SQLITE_OK
                                                                              : SQLITE_CORRUPT;
}

static int prepare(struct table_db *t)
{
    const unsigned flags = SQLITE_PREPARE_PERSISTENT;
    int code =
        sqlite3_prepare_v3(t->db, "SELECT value FROM rows WHERE key=?1", -1, flags, &t->get, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v3(t->db, "INSERT OR REPLACE INTO rows VALUES(?1, ?2)", -1, flags,
                                  &t->put, NULL);
    if (code == SQLITE_OK)
        code =
            sqlite3_prepare_v3(t->db, "DELETE FROM rows WHERE key=?1", -1, flags, &t->drop, NULL);
    return code;
}

static int open_db(struct table_db *t, const char *path)
{
    *t = (struct table_db){0};
    int code = sqlite3_open_v2(
        path, &t->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        sqlite3_extended_result_codes(t->db, 1);
        sqlite3_busy_timeout(t->db, 100);
        sqlite3_db_config(t->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        code = sqlite3_exec(t->db, settings, NULL, NULL, NULL);
    }
    if (code == SQLITE_OK)
        code = check_schema(t->db);
    if (code == SQLITE_OK)
        code = prepare(t);
    if (code != SQLITE_OK)
        close_db(t);
    return code;
}

/* Makes the file where it does not exist. Only the server's user may read it, and it must not be a
 * link to a file elsewhere. */
static int make_file(const char *path, struct stat *st)
{
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int err = fstat(fd, st) != 0 ? errno : S_ISREG(st->st_mode) ? 0 : EINVAL;
    close(fd);
    return err;
}

/* Tries once to open the file. is_broken(*code) says whether moving it aside may help. */
static int open_once(struct table_file *file, const char *dir, int *code)
{
    char path[PATH_MAX];
    struct stat made = {0};

    *code = SQLITE_OK;
    if (!file_path(dir, TABLE_FILE, path))
        return ENAMETOOLONG;
    int err = make_file(path, &made);
    if (err != 0)
        return err;
    *code = open_db(&file->disk, path);
    file->dev = made.st_dev;
    file->ino = made.st_ino;
    return error_of(*code);
}

static int open_file(struct table_file *file, const char *dir)
{
    int code;
    int err = open_once(file, dir, &code);
    if (err != 0 && is_broken(code)) {
        move_aside(dir, "is damaged, or of another version");
        err = open_once(file, dir, &code);
    }
    if (err != 0)
        tell(dir, code != SQLITE_OK ? sqlite3_errstr(code) : strerror(err));
    else
        boot_mark(dir);
    return err;
}

int table_file_begin(struct table_file *file, const char *dir)
{
    *file = (struct table_file){0};
    move_old(dir);
    if (boot_interrupted(dir))
        move_aside(dir, "was in use when the host went down");
    int err = open_file(file, dir);
    /* Another process has the file open. It must be the one that this process was forked from,
     * since the state directory is locked. */
    return err == EBUSY ? 0 : err;
}

void table_file_end(struct table_file *file, const char *dir)
{
    char path[PATH_MAX];
    bool safe =
        file->disk.db &&
        sqlite3_exec(file->disk.db, "PRAGMA synchronous=FULL; PRAGMA wal_checkpoint(TRUNCATE)",
                     NULL, NULL, NULL) == SQLITE_OK;
    close_db(&file->disk);
    close_db(&file->spill);
    if (safe && file_path(dir, BOOT_FILE, path))
        unlink(path);
}

/* --- rows --- */

static bool is_at_its_largest(const struct table_file *file)
{
    char pages[512];
    return ask(file->disk.db, "PRAGMA page_count", pages) == SQLITE_OK && atoi(pages) >= PAGES_MAX;
}

/* To be called after an operation on the file failed. True: it is worth trying again. */
static bool mend(struct table_file *file, const char *dir, int code)
{
    if (is_broken(code)) {
        close_db(&file->disk);
        move_aside(dir, "is damaged");
        return open_file(file, dir) == 0;
    }
    if ((code & 0xff) == SQLITE_FULL && is_at_its_largest(file)) {
        log_warning("hostfs: the handle table in %s has reached its largest size and is begun anew",
                    dir);
        return sqlite3_exec(file->disk.db, "DELETE FROM rows", NULL, NULL, NULL) == SQLITE_OK;
    }
    tell(dir, sqlite3_errstr(code));
    return false;
}

static int bind(sqlite3_stmt *statement, int at, struct table_blob blob)
{
    return sqlite3_bind_blob(statement, at, blob.bytes, (int)blob.len, SQLITE_STATIC);
}

/* Returns SQLITE_ROW with the value; SQLITE_DONE: there is none; else SQLite's error. */
static int get(struct table_db *t, struct table_blob key, struct table_blob *value)
{
    int code = bind(t->get, 1, key);

    if (code == SQLITE_OK)
        code = sqlite3_step(t->get);
    if (code != SQLITE_ROW) {
        sqlite3_reset(t->get);
        return code;
    }
    value->bytes = sqlite3_column_blob(t->get, 0);
    value->len = value->bytes ? (size_t)sqlite3_column_bytes(t->get, 0) : 0;
    return code;
}

/* Returns SQLITE_DONE, or SQLite's error. */
static int run(sqlite3_stmt *statement, struct table_blob key, const struct table_blob *value)
{
    int code = bind(statement, 1, key);

    if (code == SQLITE_OK && value)
        code = bind(statement, 2, *value);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return code;
}

int table_file_get(struct table_file *file, const char *dir, struct table_blob key,
                   struct table_blob *value)
{
    /* Memory has rows that the file could not take, which are newer. */
    if (file->spill.db && get(&file->spill, key, value) == SQLITE_ROW)
        return 0;
    for (int attempt = 0; file->disk.db; attempt++) {
        int code = get(&file->disk, key, value);
        if (code == SQLITE_ROW)
            return 0;
        if (code == SQLITE_DONE)
            return ENOENT;
        if (attempt == 2 || !mend(file, dir, code))
            return file->disk.db ? error_of(code) : ENOENT;
    }
    return ENOENT;
}

void table_file_release(struct table_file *file)
{
    if (file->spill.db)
        sqlite3_reset(file->spill.get);
    if (file->disk.db)
        sqlite3_reset(file->disk.get);
}

static int put_on_disk(struct table_file *file, const char *dir, struct table_blob key,
                       const struct table_blob *value)
{
    int code = SQLITE_CANTOPEN;

    for (int attempt = 0; file->disk.db && attempt < 3; attempt++) {
        code = run(value ? file->disk.put : file->disk.drop, key, value);
        if (code == SQLITE_DONE)
            return 0;
        if (!mend(file, dir, code))
            break;
    }
    return error_of(code);
}

static int put_in_memory(struct table_file *file, const char *dir, struct table_blob key,
                         struct table_blob value)
{
    if (!file->spill.db) {
        if (open_db(&file->spill, ":memory:") != SQLITE_OK)
            return ENOMEM;
        sqlite3_exec(file->spill.db, "PRAGMA max_page_count=" TEXT(SPILL_PAGES), NULL, NULL, NULL);
        log_warning("hostfs: the handle table in %s can't be written: new handles are kept in "
                    "memory until it can, and may be lost by a restart",
                    dir);
    }
    int code = run(file->spill.put, key, &value);
    return code == SQLITE_DONE ? 0 : error_of(code);
}

int table_file_put(struct table_file *file, const char *dir, struct table_blob key,
                   struct table_blob value)
{
    if (put_on_disk(file, dir, key, &value) != 0)
        return put_in_memory(file, dir, key, value);
    if (file->spill.db)
        run(file->spill.drop, key, NULL);
    return 0;
}

void table_file_delete(struct table_file *file, const char *dir, struct table_blob key)
{
    put_on_disk(file, dir, key, NULL);
    if (file->spill.db)
        run(file->spill.drop, key, NULL);
}

/* --- from time to time --- */

static int copy_rows(struct table_db *to, struct table_db *from)
{
    sqlite3_stmt *all = NULL;
    int code = sqlite3_prepare_v2(from->db, "SELECT key, value FROM rows", -1, &all, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_exec(to->db, "BEGIN", NULL, NULL, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(all)) == SQLITE_ROW) {
        sqlite3_bind_value(to->put, 1, sqlite3_column_value(all, 0));
        sqlite3_bind_value(to->put, 2, sqlite3_column_value(all, 1));
        sqlite3_step(to->put);
        code = sqlite3_reset(to->put);
    }
    sqlite3_finalize(all);
    int end = sqlite3_exec(to->db, code == SQLITE_DONE ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL);
    return code == SQLITE_DONE ? end : code;
}

/* Makes another file in place of one that was removed or could not be opened. */
static void open_anew(struct table_file *file, const char *dir)
{
    struct table_file fresh = {0};

    if (open_file(&fresh, dir) != 0)
        return;
    if (file->disk.db && copy_rows(&fresh.disk, &file->disk) != SQLITE_OK) {
        close_db(&fresh.disk);
        return;
    }
    close_db(&file->disk);
    fresh.spill = file->spill;
    *file = fresh;
}

static bool is_in_place(const struct table_file *file, const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && st.st_dev == file->dev && st.st_ino == file->ino;
}

void table_file_look(struct table_file *file, const char *dir)
{
    char path[PATH_MAX];

    if (!file_path(dir, TABLE_FILE, path))
        return;
    if (file->disk.db && !is_in_place(file, path)) {
        if (!file->told)
            log_warning("hostfs: the handle table %s was removed while in use: it is made again",
                        path);
        file->told = true;
        move_aside(dir, "is not this server's");
        open_anew(file, dir);
    } else if (!file->disk.db) {
        open_anew(file, dir);
    }
    if (file->disk.db && file->spill.db && copy_rows(&file->disk, &file->spill) == SQLITE_OK) {
        close_db(&file->spill);
        log_info("hostfs: the handle table in %s is written again", dir);
    }
}
