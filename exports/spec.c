/*
 * spec.c - exports given on the command line: --export SPEC, and a plain DIR.
 *
 *     PATH[,fs=TYPE][,source=SRC][,client=SPEC]...[,OPTION]...
 *
 * Words as in the exports file: a comma within one is quoted, or written \054. load.c calls this.
 */
#include "exports/internal.h"
#include "exports/reader.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What a spec says, before it is known to be complete. */
struct spec {
    char *path, *type, *source;
    size_t nclients;
    char **clients;
    struct export_options options;
};

static void spec_clear(struct spec *spec)
{
    for (size_t i = 0; i < spec->nclients; i++)
        free(spec->clients[i]);
    free(spec->clients);
    free(spec->path);
    free(spec->type);
    free(spec->source);
}

/* A word that may be said once. */
static int spec_once(struct draft *draft, char **where, const char *word, const char *value)
{
    if (*where)
        return draft_fail(draft, EINVAL, "'%s' is the second of its kind", word);
    *where = strdup(value);
    return *where ? 0 : ENOMEM;
}

static int spec_client(struct spec *spec, const char *value)
{
    void *grown = reallocarray(spec->clients, spec->nclients + 1, sizeof(char *));

    if (!grown)
        return ENOMEM;
    spec->clients = grown;
    spec->clients[spec->nclients] = strdup(value);
    if (!spec->clients[spec->nclients])
        return ENOMEM;
    spec->nclients++;
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
        return spec_client(spec, word + 7);
    if (!word[0])
        return 0;
    return options_apply(draft, &spec->options, word);
}

static int spec_enter(struct draft *draft, const struct spec *spec)
{
    const char *type = spec->type ? spec->type : EXPORT_TYPE_HOST;
    size_t index;
    int error = draft_export(draft, spec->path, type, spec->source, &index);

    if (!error && !spec->nclients)
        error = draft_client(draft, index, NULL, &spec->options);
    for (size_t i = 0; !error && i < spec->nclients; i++)
        error = draft_client(draft, index, spec->clients[i], &spec->options);
    return error;
}

int parse_spec(struct draft *draft, const char *spec)
{
    struct reader reader = {.at = spec, .end = spec + strlen(spec)};
    struct spec said = {0};
    char word[PATH_MAX];
    const char *why = "";
    int error;

    draft->reading = spec;
    draft->line = 0;
    options_default(&said.options);
    for (;;) {
        error = reader_word(&reader, ",", word, sizeof(word), &why);
        if (error)
            draft_fail(draft, error, "%s", why);
        else
            error = spec_word(draft, &said, word);
        if (error || reader_peek(&reader) == READER_EOL)
            break;
        reader_skip(&reader);
    }
    if (!error)
        error = spec_enter(draft, &said);
    spec_clear(&said);
    draft->reading = NULL;
    return error;
}

/* Whether a path is spelled in the one way that needs no resolving. */
static bool dir_is_plain(const char *dir)
{
    if (dir[0] != '/')
        return false;
    for (const char *at = dir; *at; at += strcspn(at, "/")) {
        at += strspn(at, "/");
        size_t n = strcspn(at, "/");
        if ((n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
            return false;
    }
    return true;
}

int parse_dir(struct draft *draft, const char *dir)
{
    char *resolved = dir_is_plain(dir) ? strdup(dir) : realpath(dir, NULL);
    struct export_options options;
    size_t index;
    int error;

    draft->reading = NULL;
    draft->line = 0;
    if (!resolved)
        return draft_fail(draft, errno, "%s: %s", dir[0] ? dir : "''", strerror(errno));
    options_default(&options);
    options.rw = true;
    options.root_squash = false;
    error = draft_export(draft, resolved, EXPORT_TYPE_HOST, NULL, &index);
    if (!error)
        error = draft_client(draft, index, NULL, &options);
    free(resolved);
    return error;
}
