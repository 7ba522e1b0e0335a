/*
 * table.c - the handle table: node id -> where the object was last seen (parent, name).
 *
 * Used where the kernel opens no handles for us: resolve.c goes from an id up to the root by it.
 * One LMDB database in the state directory serves all exports; keys begin with the export's fsid.
 * LMDB must not be opened twice by a process, so open tables are shared and counted.
 *
 * A row is written when a node is first met, before the client holds its id. Transactions are not
 * flushed (MDB_NOSYNC): the page cache outlives a kill of the server, and when the host crashes the
 * table may be lost: the file BOOT_FILE says in which boot it was last in use, and a table that was
 * not closed in another boot is moved aside, as one that LMDB finds corrupt. What is lost is found
 * again when clients look names up, or by walking (heal.c).
 *
 * Locks: tables_lock guards the list and the counts; a table's `resize` is held for reading during
 * transactions, and for writing while the map is resized or the database is replaced.
 */
#include "base/log.h"
#include "hostfs.h"
#include <errno.h>
#include <limits.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TABLE_FILE "hostfs.lmdb"
#define BOOT_FILE  "hostfs.boot"
#define MAP_FIRST  ((size_t)64 << 20)
/* Some thirty million rows; a table that outgrows it is begun anew. */
#define MAP_LAST    ((size_t)4 << 30)
#define SYNC_PERIOD 30 /* seconds */

struct hostfs_table {
    struct hostfs_table *next; /* guarded by tables_lock */
    unsigned refs;             /* guarded by tables_lock */
    dev_t dev;                 /* of the state directory */
    ino_t ino;
    char *dir;
    pthread_rwlock_t resize;
    MDB_env *env; /* guarded by resize; NULL: could not be opened again */
    MDB_dbi dbi;  /* the same */
    size_t map;   /* the same */
    _Atomic bool dirty;
    _Atomic int64_t synced; /* when, seconds of CLOCK_MONOTONIC */
};

static pthread_mutex_t tables_lock = PTHREAD_MUTEX_INITIALIZER;
static struct hostfs_table *tables;

struct row_key {
    uint8_t bytes[sizeof(uint64_t) + VNODE_ID_MAX];
    size_t len;
};

struct row_value {
    uint8_t bytes[sizeof(uint64_t) + 1 + VNODE_ID_MAX + VNAME_MAX];
    size_t len;
};

/* --- the file --- */

static bool file_path(const char *dir, const char *name, char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX;
}

static void move_aside(const char *dir, const char *why)
{
    char path[PATH_MAX], aside[PATH_MAX];
    if (!file_path(dir, TABLE_FILE, path) || !file_path(dir, TABLE_FILE ".broken", aside) ||
        access(path, F_OK) != 0)
        return;
    log_warning("hostfs: the handle table %s %s: moved to %s and begun anew", path, why, aside);
    if (rename(path, aside) != 0)
        unlink(path);
    if (file_path(dir, TABLE_FILE "-lock", path))
        unlink(path);
}

static void boot_id(char id[64])
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    id[0] = '\0';
    if (file && !fgets(id, 64, file))
        id[0] = '\0';
    if (file)
        fclose(file);
}

