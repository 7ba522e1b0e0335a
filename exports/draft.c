/*
 * draft.c - a table of exports while it is being written. See draft.h.
 */
#include "base/hash.h"
#include "base/log.h"
#include "exports/internal.h"
#include "exports/look.h"
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Room for a place in a message: a path of the longest length, and the words around it. */
#define WHERE_MAX (PATH_MAX + 64)
/* Bytes of an --export that a message shows, so that the message has room for what is wrong. */
#define SPEC_SHOWN 400

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int draft_look_ms(const struct draft *draft)
{
    int64_t left = draft->until - now_ms();

    return left > LOOK_LEAST_MS ? (int)left : LOOK_LEAST_MS;
}

void draft_init(struct draft *draft, char *message, size_t message_size)
{
    memset(draft, 0, sizeof(*draft));
    draft->message = message;
    draft->message_size = message_size;
    draft->until = now_ms() + LOOK_MS;
    if (message_size)
        message[0] = '\0';
}

void draft_finish(struct draft *draft)
{
    for (size_t i = 0; i < draft->count; i++) {
        export_clear(&draft->entries[i].export);
        free(draft->entries[i].where);
        free(draft->entries[i].complaint);
    }
    for (size_t i = 0; i < draft->nnames; i++) {
        free(draft->names[i].where);
        free(draft->names[i].name);
    }
    free(draft->names);
    draft->names = NULL;
    draft->nnames = 0;
    free(draft->entries);
    draft->entries = NULL;
    draft->count = draft->room = 0;
}

/* Writes the place of what is being read: "FILE:LINE", "--export SPEC", "export PATH" where the
 * user typed no spec, or "" where the message names it itself. */
static void draft_where(const struct draft *draft, char out[WHERE_MAX])
{
    if (draft->line)
        snprintf(out, WHERE_MAX, "%s:%u", draft->reading, draft->line);
    else if (draft->reading && draft->made_up)
        snprintf(out, WHERE_MAX, "export %.*s",
                 (int)strnlen(draft->reading, strcspn(draft->reading, ",")), draft->reading);
    else if (draft->reading)
        snprintf(out, WHERE_MAX, "--export %.*s%s", SPEC_SHOWN, draft->reading,
                 strlen(draft->reading) > SPEC_SHOWN ? "..." : "");
    else
        out[0] = '\0';
}

int draft_fail(struct draft *draft, int err, const char *format, ...)
{
    char where[WHERE_MAX];
    va_list args;
    size_t used;

    if (!draft->message_size || draft->message[0])
        return err;
    draft_where(draft, where);
    int n = snprintf(draft->message, draft->message_size, "%s%s", where, where[0] ? ": " : "");
    used = n < 0 ? 0 : (size_t)n;
    if (used < draft->message_size) {
        va_start(args, format);
        vsnprintf(draft->message + used, draft->message_size - used, format, args);
        va_end(args);
    }
    return err;
}

void draft_warn(const struct draft *draft, const char *format, ...)
{
    char where[WHERE_MAX], text[WHERE_MAX];
    va_list args;

    draft_where(draft, where);
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_warning("%s: %s", where, text);
}

/* Writes the path as clients will name it, without doubled or trailing '/'. Refuses a path that
 * needs another spelling (`.`, `..`). */
