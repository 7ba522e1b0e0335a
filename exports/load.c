/*
 * load.c - makes the table in use from what the user wrote: read, complete, mount, swap.
 *
 * server/server.c calls exports_load() at the start and at each SIGHUP. Until the swap everything
 * is in a draft, which is dropped when anything goes wrong. A source that is missing is not an
 * error: it is logged, and served when it comes (refresh.c).
 *
 * Locks: the thread that makes a new table, here or in refresh.c, holds `lock`, so there is one at
 * a time. The lock guards the variables that follow it.
 */
#include "base/apart.h"
#include "base/log.h"
#include "exports/internal.h"
#include "exports/look.h"
#include "vfs/mount.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Milliseconds to wait, at each load, for the host names of all exports to be found. */
#define NAMES_MS 1000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t last_serial;
static char *state_dir; /* as the last load named it */
static bool table_handles, apart;

void load_lock(void)
{
    pthread_mutex_lock(&lock);
}

void load_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

uint64_t load_next_serial(void)
{
    return ++last_serial;
}

static int64_t load_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int load_read(struct draft *draft, const struct exports_source *source)
{
    int err = 0;

    if (source->file)
        err = parse_file(draft, source->file);
    for (size_t i = 0; err == 0 && i < source->nspecs; i++)
        err = parse_spec(draft, source->specs[i]);
    for (size_t i = 0; err == 0 && i < source->ndirs; i++)
        err = parse_dir(draft, source->dirs[i]);
    return err != 0 ? err : draft_settle(draft);
}

/* Lists the kinds that fs= may name: "hostfs, memfs". */
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
    char known[512];

    for (size_t i = 0; i < draft->count; i++) {
        const struct draft_entry *entry = &draft->entries[i];

        if (vfs_type_find(entry->export.type))
            continue;
        types_list(known, sizeof(known));
        return draft_fail(draft, EINVAL,
                          "%s: no file system '%s' (there are: %s; --module loads more)",
                          entry->where, entry->export.type, known);
    }
    return 0;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* Finds the file system that the table in use has mounted for such an export; returns it with a
 * reference. */
static struct vfs *load_find_mounted(const struct exports *table, const struct export *export)
{
    for (size_t i = 0; table && i < table->count; i++) {
        const struct export *old = &table->list[i];

        if (same_text(old->type, export->type) && same_text(old->source, export->source) &&
            same_text(old->fs_options, export->fs_options) && old->fsid == export->fsid &&
            old->crossmnt == export->crossmnt && old->pseudo == export->pseudo &&
            old->subtree_check == export->subtree_check && old->fs &&
            place_same(&old->place, &export->place)) {
            vfs_ref(old->fs);
            return old->fs;
        }
    }
    return NULL;
}

/* The options that the file system gets, to be freed; NULL: none, or with ENOMEM no memory. What an
 * export says of directories of the host goes to file systems that show them, as words; so does
 * --handles=table, which is for tests. */
static int load_options(const struct export *export, char **out)
{
    const struct vfs_type *type = vfs_type_find(export->type);
    const bool host = type && type->flags & VFS_HOST_DIRS;
    const char *own = export->fs_options ? export->fs_options : "";

    *out = NULL;
    if (!export->fs_options && !host)
        return 0;
    int len = asprintf(out, "%s%s%s%s%s", host && export->crossmnt ? "crossmnt," : "",
                       host && export->pseudo ? "pseudo," : "",
                       host && export->subtree_check ? "subtree_check," : "",
                       host && table_handles ? "handles=table," : "", own);
    if (len < 0)
        return ENOMEM;
    if (len > 0 && (*out)[len - 1] == ',')
        (*out)[len - 1] = '\0';
    return 0;
}

static struct vfs_mount_args load_args(const struct export *export, const char *options, char *why,
                                       size_t size)
{
    return (struct vfs_mount_args){
        .source = export->source,
        .options = options,
        .state_dir = state_dir,
        .fsid = export->fsid,
        .message = why,
        .message_size = size,
    };
}

int load_mount_export(struct export *export, char *why, size_t size)
{
    struct timespec now;
    char *options;

    why[0] = '\0';
    export->absent = load_options(export, &options);
    const struct vfs_mount_args args = load_args(export, options, why, size);
    if (!export->absent)
        export->absent = apart ? look_mount(export->type, &args, false, LOOK_MS, &export->fs)
                               : vfs_mount(export->type, &args, &export->fs);
    free(options);
    if (!export->absent)
        return 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    export->absent_since = now.tv_sec;
    export->fs = NULL;
    return export->absent;
}

/* Writes one line that says what is wrong with an entry. found: the source is there, but mounting
 * it failed. */
static void load_complain(const struct draft_entry *entry, bool found, int err, const char *why,
                          char *out, size_t size)
{
    const struct export *export = &entry->export;
    bool named = !found && !strcmp(entry->where, export->path);

    if (!found)
        snprintf(out, size, "%s%s%s: %s" DRAFT_MEND, named ? "" : entry->where, named ? "" : ": ",
                 export->source ? export->source : export->path, absence_text(err));
    else
        snprintf(out, size, "%s: can't serve %s from %s%s%s: %s", entry->where, export->path,
                 export->type, export->source ? " " : "", export->source ? export->source : "",
                 why[0] ? why : absence_text(err));
}

