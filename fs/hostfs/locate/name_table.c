/*
 * name_table.c - the handle table: for each id that was given out, where its object is (parent and
 * name).
 *
 * Used where the kernel opens no handles for this process: resolve.c goes up from an id to the root
 * by it. One SQLite database in the state directory serves all exports; keys begin with the
 * export's fsid. Exports with one state directory share an open table, which is counted.
 *
 * A row is written when a node is first met, before the client holds its id. SQLite writes it to
 * its log (WAL) without flushing. The page cache survives the death of the server. When the host
 * crashes the table may be lost: BOOT_FILE says in which boot it was last in use, and a table that
 * was not closed in another boot is moved aside, like one that is damaged or of another version.
 * Lost rows come back when clients look names up, or by walking (reconnect.c).
 *
 * Nothing in the file is trusted. SQLite reads it with read() (no part of it is mapped into memory,
 * so a page that is cut off, or a disk that is full, is an error and no signal) and checks its
 * structure. Each row ends with a checksum of its key and value. Where the file can't be used any
 * more while the server runs, rows are kept in memory, and go back to disk as soon as that is
 * possible.
 *
 * Locks: tables_lock guards the list and the counts; a table's `lock` guards its database.
 */
#include "base/log.h"
#include "fs/hostfs/hostfs.h"
#include "fs/hostfs/locate/locate.h"
#include "fs/hostfs/locate/name_table_file.h"
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Seconds between two looks at the file: whether it is still there, and whether a file that could
 * not be used can be used now. */
#define LOOK_PERIOD_S 5

struct hostfs_table {
    struct hostfs_table *next; /* guarded by tables_lock */
    unsigned refs;             /* guarded by tables_lock */
    pid_t pid;                 /* the process that opened it: a fork must not touch it (SQLite) */
    dev_t dev;                 /* device and inode of the state directory */
    ino_t ino;
    char *dir;
    pthread_mutex_t lock;
    struct table_file file; /* guarded by lock */
    _Atomic int64_t looked; /* seconds of CLOCK_MONOTONIC */
};

static pthread_mutex_t tables_lock = PTHREAD_MUTEX_INITIALIZER;
static struct hostfs_table *tables;

struct row_key {
    uint8_t bytes[sizeof(uint64_t) + VNODE_ID_MAX];
    size_t len;
};

#define CHECK_BYTES crypto_shorthash_BYTES

struct row_value {
    uint8_t bytes[sizeof(uint64_t) + 1 + VNODE_ID_MAX + VNAME_MAX + CHECK_BYTES];
    size_t len;
};

/* --- open tables --- */

static struct hostfs_table *new_table(const char *dir, const struct stat *st)
{
    struct hostfs_table *table = calloc(1, sizeof(*table));
    if (!table)
        return NULL;
    table->dir = strdup(dir);
    table->refs = 1;
    table->pid = getpid();
    table->dev = st->st_dev;
    table->ino = st->st_ino;
    pthread_mutex_init(&table->lock, NULL);
    return table;
}

static void free_table(struct hostfs_table *table)
{
    pthread_mutex_destroy(&table->lock);
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
    int err = table_file_begin(&table->file, dir);
    if (err != 0) {
        free_table(table);
        return err;
    }
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
    while (table && (table->dev != st.st_dev || table->ino != st.st_ino || table->pid != getpid()))
        table = table->next;
    int err = 0;
    if (table) {
        table->refs++;
        *out = table;
    } else {
        err = open_new(state_dir, &st, out);
    }
    pthread_mutex_unlock(&tables_lock);
    return err;
}

void hostfs_table_close(struct hostfs_table *table)
{
    if (!table)
        return;
    pthread_mutex_lock(&tables_lock);
    if (--table->refs == 0) {
        struct hostfs_table **at = &tables;
        while (*at != table)
            at = &(*at)->next;
        *at = table->next;
        if (table->pid == getpid())
            table_file_end(&table->file, table->dir);
        free_table(table);
    }
    pthread_mutex_unlock(&tables_lock);
}

/* --- rows --- */