static int path_clean(struct draft *draft, const char *path, char out[EXPORT_PATH_MAX + 1])
{
    size_t len = 0;

    if (path[0] != '/')
        return draft_fail(draft, EINVAL, "'%s' is not an absolute path", path);
    for (const char *at = path; *at;) {
        while (*at == '/')
            at++;
        size_t n = strcspn(at, "/");
        if (!n)
            break;
        if ((n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
            return draft_fail(draft, EINVAL, "'%s': write the path without '.' and '..'", path);
        if (len + 1 + n > EXPORT_PATH_MAX)
            return draft_fail(draft, ENAMETOOLONG,
                              "'%.40s...' is too long: NFS has %d bytes; give a shorter one", path,
                              EXPORT_PATH_MAX);
        out[len++] = '/';
        memcpy(out + len, at, n);
        len += n;
        at += n;
    }
    if (!len)
        out[len++] = '/';
    out[len] = '\0';
    return 0;
}

/* Whether a source that does not answer is that of a known export, which then stays as it is. */
static bool source_keep(const struct draft *draft, const char *source, struct export *export)
{
    const struct exports *table = current_table();

    for (size_t i = 0; table && i < table->count; i++) {
        const struct export *old = &table->list[i];

        if (strcmp(old->path, export->path) || strcmp(old->type, export->type) ||
            strcmp(old->written, export->written))
            continue;
        draft_warn(draft, "%s does not answer; it is served as before", source);
        export->source = strdup(old->source);
        export->place = old->place;
        export->absent = old->absent;
        return true;
    }
    return false;
}

/* Finds the host directory that the source leads to now, so that changing a symbolic link later
 * does not move the export. */
static int source_resolve(struct draft *draft, const char *source, struct export *export)
{
    struct look look;

    if (source[0] != '/')
        return draft_fail(draft, EINVAL, "source '%s' is not an absolute path", source);
    export->written = strdup(source);
    if (!export->written)
        return ENOMEM;
    int err = look_at(source, draft_look_ms(draft), &look);
    if (err == ETIMEDOUT && source_keep(draft, source, export))
        return export->source ? 0 : ENOMEM;
    if (err == 0) {
        export->source = look.real;
        export->place = look.place;
        if (look.enter_error)
            return draft_fail(
                draft, look.enter_error,
                "%s: the server's user (%u) can't enter it (%s); give it the right to, "
                "or export another directory",
                source, geteuid(), strerror(look.enter_error));
        return 0;
    }
    if (!draft->lenient || !is_absence(err))
        return draft_fail(draft, err, "%s: %s" DRAFT_MEND, source, absence_text(err));
    export->source = strdup(source);
    export->absent = err;
    return export->source ? 0 : ENOMEM;
}

/* Appends an entry. Takes over what `export` holds, but only on success. */
static int draft_append(struct draft *draft, const struct export *export)
{
    char where[WHERE_MAX];

    if (draft->count == draft->room) {
        size_t room = draft->room ? draft->room * 2 : 16;
        void *grown = reallocarray(draft->entries, room, sizeof(draft->entries[0]));

        if (!grown)
            return ENOMEM;
        draft->entries = grown;
        draft->room = room;
    }
    draft_where(draft, where);
    char *copy = strdup(where[0] ? where : export->path);
    if (!copy)
        return ENOMEM;
    draft->entries[draft->count++] = (struct draft_entry){.export = *export, .where = copy};
    return 0;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

int draft_export(struct draft *draft, const char *path, const char *type, const char *source,
                 const char *fs_options, size_t *index)
{
    struct export export = {0};
    char clean[EXPORT_PATH_MAX + 1] = "";
    int err = path_clean(draft, path, clean);

    if (err != 0)
        return err;
    export.path = strdup(clean);
    export.type = strdup(type);
    if (!export.path || !export.type)
        err = ENOMEM;
    else if (!strcmp(type, EXPORT_TYPE_HOST))
        err = source_resolve(draft, source ? source : clean, &export);
    else if (source && !(export.source = strdup(source)))
        err = ENOMEM;
    if (err == 0 && fs_options && !(export.fs_options = strdup(fs_options)))
        err = ENOMEM;
    if (err != 0)
        goto out;

    for (*index = 0; *index < draft->count; (*index)++) {
        const struct draft_entry *entry = &draft->entries[*index];

        if (strcmp(entry->export.path, clean))
            continue;
        if (!same_text(entry->export.type, type) || !same_text(entry->export.source, export.source))
            err = draft_fail(draft, EINVAL,
                             "%s is already exported, with another fs= or source=", clean);
        else if (!same_text(entry->export.fs_options, fs_options))
            err = draft_fail(draft, EINVAL, "%s is already exported, with other options of %s",
                             clean, type);
        goto out;
    }
    err = draft_append(draft, &export);
    if (err == 0)
        return 0;
out:
    export_clear(&export);
    return err;
}

/* Whether a client can be added to the clients that the export has. */
static int client_fits(struct draft *draft, const struct export *export,
                       const struct export_client *client)
{
    const struct export_options *options = &client->options;

    for (size_t i = 0; i < export->nclients; i++) {
        const struct export_options *other = &export->clients[i].options;

        if (client_same(&export->clients[i], client))
            return draft_fail(draft, EINVAL, "%s is exported to %s twice", export->path,
                              client->kind == EXPORT_CLIENT_SELF ? "this host" : client->text);
        if (other->has_fsid && options->has_fsid && other->fsid != options->fsid)
            return draft_fail(draft, EINVAL, "%s has two numbers: fsid=%u and fsid=%u",
                              export->path, other->fsid, options->fsid);
    }
    return 0;
}

/* Notes a client's host name for names_check(). */
static int draft_name(struct draft *draft, const struct export *export, const char *name)
{
    char where[WHERE_MAX];
    void *grown = reallocarray(draft->names, draft->nnames + 1, sizeof(draft->names[0]));

    if (!grown)
        return ENOMEM;
    draft->names = grown;
    draft_where(draft, where);
    struct draft_name *at = &draft->names[draft->nnames];
    at->where = strdup(where[0] ? where : export->path);
    at->name = strdup(name);
    if (at->where && at->name) {
        draft->nnames++;
        return 0;
    }
    free(at->where);
    free(at->name);
    return ENOMEM;
}

int draft_client(struct draft *draft, size_t index, const char *spec,
                 const struct export_options *options)
{
    struct export *export = &draft->entries[index].export;
    struct export_client client = {.kind = EXPORT_CLIENT_SELF, .options = *options};
    const char *why = "";
    int err;

    if (spec && client_parse(spec, &client, &why))
        return draft_fail(draft, EINVAL, "client '%s': %s", spec, why);
    client.text = strdup(spec ? spec : "localhost");
    if (!client.text)
        return ENOMEM;
    err = client_fits(draft, export, &client);
    if (err == 0 && client.kind == EXPORT_CLIENT_NAME)
        err = draft_name(draft, export, client.text);
    if (err != 0)
        goto out;
    void *grown = reallocarray(export->clients, export->nclients + 1, sizeof(client));
    if (!grown) {
        err = ENOMEM;
        goto out;
    }
    export->clients = grown;
    export->clients[export->nclients++] = client;
    return 0;
out:
    free(client.text);
    return err;
}

/* Without fsid= an export's id is made of its path, so that handles outlive restarts and changes of
 * the file's order. The hash's key is public: the hash spreads the ids, and hides nothing. */
static uint32_t path_id(const char *path)
{
    static const unsigned char key[crypto_shorthash_KEYBYTES + 1] = "loopnfs exportid";
    unsigned char hash[crypto_shorthash_BYTES];

    crypto_shorthash(hash, (const unsigned char *)path, strlen(path), key);
    return (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 | (uint32_t)hash[2] << 8 | hash[3];
}

static void export_settle(struct export *export)
{
    export->id = path_id(export->path);
    export->fsid = hash_mix(export->id);
    for (size_t i = 0; i < export->nclients; i++) {
        struct export_client client = export->clients[i];
        size_t at = i;

        if (client.options.has_fsid)
            export->fsid = export->id = client.options.fsid;
        export->crossmnt |= client.options.crossmnt;
        export->pseudo |= client.options.pseudo;
        export->subtree_check |= client.options.subtree_check;
        /* Inserting keeps the written order of clients that are equal in rank. */
        for (; at > 0 && client_order(&client, &export->clients[at - 1]) < 0; at--)
            export->clients[at] = export->clients[at - 1];
        export->clients[at] = client;
    }
}

static int by_path(const void *a, const void *b)
{
    const struct draft_entry *left = a, *right = b;

    return strcmp(left->export.path, right->export.path);
}

int draft_settle(struct draft *draft)
{
    draft->reading = NULL;
    draft->line = 0;
    for (size_t i = 0; i < draft->count; i++) {
        const struct draft_entry *entry = &draft->entries[i];

        export_settle(&draft->entries[i].export);
        for (size_t k = 0; k < i; k++)
            if (draft->entries[k].export.id == entry->export.id)
                return draft_fail(draft, EINVAL,
                                  "%s: %s and %s have the same number %u: give one of them "
                                  "another fsid=",
                                  entry->where, draft->entries[k].export.path, entry->export.path,
                                  entry->export.id);
    }
    if (draft->count)
        qsort(draft->entries, draft->count, sizeof(draft->entries[0]), by_path);
    return 0;
}
