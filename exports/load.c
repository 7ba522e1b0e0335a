/*
 * load.c - from what the user wrote to the table in use: read, settle, mount, swap.
 *
 * main calls exports_load() when it starts and at each SIGHUP, always from the same thread.
 * Until the swap everything is in a draft that is dropped when anything goes wrong.
 */
#include "exports/internal.h"
#include "vfs/mount.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t last_serial; /* main's thread only */

static int load_read(struct draft *draft, const struct exports_source *source)
{
    int error = 0;

    if (source->file)
        error = parse_file(draft, source->file);
    for (size_t i = 0; !error && i < source->nspecs; i++)
        error = parse_spec(draft, source->specs[i]);
    for (size_t i = 0; !error && i < source->ndirs; i++)
        error = parse_dir(draft, source->dirs[i]);
    return error ? error : draft_settle(draft);
}

/* "hostfs, memfs": what fs= may say. */
static void types_list(char *out, size_t size)
{
    const struct vfs_type *type;
    size_t used = 0;

    out[0] = '\0';
    for (unsigned i = 0; (type = vfs_type_at(i)) && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", type->name);
}

static int load_check_types(struct draft *draft)
{
    char known[256];

    for (size_t i = 0; i < draft->count; i++) {
        const struct draft_entry *entry = &draft->entries[i];

        if (vfs_type_find(entry->export.type))
            continue;
        types_list(known, sizeof(known));
        return draft_fail(draft, EINVAL, "%s: no file system '%s' (there are: %s)", entry->where,
                          entry->export.type, known);
    }
    return 0;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* The mounted file system of the table in use that `export` asks for, with a reference. */
static struct vfs *load_find_mounted(const struct exports *table, const struct export *export)
{
    for (size_t i = 0; table && i < table->count; i++) {
        const struct export *old = &table->list[i];

        if (same_text(old->type, export->type) && same_text(old->source, export->source) &&
            same_text(old->fs_options, export->fs_options) && old->fsid == export->fsid &&
            old->crossmnt == export->crossmnt && old->subtree_check == export->subtree_check &&
            old->source_dev == export->source_dev && old->source_ino == export->source_ino) {
            vfs_ref(old->fs);
            return old->fs;
        }
    }
    return NULL;
}

/* Mounts the file system of an entry; with --check only asks whether that would do. */
static int load_mount_one(struct draft *draft, const struct exports_source *source,
                          struct draft_entry *entry)
{
    struct export *export = &entry->export;
    char why[512] = "";
    const struct vfs_mount_args args = {
        .source = export->source,
        .options = export->fs_options,
        .state_dir = source->state_dir,
        .fsid = export->fsid,
        .crossmnt = export->crossmnt,
        .subtree_check = export->subtree_check,
        .table_handles = source->table_handles,
        .message = why,
        .message_size = sizeof(why),
    };
    int error = source->check_only ? vfs_check(export->type, &args)
                                   : vfs_mount(export->type, &args, &export->fs);

    if (!error)
        return 0;
    export->fs = NULL;
    return draft_fail(draft, error, "%s: can't serve %s from %s%s%s: %s", entry->where,
                      export->path, export->type, export->source ? " " : "",
                      export->source ? export->source : "", why[0] ? why : strerror(error));
}

static int load_mount(struct draft *draft, const struct exports_source *source)
{
    int error = 0;

    for (size_t i = 0; !error && i < draft->count; i++) {
        struct draft_entry *entry = &draft->entries[i];

        if (!source->check_only)
            entry->export.fs = load_find_mounted(current_table(), &entry->export);
        if (!entry->export.fs)
            error = load_mount_one(draft, source, entry);
    }
    return error;
}

static int by_id(const void *a, const void *b)
{
    const struct export *left = *(const struct export *const *)a;
    const struct export *right = *(const struct export *const *)b;

    return left->id < right->id ? -1 : left->id > right->id;
}

static void load_udp(struct exports *table, struct export *export, bool all)
{
    for (size_t i = 0; i < export->nclients; i++) {
        export->clients[i].options.udp |= all;
        table->udp |= export->clients[i].options.udp;
    }
}

/* Moves what the draft holds into a table. */
static int load_make_table(struct draft *draft, bool udp, struct exports **out)
{
    struct exports *table = calloc(1, sizeof(*table));

    if (!table)
        return ENOMEM;
    table->list = calloc(draft->count + 1, sizeof(table->list[0]));
    table->by_id = calloc(draft->count + 1, sizeof(table->by_id[0]));
    if (!table->list || !table->by_id) {
        exports_destroy(table);
        return ENOMEM;
    }
    table->count = draft->count;
    for (size_t i = 0; i < draft->count; i++) {
        table->list[i] = draft->entries[i].export;
        table->list[i].serial = ++last_serial;
        load_udp(table, &table->list[i], udp);
        table->by_id[i] = &table->list[i];
        memset(&draft->entries[i].export, 0, sizeof(struct export));
    }
    qsort(table->by_id, table->count, sizeof(table->by_id[0]), by_id);
    *out = table;
    return 0;
}

int exports_load(const struct exports_source *source, char *message, size_t message_size)
{
    struct draft draft;
    struct exports *table = NULL;
    int error;

    draft_init(&draft, message, message_size);
    error = load_read(&draft, source);
    if (!error)
        error = load_check_types(&draft);
    if (!error)
        error = load_mount(&draft, source);
    if (!error && !source->check_only)
        error = load_make_table(&draft, source->udp, &table);
    if (table)
        current_replace(table);
    else
        exports_collect();
    if (error)
        draft_fail(&draft, error, "%s", strerror(error));
    draft_finish(&draft);
    return error;
}
