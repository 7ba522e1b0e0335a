/*
 * control.c - runs etfs' commands (`loopnfs etfs add|remove|list`), and reads its table file.
 */
#include "base/text.h"
#include "fs/etfs/etfs.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 8

static int command_add(struct vfs *fs, struct vcontrol *control)
{
    struct etfs_spec spec;

    int err = etfs_spec_parse(control->argc - 1, control->argv + 1, &spec, control->message,
                              sizeof(control->message));
    if (err == 0)
        err = etfs_add(etfs_of(fs), &spec, control->message, sizeof(control->message));
    if (err != 0 && control->message[0] == '\0')
        snprintf(control->message, sizeof(control->message), "%.200s: %s",
                 control->argc > 1 ? control->argv[err == EEXIST || err == ENOTDIR ? 1 : 2] : "",
                 strerror(err));
    return err;
}

static int command_remove(struct vfs *fs, struct vcontrol *control)
{
    struct etfs_entry *gone;

    if (control->argc != 2) {
        snprintf(control->message, sizeof(control->message), "remove takes one key");
        return EINVAL;
    }
    int err = etfs_remove(etfs_of(fs), control->argv[1], &gone);
    etfs_entry_put(etfs_of(fs), gone);
    if (err == ENOENT)
        snprintf(control->message, sizeof(control->message), "%.200s: no such key",
                 control->argv[1]);
    return err;
}

static void list_one(const struct etfs_entry *entry, const char *key, void *arg)
{
    static const char *const types[] = {[VREG] = "reg", [VBLK] = "blk", [VCHR] = "chr"};
    struct vcontrol *control = arg;
    char window[64] = "", quoted[TEXT_QUOTED(VPATH_MAX + VNAME_MAX)], path[TEXT_QUOTED(PATH_MAX)];

    if (entry->windowed)
        snprintf(window, sizeof(window), " offset=%" PRIu64 " size=%" PRIu64, entry->offset,
                 entry->size);
    text_quote(quoted, sizeof(quoted), key);
    text_quote(path, sizeof(path), entry->path);
    vcontrol_print(control, "%s\t%s\ttype=%s%s%s%s", quoted, path, types[entry->said], window,
                   entry->said != entry->type ? " as=reg" : "", entry->read_only ? " ro" : "");
}

static int command_list(struct vfs *fs, struct vcontrol *control)
{
    etfs_walk(etfs_of(fs), list_one, control);
    return 0;
}

int etfs_control(struct vfs *fs, struct vcontrol *control)
{
    static const struct {
        const char *name;
        int (*run)(struct vfs *fs, struct vcontrol *control);
    } commands[] = {{"add", command_add}, {"remove", command_remove}, {"list", command_list}};

    if (!control->privileged) {
        snprintf(control->message, sizeof(control->message),
                 "only root and the user who runs the server may");
        return EPERM;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(control->argv[0], commands[i].name) == 0)
            return commands[i].run(fs, control);
    snprintf(control->message, sizeof(control->message), "etfs knows add, remove and list");
    return EINVAL;
}

/* Adds the key of one line of a table. Words are separated by blanks; `#` begins a comment. */
static int line_add(struct etfs *et, char *line, char *message, size_t size)
{
    const char *words[WORDS_MAX];
    struct etfs_spec spec;
    int count = 0;

    line[strcspn(line, "#\n")] = '\0';
    for (char *word; (word = strsep(&line, " \t")) != NULL;) {
        if (*word == '\0')
            continue;
        if (count == WORDS_MAX) {
            snprintf(message, size, "more than %d words, from '%.100s' on", WORDS_MAX, word);
            return EINVAL;
        }
        words[count++] = word;
    }
    if (count == 0)
        return 0;
    int err = etfs_spec_parse(count, words, &spec, message, size);
    if (err == 0)
        err = etfs_add(et, &spec, message, size);
    if (err != 0 && message[0] == '\0')
        snprintf(message, size, "%s: %s", words[0], strerror(err));
    return err;
}

int etfs_table_read(struct etfs *et, const char *file, char *message, size_t size)
{
    char *line = NULL;
    size_t room = 0;
    int err = 0;

    FILE *table = fopen(file, "re");
    if (table == NULL) {
        err = errno;
        snprintf(message, size, "%s: %s", file, strerror(err));
        return err;
    }
    for (unsigned number = 1; err == 0 && getline(&line, &room, table) >= 0; number++) {
        char why[200] = "";
        err = line_add(et, line, why, sizeof(why));
        if (err != 0)
            snprintf(message, size, "%s:%u: %s", file, number, why);
    }
    free(line);
    fclose(table);
    return err;
}