/* Whether the table was in use when the host went down. */
static bool boot_interrupted(const char *dir)
{
    char path[PATH_MAX], was[64] = "", is[64];
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

static void boot_mark(const char *dir)
{
    char path[PATH_MAX], id[64];
    if (!file_path(dir, BOOT_FILE, path))
        return;
    boot_id(id);
    FILE *file = fopen(path, "we");
    if (!file || fputs(id, file) < 0)
        log_warning("hostfs: %s: %s", path, strerror(errno));
    if (file)
        fclose(file);
}

/* LMDB trusts what its first pages say; touching pages that are not there would be a SIGBUS. */
static bool complete(MDB_env *env, const char *path)
{
    struct stat st;
    MDB_stat pages;
    MDB_envinfo info;
    if (stat(path, &st) != 0 || mdb_env_stat(env, &pages) != 0 || mdb_env_info(env, &info) != 0)
        return false;
    /* A new one has two first pages and claims no more. */
    return info.me_last_pgno <= 1 ||
           (uint64_t)st.st_size >= (uint64_t)(info.me_last_pgno + 1) * pages.ms_psize;
}

static int open_dbi(MDB_env *env, MDB_dbi *dbi)
{
    MDB_txn *txn;
    int error = mdb_txn_begin(env, NULL, 0, &txn);
    if (error)
        return error;
    error = mdb_dbi_open(txn, NULL, 0, dbi);
    if (error) {
        mdb_txn_abort(txn);
        return error;
    }
    return mdb_txn_commit(txn);
}

static int open_env(struct hostfs_table *table)
{
    char path[PATH_MAX];
    struct stat st;
    MDB_env *env = NULL;

    if (!file_path(table->dir, TABLE_FILE, path))
        return ENAMETOOLONG;
    table->map = MAP_FIRST;
    while (stat(path, &st) == 0 && (size_t)st.st_size * 2 > table->map && table->map < MAP_LAST)
        table->map *= 2;
    int error = mdb_env_create(&env);
    if (error)
        return error;
    mdb_env_set_mapsize(env, table->map);
    mdb_env_set_maxreaders(env, 1024);
    error = mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOTLS | MDB_NORDAHEAD, 0600);
    if (!error && !complete(env, path))
        error = MDB_CORRUPTED;
    if (!error)
        error = open_dbi(env, &table->dbi);
    if (error) {
        mdb_env_close(env);
        return error;
    }
    int dead;
    mdb_reader_check(env, &dead);
    table->env = env;
    return 0;
}

static bool is_broken(int error)
{
    return error == MDB_CORRUPTED || error == MDB_INVALID || error == MDB_PAGE_NOTFOUND ||
           error == MDB_PANIC || error == MDB_VERSION_MISMATCH || error == MDB_BAD_TXN;
}

static int open_or_renew(struct hostfs_table *table)
{
    int error = open_env(table);
    if (is_broken(error)) {
        move_aside(table->dir, "is corrupt");
        error = open_env(table);
    }
    if (error)
        log_error("hostfs: the handle table in %s: %s", table->dir, mdb_strerror(error));
    return error > 0 ? error : error ? EIO : 0;
}

/* --- open tables --- */

static struct hostfs_table *new_table(const char *dir, const struct stat *st)
{
    struct hostfs_table *table = calloc(1, sizeof(*table));
    if (!table)
        return NULL;
    table->dir = strdup(dir);
    table->refs = 1;
    table->dev = st->st_dev;
    table->ino = st->st_ino;
    pthread_rwlock_init(&table->resize, NULL);
    return table;
}

static void free_table(struct hostfs_table *table)
{
    pthread_rwlock_destroy(&table->resize);
    free(table->dir);
    free(table);
}

static int open_new(const char *dir, const struct stat *st, struct hostfs_table **out)
{
    struct hostfs_table *table = new_table(dir, st);
    if (!table || !table->dir) {
        free(table);
        return ENOMEM;
    }
    if (boot_interrupted(dir))
        move_aside(dir, "was in use when the host went down");
    int error = open_or_renew(table);
    if (error) {
        free_table(table);
        return error;
    }
    boot_mark(dir);
    table->next = tables;
    tables = table;
    *out = table;
    return 0;
}

int hostfs_table_open(const char *state_dir, struct hostfs_table **out)
{
    struct stat st;
    if (stat(state_dir, &st) != 0) {
        log_error("hostfs: state directory %s: %s", state_dir, strerror(errno));
        return errno;
    }
    pthread_mutex_lock(&tables_lock);
    struct hostfs_table *table = tables;
    while (table && (table->dev != st.st_dev || table->ino != st.st_ino))
        table = table->next;
    int error = 0;
    if (table) {
        table->refs++;
        *out = table;
    } else {
        error = open_new(state_dir, &st, out);
    }
    pthread_mutex_unlock(&tables_lock);
    return error;
}