static void make_key(uint64_t fsid, const struct vnode_id *id, struct row_key *key)
{
    memcpy(key->bytes, &fsid, sizeof(fsid));
    memcpy(key->bytes + sizeof(fsid), id->bytes, id->len);
    key->len = sizeof(fsid) + id->len;
}

/* The key is public: the checksum finds damage, not forgery. */
static void checksum(const struct row_key *key, const uint8_t *value, size_t len,
                     uint8_t out[CHECK_BYTES])
{
    static const unsigned char secret[crypto_shorthash_KEYBYTES + 1] = "loopnfs handles1";
    uint8_t all[sizeof(key->bytes) + sizeof(struct row_value)];

    memcpy(all, key->bytes, key->len);
    memcpy(all + key->len, value, len);
    crypto_shorthash(out, all, key->len + len, secret);
}

static void make_value(const struct hostfs_row *row, const struct row_key *key,
                       struct row_value *value)
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
    checksum(key, value->bytes, value->len, value->bytes + value->len);
    value->len += CHECK_BYTES;
}

static bool parse_value(const struct row_key *key, const struct table_blob *value,
                        struct hostfs_row *row)
{
    const uint8_t *at = value->bytes;
    uint8_t check[CHECK_BYTES];
    size_t left = value->len;

    if (left < sizeof(row->ino) + 1 + CHECK_BYTES || left > sizeof(struct row_value))
        return false;
    left -= CHECK_BYTES;
    checksum(key, at, left, check);
    if (memcmp(check, at + left, CHECK_BYTES) != 0)
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

static struct table_blob blob(const uint8_t *bytes, size_t len)
{
    return (struct table_blob){.bytes = bytes, .len = len};
}

int hostfs_table_get(struct hostfs_table *table, uint64_t fsid, const struct vnode_id *id,
                     struct hostfs_row *row)
{
    static struct log_limit limit;
    struct row_key key;
    struct table_blob value;

    if (table->pid != getpid())
        return ENOENT;
    make_key(fsid, id, &key);
    pthread_mutex_lock(&table->lock);
    int err = table_file_get(&table->file, table->dir, blob(key.bytes, key.len), &value);
    if (err == 0 && !parse_value(&key, &value, row)) {
        err = ENOENT;
        if (log_limit_allows(&limit))
            log_warning("hostfs: the handle table in %s has a damaged row: dropped", table->dir);
        table_file_release(&table->file);
        table_file_delete(&table->file, table->dir, blob(key.bytes, key.len));
    }
    table_file_release(&table->file);
    pthread_mutex_unlock(&table->lock);
    return err;
}

int hostfs_table_put(struct hostfs_table *table, uint64_t fsid, const struct vnode_id *id,
                     const struct hostfs_row *row)
{
    struct hostfs_row old;
    struct row_key key;
    struct row_value value;

    /* Reading is cheap, and after a restart most rows are there already. */
    if (hostfs_table_get(table, fsid, id, &old) == 0 && old.ino == row->ino &&
        hostfs_id_equal(&old.parent, &row->parent) && strcmp(old.name, row->name) == 0)
        return 0;
    if (table->pid != getpid())
        return EBUSY;
    make_key(fsid, id, &key);
    make_value(row, &key, &value);
    pthread_mutex_lock(&table->lock);
    int err = table_file_put(&table->file, table->dir, blob(key.bytes, key.len),
                             blob(value.bytes, value.len));
    pthread_mutex_unlock(&table->lock);
    return err;
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
    pthread_mutex_lock(&table->lock);
    table_file_delete(&table->file, table->dir, blob(key.bytes, key.len));
    pthread_mutex_unlock(&table->lock);
}

void hostfs_table_tick(struct hostfs_table *table)
{
    struct timespec now;
    if (!table || table->pid != getpid())
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec - table->looked < LOOK_PERIOD_S)
        return;
    table->looked = now.tv_sec;
    pthread_mutex_lock(&table->lock);
    table_file_look(&table->file, table->dir);
    pthread_mutex_unlock(&table->lock);
}
