/*
 * request.c - finds the receiver of a command, runs the command, and makes the answer.
 *
 * Called by server.c, which has one thread for each request. The table of exports is held only
 * while the export is looked up; the command runs with a reference on the file system alone.
 */
#include "ctl/request.h"
#include "base/metrics.h"
#include "base/wait_place.h"
#include "exports/exports.h"
#include "vfs/mount.h"
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 64

static const char *text_of(struct json_object *request, const char *key)
{
    struct json_object *value;

    if (!json_object_object_get_ex(request, key, &value) ||
        !json_object_is_type(value, json_type_string))
        return NULL;
    return json_object_get_string(value);
}

/* Reads the command's words, which are borrowed from the request. */
static int words_of(struct json_object *request, const char *words[WORDS_MAX], int *count)
{
    struct json_object *list;

    if (!json_object_object_get_ex(request, "argv", &list) ||
        !json_object_is_type(list, json_type_array))
        return EINVAL;
    size_t len = json_object_array_length(list);
    if (len == 0 || len > WORDS_MAX)
        return EINVAL;
    for (size_t i = 0; i < len; i++) {
        struct json_object *word = json_object_array_get_idx(list, i);
        if (!json_object_is_type(word, json_type_string))
            return EINVAL;
        words[i] = json_object_get_string(word);
    }
    *count = (int)len;
    return 0;
}

/* --- the server's own commands --- */

static void print_exports(struct vcontrol *control)
{
    const struct exports *exports = exports_get();

    for (size_t i = 0; i < exports->count; i++) {
        const struct export *export = &exports->list[i];
        vcontrol_print(control, "export\t%s\t%s\t%s%s", export->path, export->type,
                       export->source != NULL ? export->source : "",
                       export->fs != NULL ? "" : "\tnot there");
        if (export->fs != NULL && export->fs->type->ops.status != NULL)
            export->fs->type->ops.status(export->fs, control, export->path);
    }
    exports_put();
}

/* Prints a place where calls wait: a file system that is served, or one of the host below it. */
static void print_place(const char *name, const struct wait_place_stats *stats, void *arg)
{
    vcontrol_print(arg, "waiting\t%s\t%" PRIu32 " of %" PRIu32 " calls%s\t%" PRIu64 " refused",
                   name, stats->asleep, stats->most, stats->hangs ? ", it hangs" : "",
                   stats->refused);
}

static void print_metric(const struct metric *metric, uint64_t value, void *control)
{
    vcontrol_print(control, "%s\t%" PRIu64, metric->name, value);
}

static int server_status(struct vcontrol *control)
{
    metrics_walk(print_metric, control);
    /* Only a user that may read the exports file is told what is exported and from where. */
    if (control->privileged) {
        print_exports(control);
        wait_places_walk(print_place, control);
    }
    return 0;
}

static int server_command(struct vcontrol *control)
{
    if (control->argc == 1 && strcmp(control->argv[0], "status") == 0)
        return server_status(control);
    snprintf(control->message, sizeof(control->message), "the server knows no command '%.100s'",
             control->argv[0]);
    return EINVAL;
}

/* --- commands to file systems --- */

/* Finds the file system that the request names; *out has a reference. */
static int target_find(const char *type, const char *path, struct vcontrol *control,
                       struct vfs **out)
{
    const struct exports *exports = exports_get();
    const struct export *found = NULL;
    int matches = 0;

    for (size_t i = 0; i < exports->count; i++) {
        const struct export *export = &exports->list[i];
        if ((type == NULL || strcmp(export->type, type) == 0) &&
            (path == NULL || strcmp(export->path, path) == 0)) {
            found = export;
            matches++;
        }
    }
    if (matches == 1 && found->fs == NULL) {
        snprintf(control->message, sizeof(control->message), "%.100s is not there: %s", found->path,
                 strerror(found->absent));
        matches = 0;
    } else if (matches == 1) {
        *out = found->fs;
        vfs_ref(*out);
    } else if (matches == 0) {
        snprintf(control->message, sizeof(control->message), "no %s%sexport %.100s",
                 type != NULL ? type : "", type != NULL ? " " : "", path != NULL ? path : "");
    } else {
        snprintf(control->message, sizeof(control->message),
                 "%d exports are %s: say which with --export", matches, type);
    }
    exports_put();
    return matches == 1 ? 0 : matches == 0 ? ENOENT : EINVAL;
}

static int target_command(const char *type, const char *path, struct vcontrol *control)
{
    struct vfs *fs;

    int err = target_find(type, path, control, &fs);
    if (err != 0)
        return err;
    if (fs->type->ops.control != NULL) {
        err = fs->type->ops.control(fs, control);
    } else {
        snprintf(control->message, sizeof(control->message), "%s takes no commands",
                 fs->type->name);
        err = EOPNOTSUPP;
    }
    vfs_put(fs);
    return err;
}

/* Splits what the command has printed into the answer's lines. */
static void lines_add(struct json_object *answer, char *text)
{
    struct json_object *lines = json_object_new_array();
    char *rest = text;

    for (char *line; (line = strsep(&rest, "\n")) != NULL;)
        if (*line != '\0')
            json_object_array_add(lines, json_object_new_string(line));
    json_object_object_add(answer, "lines", lines);
}

struct json_object *request_run(struct json_object *request, const struct cred *cred, pid_t pid,
                                int *fd, int *reply_fd)
{
    const char *words[WORDS_MAX];
    struct vcontrol control = {.cred = cred,
                               .pid = pid,
                               .privileged = cred->uid == 0 || cred->uid == geteuid(),
                               .argv = words,
                               .fd = *fd,
                               .reply_fd = -1};
    char *text = NULL;
    size_t size = 0;

    const char *type = text_of(request, "fs"), *path = text_of(request, "export");
    int err = words_of(request, words, &control.argc);
    control.output = open_memstream(&text, &size);
    if (err != 0)
        snprintf(control.message, sizeof(control.message), "a request needs 1 to %d words in argv",
                 WORDS_MAX);
    else if (type == NULL && path == NULL)
        err = server_command(&control);
    else
        err = target_command(type, path, &control);
    if (control.output != NULL)
        fclose(control.output);
    *fd = control.fd;
    *reply_fd = control.reply_fd;
    struct json_object *answer = json_object_new_object();
    json_object_object_add(answer, "error", json_object_new_int(err));
    json_object_object_add(answer, "message", json_object_new_string(control.message));
    if (text != NULL)
        lines_add(answer, text);
    free(text);
    return answer;
}
