/*
 * options.c - the options of a srvfs export.
 *
 * To add an option: its row here, and a paragraph in loopnfs-exports(5).
 */
#include "fs/srvfs/srvfs.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct option {
    const char *name;
    size_t field; /* in struct srv_options */
    int base;     /* 10: K and M may follow the number; 8 */
    uint64_t min, max, usual;
} option_table[] = {
    {"window", offsetof(struct srv_options, window), 10, 4096, 1u << 30, 1u << 20},
    {"posts", offsetof(struct srv_options, posts), 10, 1, 1u << 20, 1024},
    {"wait", offsetof(struct srv_options, wait), 10, 0, 10000, 0},
    {"linger", offsetof(struct srv_options, linger), 10, 0, 86400, 10},
    {"mode", offsetof(struct srv_options, mode), 8, 0, 07777, 01777},
    {"uid", offsetof(struct srv_options, uid), 10, 0, UINT32_MAX - 1, 0},
    {"gid", offsetof(struct srv_options, gid), 10, 0, UINT32_MAX - 1, 0},
};
#define OPTIONS (sizeof(option_table) / sizeof(option_table[0]))

const char *const srv_option_names[] = {"window", "posts", "wait", "linger",
                                        "mode",   "uid",   "gid",  NULL};

static uint64_t *field_of(struct srv_options *options, const struct option *option)
{
    return (uint64_t *)(void *)((char *)options + option->field);
}

static bool number_parse(const char *text, size_t len, int base, uint64_t *out)
{
    char copy[24], *end;

    if (len == 0 || len >= sizeof(copy) || text[0] < '0' || text[0] > '9')
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    errno = 0;
    *out = strtoull(copy, &end, base);
    if (errno != 0)
        return false;
    unsigned shift = 0;
    if (base == 10 && (*end == 'k' || *end == 'K'))
        shift = 10;
    else if (base == 10 && (*end == 'm' || *end == 'M'))
        shift = 20;
    if (*out > UINT64_MAX >> shift)
        return false;
    *out <<= shift;
    return end[shift != 0] == '\0';
}

static int word_apply(const struct vfs_mount_args *args, const char *word, size_t len,
                      struct srv_options *options)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *option = &option_table[i];
        size_t n = strlen(option->name);
        uint64_t value;
        if (len <= n || memcmp(word, option->name, n) != 0 || word[n] != '=')
            continue;
        if (!number_parse(word + n + 1, len - n - 1, option->base, &value) || value < option->min ||
            value > option->max)
            return vfs_refuse(args, EINVAL,
                              option->base == 8
                                  ? "%.*s: %s= takes a number from %llo to %llo, in octal"
                                  : "%.*s: %s= takes a number from %llu to %llu",
                              (int)len, word, option->name, (unsigned long long)option->min,
                              (unsigned long long)option->max);
        *field_of(options, option) = value;
        return 0;
    }
    return vfs_refuse(args, EINVAL, "unknown option '%.*s'", (int)len, word);
}

int srv_options_parse(const struct vfs_mount_args *args, struct srv_options *options)
{
    const char *text = args->options;

    for (size_t i = 0; i < OPTIONS; i++)
        *field_of(options, &option_table[i]) = option_table[i].usual;
    options->uid = geteuid();
    options->gid = getegid();
    while (text != NULL && *text != '\0') {
        size_t len = strcspn(text, ",");
        int err = len > 0 ? word_apply(args, text, len, options) : 0;
        if (err != 0)
            return err;
        text += len;
        text += *text == ',';
    }
    return 0;
}
