/*
 * spec.c - exports given on the command line: --export SPEC, and a plain DIR.
 *
 *     PATH[,fs=TYPE][,source=SRC][,client=SPEC]...[,OPTION]...
 *
 * An OPTION is one of exports(5), or one of the file system's own (struct vfs_type, options). Words
 * are written as in the exports file: a comma within a word is quoted, or written \054. load.c
 * calls this.
 */
#include "exports/internal.h"
#include "exports/reader.h"
#include "vfs/mount.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The words of a spec, before it is known to be complete. */
struct spec {
    char *path, *type, *source;
    size_t nclients;
    char **clients;
    size_t nothers; /* words that may be the file system's options: fs= may follow them */
    char **others;
    struct export_options options;
    uint32_t said; /* options_apply()'s */
};

static void spec_clear(struct spec *spec)
{
    for (size_t i = 0; i < spec->nclients; i++)
        free(spec->clients[i]);
    for (size_t i = 0; i < spec->nothers; i++)
        free(spec->others[i]);
    free(spec->clients);
    free(spec->others);
    free(spec->path);
    free(spec->type);
    free(spec->source);
}

/* Notes the value of a word that may be given once. */
static int spec_once(struct draft *draft, char **where, const char *word, const char *value)
{
    if (*where)
        return draft_fail(draft, EINVAL, "'%s' is the second of its kind", word);
    *where = strdup(value);
    return *where ? 0 : ENOMEM;
}

/* Appends a copy of a text to a list. */
static int spec_append(char ***list, size_t *count, const char *text)
{
    void *grown = reallocarray(*list, *count + 1, sizeof(char *));

    if (!grown)
        return ENOMEM;
    *list = grown;
    (*list)[*count] = strdup(text);
    if (!(*list)[*count])
        return ENOMEM;
    (*count)++;
    return 0;
}

static int spec_word(struct draft *draft, struct spec *spec, const char *word)
{
    if (!spec->path)
        return spec_once(draft, &spec->path, word, word);
    if (!strncmp(word, "fs=", 3))
        return spec_once(draft, &spec->type, word, word + 3);
    if (!strncmp(word, "source=", 7))
        return spec_once(draft, &spec->source, word, word + 7);
    if (!strncmp(word, "client=", 7))
        return spec_append(&spec->clients, &spec->nclients, word + 7);
    if (!word[0])
        return 0;
    if (!options_known(word))
        return spec_append(&spec->others, &spec->nothers, word);
    return options_apply(draft, &spec->options, &spec->said, word);
}

static bool type_takes(const struct vfs_type *type, const char *word)
{
    size_t len = strcspn(word, "=");

    for (const char *const *name = type ? type->options : NULL; name && *name; name++)
        if (strlen(*name) == len && !memcmp(*name, word, len))
            return true;
    return false;
}

/* Joins the remaining words as "a=b,c"; they must be options of the file system. *out is NULL where
 * there are none. */
static int spec_fs_options(struct draft *draft, const struct spec *spec, const char *type_name,
                           char **out)
{
    const struct vfs_type *type = vfs_type_find(type_name);
    size_t size = 1, used = 0;

    *out = NULL;
    for (size_t i = 0; i < spec->nothers; i++) {
        const char *word = spec->others[i];
        /* For an unknown file system load.c lists those that there are. */
        if (type && !type_takes(type, word))
            return draft_fail(draft, EINVAL, "unknown option '%s'%s%s", word,
                              type->options ? ": neither an export's, nor one of " : "",
                              type->options ? type->name : "");
        /* In the joined text a comma separates options, and nothing can quote one. */
        if (strchr(word, ','))
            return draft_fail(draft, EINVAL, "option '%s' has a comma", word);
        size += strlen(word) + 1;
    }
    if (!spec->nothers)
        return 0;
    char *text = malloc(size);
    if (!text)
        return ENOMEM;
    for (size_t i = 0; i < spec->nothers; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? "," : "", spec->others[i]);
    *out = text;
    return 0;
}

/* The absolute path of a host directory. Symbolic links in it stay, since clients may use that
 * path. A path with `..` is resolved, since only the host knows where `..` leads. */
