/*
 * handle_short.c - the table of handle_short.h, and its file.
 *
 * The file is text: a line with its name and version, then one line for each id: hash, export and
 * id in hexadecimal. The id that was used last is at the end. The file is written whole under a
 * temporary name and renamed, so that a server killed at any moment leaves the old file or the new
 * one. It is not synced: when the host goes down, a boot loader that was at work has to be started
 * again anyway.
 *
 * `lock` guards the table. The file is written with the lock held: this happens once for each
 * directory that a boot loader mounts for the first time.
 */
#include "access/handle_short.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME   "handle.short"
#define FIRST_LINE  "loopnfs short handles, version 1\n"
#define ENTRIES_MAX 256
/* The longest line: hash, export and id in hexadecimal, two blanks, a newline and a NUL. */
#define LINE_SIZE (2 * (HANDLE_SHORT_LEN + 4 + VNODE_ID_MAX) + 4)

struct entry {
    uint8_t hash[HANDLE_SHORT_LEN];
    uint32_t export_id;
    struct vnode_id id;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry table[ENTRIES_MAX]; /* the entry that was used last is at the end */
static size_t count;
static char *dir; /* NULL: there is no file */

static void hash_id(uint32_t export_id, const struct vnode_id *id, uint8_t hash[HANDLE_SHORT_LEN])
{
    uint8_t full[crypto_generichash_BYTES_MIN];
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, sizeof(full));
    crypto_generichash_update(&state, (const uint8_t *)&export_id, sizeof(export_id));
    crypto_generichash_update(&state, id->bytes, id->len);
    crypto_generichash_final(&state, full, sizeof(full));
    memcpy(hash, full, HANDLE_SHORT_LEN);
}

/* The hash's index in the table; `count` where it has none. */
static size_t find(uint32_t export_id, const uint8_t hash[HANDLE_SHORT_LEN])
{
    size_t i = 0;

    while (i < count &&
           (table[i].export_id != export_id || memcmp(table[i].hash, hash, HANDLE_SHORT_LEN) != 0))
        i++;
    return i;
}

/* Moves an entry to the end. */
static void touch(size_t i)
{
    struct entry entry = table[i];

    memmove(&table[i], &table[i + 1], (count - i - 1) * sizeof(entry));
    table[count - 1] = entry;
}

static void append(const struct entry *entry)
{
    if (count == ENTRIES_MAX)
        memmove(&table[0], &table[1], --count * sizeof(*entry));
    table[count++] = *entry;
}

/* --- the file --- */

static bool bytes_of(const char **text, uint8_t *bytes, size_t max, size_t *len)
{
    const char *end;

    if (sodium_hex2bin(bytes, max, *text, strcspn(*text, " \n"), NULL, len, &end) != 0 ||
        end == *text || (*end != ' ' && *end != '\n'))
        return false;
    *text = end + 1;
    return true;
}

static bool line_parse(const char *line, struct entry *entry)
{
    uint8_t export_id[4], hash[HANDLE_SHORT_LEN];
    size_t hash_len, export_len, id_len;

    if (!bytes_of(&line, entry->hash, sizeof(entry->hash), &hash_len) ||
        !bytes_of(&line, export_id, sizeof(export_id), &export_len) ||
        !bytes_of(&line, entry->id.bytes, sizeof(entry->id.bytes), &id_len) || *line != '\0')
        return false;
    memcpy(&entry->export_id, export_id, sizeof(export_id));
    entry->id.len = (uint8_t)id_len;
    hash_id(entry->export_id, &entry->id, hash);
    return hash_len == HANDLE_SHORT_LEN && export_len == sizeof(export_id) &&
           memcmp(hash, entry->hash, sizeof(hash)) == 0;
}

static bool file_read(FILE *file)
{
    char line[LINE_SIZE + 1];
    struct entry entry;

    if (fgets(line, sizeof(line), file) == NULL || strcmp(line, FIRST_LINE) != 0)
        return false;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (!line_parse(line, &entry))
            return false;
        append(&entry);
    }
    return ferror(file) == 0;
}

static bool file_write(int fd)
{
    FILE *file = fdopen(fd, "w");

    if (file == NULL) {
        close(fd);
        return false;
    }
    fputs(FIRST_LINE, file);
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = &table[i];
        char hash[2 * HANDLE_SHORT_LEN + 1], export_id[9], id[2 * VNODE_ID_MAX + 1];

        sodium_bin2hex(hash, sizeof(hash), entry->hash, HANDLE_SHORT_LEN);
        sodium_bin2hex(export_id, sizeof(export_id), (const uint8_t *)&entry->export_id, 4);
        sodium_bin2hex(id, sizeof(id), entry->id.bytes, entry->id.len);
        fprintf(file, "%s %s %s\n", hash, export_id, id);
    }
    bool written = ferror(file) == 0;
    return fclose(file) == 0 && written;
}

/* Writes the file. A failure is only logged: handles that are not in the file become stale with the
 * next restart, which is no reason to refuse a mount. */
static void save(void)
{
    static struct log_limit limit;
    char name[64];

    if (dir == NULL)
        return;
    snprintf(name, sizeof(name), ".%s.%ld", FILE_NAME, (long)getpid());
    int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd =
        at < 0 ? -1 : openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool saved = fd >= 0 && file_write(fd) && renameat(at, name, at, FILE_NAME) == 0;
    if (!saved && log_limit_allows(&limit))
        log_warning("%s/%s: %s: handles for old boot loaders end with this server", dir, FILE_NAME,
                    strerror(errno));
    if (!saved && at >= 0)
        unlinkat(at, name, 0);
    if (at >= 0)
        close(at);
}

static void load(void)
{
    char path[4096];

    if (snprintf(path, sizeof(path), "%s/%s", dir, FILE_NAME) >= (int)sizeof(path))
        return;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    if (file == NULL) {
        if (errno != ENOENT)
            log_warning("%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return;
    }
    if (!file_read(file)) {
        log_warning("%s is damaged: it is begun anew, and old boot loaders have to mount again",
                    path);
        count = 0;
    }
    fclose(file);
}

/* --- for handle.c --- */

void handle_short_init(const char *state_dir)
{
    handle_short_finish();
    pthread_mutex_lock(&lock);
    dir = state_dir != NULL ? strdup(state_dir) : NULL;
    if (dir != NULL)
        load();
    pthread_mutex_unlock(&lock);
}

void handle_short_finish(void)
{
    pthread_mutex_lock(&lock);
    free(dir);
    dir = NULL;
    count = 0;
    pthread_mutex_unlock(&lock);
}

void handle_short_put(uint32_t export_id, const struct vnode_id *id, uint8_t hash[HANDLE_SHORT_LEN])
{
    struct entry entry = {.export_id = export_id, .id = *id};

    hash_id(export_id, id, entry.hash);
    memcpy(hash, entry.hash, HANDLE_SHORT_LEN);
    pthread_mutex_lock(&lock);
    size_t i = find(export_id, hash);
    if (i < count) {
        touch(i);
    } else {
        append(&entry);
        save();
    }
    pthread_mutex_unlock(&lock);
}

bool handle_short_get(uint32_t export_id, const uint8_t hash[HANDLE_SHORT_LEN], struct vnode_id *id)
{
    pthread_mutex_lock(&lock);
    size_t i = find(export_id, hash);
    bool known = i < count;
    if (known) {
        *id = table[i].id;
        touch(i);
    }
    pthread_mutex_unlock(&lock);
    return known;
}