void hostfs_table_close(struct hostfs_table *table)
{
    char path[PATH_MAX];
    if (!table)
        return;
    pthread_mutex_lock(&tables_lock);
    if (--table->refs == 0) {
        struct hostfs_table **at = &tables;
        while (*at != table)
            at = &(*at)->next;
        *at = table->next;
        int error = table->env ? mdb_env_sync(table->env, 1) : EIO;
        if (table->env)
            mdb_env_close(table->env);
        if (!error && file_path(table->dir, BOOT_FILE, path))
            unlink(path);
        free_table(table);
    }
    pthread_mutex_unlock(&tables_lock);
}

/* --- transactions --- */

static int begin(struct hostfs_table *table, unsigned flags, MDB_txn **txn)
{
    pthread_rwlock_rdlock(&table->resize);
    int error = table->env ? mdb_txn_begin(table->env, NULL, flags, txn) : EIO;
    if (error)
        pthread_rwlock_unlock(&table->resize);
    return error;
}

static int end(struct hostfs_table *table, MDB_txn *txn, int error)
{
    if (error)
        mdb_txn_abort(txn);
    else
        error = mdb_txn_commit(txn);
    pthread_rwlock_unlock(&table->resize);
    return error;
}

static int grow(struct hostfs_table *table)
{
    int error;
    MDB_txn *txn;

    if (table->map < MAP_LAST) {
        table->map *= 2;
        return mdb_env_set_mapsize(table->env, table->map);
    }
    log_warning("hostfs: the handle table in %s has reached its largest size and is begun anew",
                table->dir);
    error = mdb_txn_begin(table->env, NULL, 0, &txn);
    if (error)
        return error;
    error = mdb_drop(txn, table->dbi, 0);
    if (!error)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return error;
}

/* After a transaction failed: makes it worth trying again, or gives up with the error. */
static int mend(struct hostfs_table *table, int error)
{
    static struct log_limit limit;

    pthread_rwlock_wrlock(&table->resize);
    if (!table->env) {
        error = EIO;
    } else if (error == MDB_MAP_FULL) {
        error = grow(table);
    } else if (error == MDB_MAP_RESIZED) {
        error = mdb_env_set_mapsize(table->env, 0);
    } else if (is_broken(error)) {
        mdb_env_close(table->env);
        table->env = NULL;
        move_aside(table->dir, "is corrupt");
        error = open_or_renew(table);
    }
    pthread_rwlock_unlock(&table->resize);
    if (error && log_limit_allows(&limit))
        log_error("hostfs: the handle table in %s: %s", table->dir, mdb_strerror(error));
    return error;
}

static void make_key(uint64_t fsid, const struct vnode_id *id, struct row_key *key)
{
    memcpy(key->bytes, &fsid, sizeof(fsid));
    memcpy(key->bytes + sizeof(fsid), id->bytes, id->len);
    key->len = sizeof(fsid) + id->len;
}

static void make_value(const struct hostfs_row *row, struct row_value *value)
{
    size_t name_len = strnlen(row->name, VNAME_MAX);
    uint8_t *at = value->bytes;

    memcpy(at, &row->ino, sizeof(row->ino));
    at += sizeof(row->ino);
    *at++ = row->parent.len;
    memcpy(at, row->parent.bytes, row->parent.len);
    at += row->parent.len;
    memcpy(at, row->name, name_len);
    value->len = (size_t)(at - value->bytes) + name_len;
}

