/*
 * export.c - finds an export in a table, and frees tables.
 *
 * The gate (access/) finds exports by the id in a handle, or by the path of a MNT. A table does not
 * change once load.c or refresh.c has made it; only current.c has it freed.
 */
#include "exports/internal.h"
#include "vfs/mount.h"
#include <stdlib.h>
#include <string.h>

void export_clear(struct export *export)
{
    for (size_t i = 0; i < export->nclients; i++)
        free(export->clients[i].text);
    free(export->clients);
    free(export->path);
    free(export->alias);
    free(export->type);
    free(export->source);
    free(export->written);
    free(export->fs_options);
    vfs_put(export->fs);
    memset(export, 0, sizeof(*export));
}

void exports_destroy(struct exports *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->count; i++)
        export_clear(&table->list[i]);
    free(table->list);
    free(table->by_id);
    free(table);
}

const struct export *exports_by_id(const struct exports *exports, uint32_t id)
{
    size_t low = 0, high = exports->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (exports->by_id[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < exports->count && exports->by_id[low]->id == id ? exports->by_id[low] : NULL;
}

/* The length in bytes of the path without its last component. */
static uint32_t path_parent(const char *path, uint32_t len)
{
    while (len > 0 && path[len - 1] != '/')
        len--;
    return len > 0 ? len - 1 : 0;
}

bool exports_path_clean(struct view path, char out[EXPORT_PATH_MAX + 1], uint32_t *len)
{
    uint32_t at = 0, end = 0;

    if (!path.len || path.data[0] != '/')
        return false;
    while (at < path.len) {
        while (at < path.len && path.data[at] == '/')
            at++;
        uint32_t begin = at;
        while (at < path.len && path.data[at] != '/')
            at++;
        uint32_t n = at - begin;
        const uint8_t *name = path.data + begin;

        if (n == 0 || (n == 1 && name[0] == '.'))
            continue;
        if (n == 2 && name[0] == '.' && name[1] == '.') {
            end = path_parent(out, end);
            continue;
        }
        if (end + 1 + n > EXPORT_PATH_MAX || memchr(name, '\0', n))
            return false;
        out[end++] = '/';
        memcpy(out + end, name, n);
        end += n;
    }
    if (end == 0)
        out[end++] = '/';
    out[end] = '\0';
    *len = end;
    return true;
}

/* Whether a path in normal form is `name` or lies below it; *n is the length of that part in
 * bytes. */
static bool name_covers(const char *name, const char *normal, size_t len, size_t *n)
{
    if (name == NULL)
        return false;
    *n = name[1] ? strlen(name) : 0;
    return *n <= len && !memcmp(name, normal, *n) && (*n == len || normal[*n] == '/');
}

const struct export *exports_by_path(const struct exports *exports, struct view path,
                                     struct view *rest)
{
    static _Thread_local char normal[EXPORT_PATH_MAX + 1];
    const struct export *best = NULL;
    size_t best_len = 0;
    uint32_t clean_len;
    bool by_alias = false;

    if (!exports_path_clean(path, normal, &clean_len))
        return NULL;
    size_t len = clean_len > 1 ? clean_len : 0; /* 0 for "/" itself */
    for (size_t i = 0; i < exports->count; i++) {
        const struct export *export = &exports->list[i];
        size_t n;

        if (name_covers(export->path, normal, len, &n) &&
            (!best || n > best_len || (n == best_len && by_alias))) {
            best = export;
            best_len = n;
            by_alias = false;
        }
        if (name_covers(export->alias, normal, len, &n) && (!best || n > best_len)) {
            best = export;
            best_len = n;
            by_alias = true;
        }
    }
    if (best) {
        size_t skip = best_len < len ? best_len + 1 : len;

        rest->data = (const uint8_t *)normal + skip;
        rest->len = (uint32_t)(len - skip);
    }
    return best;
}
