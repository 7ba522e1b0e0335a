/*
 * refresh.c - notices exports whose source has changed since they were loaded: a directory that was
 * removed, replaced or mounted over, and a directory, disk or image that has come since.
 *
 * Called every few seconds (server/upkeep.c), and by MNT for the one export that it mounts. What
 * the user wrote is not read again. A new table is made from the current one, with another file
 * system for each export that needs one. Requests that are running keep the old table (current.c).
 */
#include "base/log.h"
#include "exports/internal.h"
#include "exports/look.h"
#include "vfs/mount.h"
#include <errno.h>
#include <loopnfs/errors.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* For this number of seconds clients are told to try again with handles of an absent export: what
 * is mounted late at boot is there by then. */
#define PATIENCE_S 90

static int64_t now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec;
}

static bool is_host(const struct export *export)
{
    return !strcmp(export->type, EXPORT_TYPE_HOST);
}

int export_absent_error(const struct export *export)
{
    return now_s() - export->absent_since < PATIENCE_S ? VFS_EJUKEBOX : ESTALE;
}

/* What becomes of an export. */
enum fate { STAYS, GOES, COMES, IS_REPLACED };

static enum fate fate_of(const struct export *export, bool mount_too)
{
    struct export_place place = {0};

    if (!is_host(export))
        return export->fs ? STAYS : COMES;
    /* A source that does not answer counts as unchanged. For a client that mounts, the wait is
     * longer. */
    int err = look_place(export->source, mount_too, mount_too ? LOOK_MS : LOOK_LEAST_MS, &place);
    if (err == 0 && !export->fs)
        return COMES;
    if (err == 0)
        return place_same(&place, &export->place) ? STAYS : IS_REPLACED;
    /* Other errors may come from the way to the directory, and say nothing about the directory. */
    return export->fs && (err == ENOENT || err == ENOTDIR) ? GOES : STAYS;
}

bool export_is_outdated(const struct export *export)
{
    return fate_of(export, true) != STAYS;
}

/* --- a copy of the table --- */

static char *copy_text(const char *text, bool *failed)
{
    char *copy = text ? strdup(text) : NULL;

    *failed |= text && !copy;
    return copy;
}

static bool copy_export(const struct export *from, struct export *to)
{
    bool failed = false;

    *to = *from;
    to->serial = load_next_serial(); /* its clients are others, in other memory */
    to->path = copy_text(from->path, &failed);
    to->type = copy_text(from->type, &failed);
    to->source = copy_text(from->source, &failed);
    to->written = copy_text(from->written, &failed);
    to->fs_options = copy_text(from->fs_options, &failed);
    to->alias = copy_text(from->alias, &failed);
    to->clients = calloc(from->nclients + 1, sizeof(to->clients[0]));
    to->nclients = to->clients ? from->nclients : 0;
    failed |= !to->clients;
    for (size_t i = 0; i < to->nclients; i++) {
        to->clients[i] = from->clients[i];
        to->clients[i].text = copy_text(from->clients[i].text, &failed);
    }
    if (to->fs)
        vfs_ref(to->fs);
    return !failed;
}

/* Copies a table; NULL: no memory. */
static struct exports *copy_table(const struct exports *from)
{
    struct exports *to = calloc(1, sizeof(*to));
    bool good = to != NULL;

    if (good) {
        to->list = calloc(from->count + 1, sizeof(to->list[0]));
        to->by_id = calloc(from->count + 1, sizeof(to->by_id[0]));
        good = to->list && to->by_id;
    }
    for (size_t i = 0; good && i < from->count; i++) {
        to->count++;
        good = copy_export(&from->list[i], &to->list[i]);
        to->by_id[i] = &to->list[from->by_id[i] - from->list];
    }
    if (good)
        return to;
    exports_destroy(to);
    return NULL;
}

/* --- what has changed --- */

static void tell(const struct export *export, enum fate fate)
{
    const char *source = export->source ? export->source : export->type;

    if (fate == GOES)
        log_warning("%s: %s is not there any more: not served until it is", export->path, source);
    else if (fate == IS_REPLACED)
        log_warning("%s: another directory is at %s now: that one is served from here on",
                    export->path, source);
    else
        log_info("%s: %s is there: served from here on", export->path, source);
}

/* Changes an export as its fate says. False: nothing has changed, since what has come can't be
 * served yet. */
static bool change(struct export *export, enum fate fate)
{
    char why[512];
    struct vfs *old = export->fs;

    export->fs = NULL;
    export->absent = ENOENT;
    if (fate == COMES && is_host(export)) {
        struct look look;
        if (look_at(export->source, LOOK_MS, &look) == 0) {
            free(export->source);
            export->source = look.real;
        }
    }
    if (fate == GOES)
        export->absent_since = now_s();
    else if (is_host(export))
        export->absent = look_place(export->source, false, LOOK_MS, &export->place);
    int64_t since = export->absent_since;
    bool mounted = fate != GOES && (!is_host(export) || !export->absent) &&
                   load_mount_export(export, why, sizeof(why)) == 0;
    if (!mounted && fate == COMES)
        export->absent_since = since;
    vfs_put(old);
    if (!mounted && fate == COMES)
        return false;
    tell(export, mounted ? fate : GOES);
    return true;
}

/* The ids of exports that may have changed. */
struct suspects {
    size_t count;
    uint32_t *ids;
};

/* Looks at all exports. Called without the load's lock, since a path may hang for as long as its
 * file system does. */
static void find_suspects(struct suspects *suspects)
{
    const struct exports *table = exports_get();

    suspects->count = 0;
    suspects->ids = calloc(table->count + 1, sizeof(suspects->ids[0]));
    for (size_t i = 0; suspects->ids && i < table->count; i++)
        if (fate_of(&table->list[i], false) != STAYS)
            suspects->ids[suspects->count++] = table->list[i].id;
    exports_put();
}

static bool is_suspect(const struct suspects *suspects, uint32_t id)
{
    for (size_t i = 0; i < suspects->count; i++)
        if (suspects->ids[i] == id)
            return true;
    return false;
}

/* Looks again at those exports that have just answered, and replaces the table where one has
 * changed. Called with the load's lock. */
static void refresh(struct exports *table, const struct suspects *suspects)
{
    struct exports *fresh = NULL;
    bool changed = false;

    for (size_t i = 0; table && i < table->count; i++) {
        if (!is_suspect(suspects, table->list[i].id))
            continue;
        enum fate fate = fate_of(&table->list[i], false);
        if (fate == STAYS)
            continue;
        if (!fresh)
            fresh = copy_table(table);
        if (!fresh)
            return;
        changed |= change(&fresh->list[i], fate);
    }
    if (changed)
        current_replace(fresh);
    else
        exports_destroy(fresh);
}

void exports_refresh(void)
{
    struct suspects suspects;

    find_suspects(&suspects);
    if (suspects.count > 0) {
        load_lock();
        refresh(current_table(), &suspects);
        load_unlock();
    }
    free(suspects.ids);
}

void exports_refresh_one(uint32_t id)
{
    struct suspects suspects = {.count = 1, .ids = &id};

    load_lock();
    refresh(current_table(), &suspects);
    load_unlock();
}