static int dir_absolute(struct draft *draft, const char *dir, char **out)
{
    bool has_parent = !strcmp(dir, "..") || !strncmp(dir, "../", 3) || strstr(dir, "/../") ||
                      (strlen(dir) > 3 && !strcmp(dir + strlen(dir) - 3, "/.."));
    char here[PATH_MAX] = "";
    size_t used = 0;

    if (!dir[0])
        return draft_fail(draft, EINVAL, "a path is empty" DRAFT_MEND);
    if (has_parent) {
        *out = realpath(dir, NULL);
        return *out ? 0 : draft_fail(draft, errno, "%s: %s" DRAFT_MEND, dir, strerror(errno));
    }
    if (dir[0] != '/' && !getcwd(here, sizeof(here)))
        return draft_fail(draft, errno, "%s: %s" DRAFT_MEND, dir, strerror(errno));
    *out = calloc(1, strlen(here) + strlen(dir) + 2);
    if (!*out)
        return ENOMEM;
    used = strlen(strcpy(*out, here));
    for (const char *at = dir; *at;) {
        at += strspn(at, "/");
        size_t n = strcspn(at, "/");
        if (n && !(n == 1 && at[0] == '.')) {
            (*out)[used++] = '/';
            memcpy(*out + used, at, n);
            used += n;
        }
        at += n;
    }
    if (!used)
        (*out)[0] = '/';
    return 0;
}

static int spec_enter(struct draft *draft, const struct spec *spec)
{
    const char *type = spec->type ? spec->type : EXPORT_TYPE_HOST;
    bool of_host = !strcmp(type, EXPORT_TYPE_HOST);
    char *fs_options = NULL, *path = NULL, *source = NULL;
    size_t index;
    int err = 0;

    /* If there is a source, the path is only the name that clients use. */
    if (of_host && !spec->source)
        err = dir_absolute(draft, spec->path, &path);
    else if (of_host)
        err = dir_absolute(draft, spec->source, &source);
    if (err == 0)
        err = spec_fs_options(draft, spec, type, &fs_options);
    if (err == 0)
        err = draft_export(draft, path ? path : spec->path, type, source ? source : spec->source,
                           fs_options, &index);
    free(fs_options);
    free(path);
    free(source);
    if (err == 0 && !spec->nclients)
        err = draft_client(draft, index, NULL, &spec->options);
    for (size_t i = 0; err == 0 && i < spec->nclients; i++)
        err = draft_client(draft, index, spec->clients[i], &spec->options);
    return err;
}

int parse_spec(struct draft *draft, const char *spec)
{
    struct reader reader = {.at = spec, .end = spec + strlen(spec)};
    struct spec said = {0};
    char word[PATH_MAX];
    const char *why = "";
    int err;

    draft->reading = spec;
    draft->line = 0;
    options_default(&said.options);
    for (;;) {
        err = reader_word(&reader, ",", word, sizeof(word), &why);
        if (err != 0)
            draft_fail(draft, err, "%s", why);
        else
            err = spec_word(draft, &said, word);
        if (err != 0 || reader_peek(&reader) == READER_EOL)
            break;
        reader_skip(&reader);
    }
    if (err == 0)
        err = spec_enter(draft, &said);
    spec_clear(&said);
    draft->reading = NULL;
    return err;
}

/* A DIR that was named through symbolic links may be mounted by its real path, too. */
static int dir_alias(struct export *export)
{
    if (!strcmp(export->path, export->source))
        return 0;
    free(export->alias);
    export->alias = strdup(export->source);
    return export->alias ? 0 : ENOMEM;
}

int parse_dir(struct draft *draft, const char *dir)
{
    struct export_options options;
    char *path = NULL;
    size_t index;
    int err;

    draft->reading = NULL;
    draft->line = 0;
    err = dir_absolute(draft, dir, &path);
    if (err != 0)
        return err;
    options_default(&options);
    options.rw = true;
    options.root_squash = false;
    err = draft_export(draft, path, EXPORT_TYPE_HOST, NULL, NULL, &index);
    if (err == 0)
        err = dir_alias(&draft->entries[index].export);
    if (err == 0)
        err = draft_client(draft, index, NULL, &options);
    free(path);
    return err;
}