static bool parse_value(const MDB_val *value, struct hostfs_row *row)
{
    const uint8_t *at = value->mv_data;
    size_t left = value->mv_size;

    if (left < sizeof(row->ino) + 1)
        return false;
    memcpy(&row->ino, at, sizeof(row->ino));
    row->parent.len = at[sizeof(row->ino)];
    at += sizeof(row->ino) + 1;
    left -= sizeof(row->ino) + 1;
    if (row->parent.len > VNODE_ID_MAX || left <= row->parent.len ||
        left - row->parent.len > VNAME_MAX)
        return false;
    memcpy(row->parent.bytes, at, row->parent.len);
    left -= row->parent.len;
    memcpy(row->name, at + row->parent.len, left);
    row->name[left] = '\0';
    return true;
}

int hostfs_table_get(struct hostfs_table *table, uint64_t fsid, const struct vnode_id *id,
                     struct hostfs_row *row)
{
    struct row_key key;
    MDB_txn *txn;
    MDB_val value;

    make_key(fsid, id, &key);
    MDB_val k = {.mv_size = key.len, .mv_data = key.bytes};
    for (int attempt = 0;; attempt++) {
        int error = begin(table, MDB_RDONLY, &txn);
        if (!error) {
            error = mdb_get(txn, table->dbi, &k, &value);
            if (!error && !parse_value(&value, row))
                error = MDB_NOTFOUND;
            end(table, txn, EAGAIN); /* a reading transaction is always aborted */
        }
        if (error == MDB_NOTFOUND)
            return ENOENT;
        if (!error || attempt == 2 || mend(table, error) != 0)
            return error ? EIO : 0;
    }
}

/* One writing transaction: put, or delete where value is NULL. Retried after mending. */
static void change(struct hostfs_table *table, struct row_key *key, struct row_value *value)
{
    MDB_txn *txn;
    MDB_val k = {.mv_size = key->len, .mv_data = key->bytes};

    for (int attempt = 0; attempt < 8; attempt++) {
        int error = begin(table, 0, &txn);
        if (!error) {
            if (value) {
                MDB_val v = {.mv_size = value->len, .mv_data = value->bytes};
                error = mdb_put(txn, table->dbi, &k, &v, 0);
            } else {
                error = mdb_del(txn, table->dbi, &k, NULL);
            }
            error = end(table, txn, error);
        }
        if (!error || error == MDB_NOTFOUND || mend(table, error) != 0)
            break;
    }
    table->dirty = true;
}

void hostfs_table_put(struct hostfs_table *table, uint64_t fsid, const struct vnode_id *id,
                      const struct hostfs_row *row)
{
    struct hostfs_row old;
    struct row_key key;
    struct row_value value;

    /* Reading is cheap; after a restart most rows are there already. */
    if (hostfs_table_get(table, fsid, id, &old) == 0 && old.ino == row->ino &&
        hostfs_id_equal(&old.parent, &row->parent) && strcmp(old.name, row->name) == 0)
        return;
    make_key(fsid, id, &key);
    make_value(row, &value);
    change(table, &key, &value);
}

void hostfs_table_delete(struct hostfs_table *table, uint64_t fsid, const struct vnode_id *id,
                         const struct vnode_id *parent, const char *name)
{
    struct hostfs_row old;
    struct row_key key;

    if (hostfs_table_get(table, fsid, id, &old) != 0 || !hostfs_id_equal(&old.parent, parent) ||
        strcmp(old.name, name) != 0)
        return;
    make_key(fsid, id, &key);
    change(table, &key, NULL);
}

/* Bounds what a crash of the host may damage; runs on the housekeeping thread. */
void hostfs_table_tick(struct hostfs_table *table)
{
    struct timespec now;
    if (!table || !table->dirty)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec - table->synced < SYNC_PERIOD)
        return;
    table->synced = now.tv_sec;
    table->dirty = false;
    pthread_rwlock_rdlock(&table->resize);
    if (table->env)
        mdb_env_sync(table->env, 1);
    pthread_rwlock_unlock(&table->resize);
}
