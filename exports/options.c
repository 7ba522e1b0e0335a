/*
 * options.c - the options of exports(5): a table with one row for each word.
 *
 * The readers (parse.c, spec.c) hand over one word at a time. To add an option: a member in struct
 * export_options, a row here, a paragraph in loopnfs-exports(5).
 */
#include "exports/internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct option {
    const char *name;     /* sets `flag` */
    const char *negation; /* clears it; NULL: there is none */
    size_t flag;          /* a bool of struct export_options; NO_FLAG: accepted, changes nothing */
    /* Reads the value of an option that has one. False: the value makes no sense. */
    bool (*set)(struct export_options *options, const char *value);
    const char *hint; /* the values that `set` takes; without `set`: why the word is refused */
};
#define NO_FLAG SIZE_MAX
#define SWITCH(on, off, member)                                                          \
    {                                                                                    \
        .name = (on), .negation = (off), .flag = offsetof(struct export_options, member) \
    }
#define VALUE(word, setter, what)                       \
    {                                                   \
        .name = (word), .set = (setter), .hint = (what) \
    }
#define IGNORED(word, opposite)                                 \
    {                                                           \
        .name = (word), .negation = (opposite), .flag = NO_FLAG \
    }
#define REFUSED(word, why)            \
    {                                 \
        .name = (word), .hint = (why) \
    }

/* Reads a decimal number that is the whole text. */
static bool number_parse(const char *text, int64_t min, int64_t max, uint32_t *out)
{
    char *end;
    long long value;

    if (!*text || strspn(text, "-0123456789") != strlen(text))
        return false;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || *end || value < min || value > max)
        return false;
    *out = (uint32_t)value;
    return true;
}

/* Reads a user or group id. Old files write nobody as -2. The id -1 means "no change" to the
 * kernel, so no user can have it. */
static bool id_parse(const char *text, uint32_t *out)
{
    uint32_t id;

    if (!number_parse(text, INT32_MIN, UINT32_MAX, &id) || id == UINT32_MAX)
        return false;
    *out = id;
    return true;
}

static bool set_anon_uid(struct export_options *options, const char *value)
{
    return id_parse(value, &options->anon_uid);
}

static bool set_anon_gid(struct export_options *options, const char *value)
{
    return id_parse(value, &options->anon_gid);
}

static bool set_fsid(struct export_options *options, const char *value)
{
    if (!strcmp(value, "root"))
        options->fsid = 0;
    else if (!number_parse(value, 0, UINT32_MAX, &options->fsid))
        return false;
    options->has_fsid = true;
    return true;
}

static bool set_sec(struct export_options *options, const char *value)
{
    (void)options;
    return !strcmp(value, "sys");
}

static const struct option option_table[] = {
    SWITCH("rw", "ro", rw),
    SWITCH("async", "sync", async),
    SWITCH("secure", "insecure", secure),
    SWITCH("root_squash", "no_root_squash", root_squash),
    SWITCH("all_squash", "no_all_squash", all_squash),
    SWITCH("subtree_check", "no_subtree_check", subtree_check),
    SWITCH("crossmnt", NULL, crossmnt),
    SWITCH("pseudo", NULL, pseudo),
    SWITCH("32bit_ids", NULL, ids_32bit),
    SWITCH("udp", NULL, udp),
    VALUE("anonuid", set_anon_uid, "a user id"),
    VALUE("anongid", set_anon_gid, "a group id"),
    VALUE("fsid", set_fsid, "a number below 4294967296, or root"),
    VALUE("sec", set_sec, "sys: no other flavour is supported"),
    IGNORED("wdelay", "no_wdelay"),
    IGNORED("hide", NULL),
    REFUSED("nohide", "not supported: give crossmnt to the export of the directory above it"),
};

void options_default(struct export_options *options)
{
    *options = (struct export_options){
        .secure = true, .root_squash = true, .anon_uid = 65534, .anon_gid = 65534};
}

static const struct option *option_find(const char *name, size_t len, bool *on)
{
    for (size_t i = 0; i < sizeof(option_table) / sizeof(option_table[0]); i++) {
        const struct option *row = &option_table[i];

        if (strlen(row->name) == len && !memcmp(row->name, name, len)) {
            *on = true;
            return row;
        }
        if (row->negation && strlen(row->negation) == len && !memcmp(row->negation, name, len)) {
            *on = false;
            return row;
        }
    }
    return NULL;
}

bool options_known(const char *word)
{
    bool on;

    return option_find(word, strcspn(word, "="), &on) != NULL;
}

static int option_set(struct draft *draft, struct export_options *options, const struct option *row,
                      bool on, const char *word)
{
    size_t len = strcspn(word, "=");
    const char *value = word[len] ? word + len + 1 : NULL;

    if (row->set) {
        if (!value || !row->set(options, value))
            return draft_fail(draft, EINVAL, "option '%s': %s= takes %s", word, row->name,
                              row->hint);
        return 0;
    }
    if (row->hint)
        return draft_fail(draft, EINVAL, "option '%s' is %s", word, row->hint);
    if (value)
        return draft_fail(draft, EINVAL, "option '%s': %.*s takes no value", word, (int)len, word);
    if (row->flag != NO_FLAG)
        *(bool *)((char *)options + row->flag) = on;
    return 0;
}

int options_apply(struct draft *draft, struct export_options *options, uint32_t *said,
                  const char *word)
{
    struct export_options before;
    bool on;
    const struct option *row = option_find(word, strcspn(word, "="), &on);

    if (!row)
        return draft_fail(draft, EINVAL, "unknown option '%s'", word);
    _Static_assert(sizeof(option_table) / sizeof(option_table[0]) <= 32, "a bit for each");
    uint32_t bit = UINT32_C(1) << (row - option_table);
    memcpy(&before, options, sizeof(before));
    int err = option_set(draft, options, row, on, word);
    /* An option given twice with different values: which one the user meant can't be told. */
    // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): one is a copy of the other
    if (err == 0 && *said & bit && memcmp(&before, options, sizeof(before)) != 0)
        return draft_fail(draft, EINVAL, "option '%s' contradicts an earlier one of the same list",
                          word);
    *said |= bit;
    return err;
}