/* For --check: whether the file system would mount. */
static int load_check(struct export *export, char *why, size_t size)
{
    char *options;
    int err = load_options(export, &options);

    if (err != 0)
        return err;
    const struct vfs_mount_args args = load_args(export, options, why, size);
    err = apart ? look_mount(export->type, &args, true, LOOK_MS, &export->fs)
                : vfs_check(export->type, &args);
    free(options);
    return err;
}

/* Mounts the file system of an entry; with --check only asks whether that would work. A source that
 * is missing is not an error: its complaint is logged, and it is served when it is there. */
static int load_mount_one(struct draft *draft, const struct exports_source *source,
                          struct draft_entry *entry)
{
    struct export *export = &entry->export;
    struct timespec now;
    char why[512] = "", complaint[1024];
    bool found = !export->absent;
    int err = export->absent;

    clock_gettime(CLOCK_MONOTONIC, &now);
    export->absent_since = now.tv_sec;
    if (found)
        err = source->check_only ? load_check(export, why, sizeof(why))
                                 : load_mount_export(export, why, sizeof(why));
    if (err == 0)
        return 0;
    load_complain(entry, found, err, why, complaint, sizeof(complaint));
    if (source->check_only || !is_absence(err))
        return draft_fail(draft, err, "%s", complaint);
    free(entry->complaint);
    entry->complaint = strdup(complaint);
    return entry->complaint ? 0 : ENOMEM;
}

static int load_mount(struct draft *draft, const struct exports_source *source)
{
    struct draft_entry *first = NULL; /* the first entry that is absent */
    size_t absent = 0;
    int err = 0;

    for (size_t i = 0; err == 0 && i < draft->count; i++) {
        struct draft_entry *entry = &draft->entries[i];

        if (!source->check_only && !entry->export.absent)
            entry->export.fs = load_find_mounted(current_table(), &entry->export);
        if (!entry->export.fs)
            err = load_mount_one(draft, source, entry);
        if (err == 0 && entry->export.absent && absent++ == 0)
            first = entry;
    }
    /* Where nothing at all is served, and the user has written no file with exports for later, this
     * is a mistake. */
    if (err == 0 && absent > 0 && absent == draft->count && !source->file)
        return draft_fail(draft, first->export.absent, "%s", first->complaint);
    for (size_t i = 0; err == 0 && i < draft->count; i++)
        if (draft->entries[i].complaint)
            log_warning("%s; it is served as soon as it is there", draft->entries[i].complaint);
    return err;
}

/* A client that can read the state directory gets the key, and can make handles to anything. */
static void load_check_state_dir(const struct exports *table)
{
    for (size_t i = 0; state_dir && table && i < table->count; i++) {
        const struct export *export = &table->list[i];
        if (export->place.ino && place_holds(&export->place, export->crossmnt, state_dir))
            log_warning("the state directory %s lies in the export %s: who may read it there has "
                        "the key of all file handles; name another with --state-dir",
                        state_dir, export->path);
    }
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

/* Moves the draft's exports into a table. */
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

/* Keeps the arguments that file systems mounted later need as well. */
static int load_keep(const struct exports_source *source)
{
    char *copy = source->state_dir ? strdup(source->state_dir) : NULL;

    if (source->state_dir && !copy)
        return ENOMEM;
    free(state_dir);
    state_dir = copy;
    table_handles = source->table_handles;
    apart = source->apart;
    return 0;
}

/* Asks for the host names in the exports before the first client comes. A name server that answers
 * does so within NAMES_MS; one that does not is not waited for any longer. */
static void load_names(const struct exports *table)
{
    for (int wait = 0; wait <= NAMES_MS; wait += NAMES_MS) {
        int64_t until = load_now_ms() + wait;
        for (size_t i = 0; i < table->count; i++)
            for (size_t k = 0; k < table->list[i].nclients; k++) {
                const struct export_client *client = &table->list[i].clients[k];
                int64_t left = until - load_now_ms();
                enum ttl_kind ignored;
                if (client->kind == EXPORT_CLIENT_NAME)
                    names_fetch(client->text, left > 0 ? (int)left : 0, &ignored);
            }
    }
}

static void letting_go_run(struct apart *job)
{
    (void)job;
    vfs_let_go();
}

/* Gives a hanging file system LOOK_MS milliseconds, then goes on without waiting for it. */
static void load_let_go(void)
{
    struct apart *job = calloc(1, sizeof(*job));

    if (!job)
        return;
    job->run = letting_go_run;
    if (apart_run(job, LOOK_MS) != ETIMEDOUT)
        free(job);
}

int exports_load(const struct exports_source *source, char *message, size_t message_size)
{
    struct draft draft;
    struct exports *table = NULL;
    int err;

    load_lock();
    draft_init(&draft, message, message_size);
    draft.lenient = !source->check_only;
    draft.made_up = source->made_up;
    err = load_keep(source);
    if (err == 0)
        err = load_read(&draft, source);
    if (err == 0)
        err = load_check_types(&draft);
    if (err == 0)
        err = load_mount(&draft, source);
    if (err == 0 && !source->check_only)
        err = load_make_table(&draft, source->udp, &table);
    if (err == 0)
        names_check(&draft, source->check_only);
    if (table)
        load_names(table);
    if (table)
        current_replace(table);
    else
        exports_collect();
    if (err != 0)
        draft_fail(&draft, err, "%s", strerror(err));
    draft_finish(&draft);
    if (err == 0)
        load_check_state_dir(current_table());
    if (err == 0 && !source->check_only)
        load_let_go();
    load_unlock();
    return err;
}
