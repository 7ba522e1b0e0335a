/*
 * options.c - the options of a memfs export: size=, inodes=, and owner and mode of the root.
 *
 * To add an option: its row here, and a paragraph in loopnfs-exports(5).
 */
#include "memfs.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Without inodes=: one node for each BYTES_PER_NODE bytes, and at least NODES_MIN. */
#define BYTES_PER_NODE 2048
#define NODES_MIN      1024
/* Places in a directory have numbers of 32 bits. */
#define NODES_MAX (1u << 31)

struct option {
    const char *name;
    size_t field; /* in struct memfs_options */
    size_t width; /* of the field */
    int base;     /* 10: with an optional suffix K, M, G or T; 8: without */
    uint64_t min, max;
    const char *takes;
};
#define FIELD(member) \
    offsetof(struct memfs_options, member), sizeof(((struct memfs_options *)0)->member)

static const struct option option_table[] = {
    {"size", FIELD(bytes), 10, 4096, INT64_MAX, "bytes, at least 4096, or a number with K, M or G"},
    {"inodes", FIELD(nodes), 10, 1, NODES_MAX, "a number up to 2147483648, also with K or M"},
    {"mode", FIELD(mode), 8, 0, 07777, "an octal mode up to 7777"},
    {"uid", FIELD(uid), 10, 0, UINT32_MAX - 1, "a user id"},
    {"gid", FIELD(gid), 10, 0, UINT32_MAX - 1, "a group id"},
};

const char *const memfs_option_names[] = {"size", "inodes", "mode", "uid", "gid", NULL};

static bool number_parse(const char *text, size_t len, int base, uint64_t *out)
{
    static const char suffixes[] = "kmgt";
    uint64_t value = 0;
    unsigned shift = 0;
    size_t i = 0;

    for (; i < len && text[i] >= '0' && text[i] < '0' + base; i++)
        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
            return false;
    if (i == 0)
        return false;
    if (i < len && base == 10) {
        const char *suffix = memchr(suffixes, text[i] | 0x20, sizeof(suffixes) - 1);
        if (suffix == NULL)
            return false;
        shift = 10 * (unsigned)(suffix - suffixes + 1);
        i++;
    }
    if (i < len || value > UINT64_MAX >> shift)
        return false;
    *out = value << shift;
    return true;
}

static int option_apply(const struct vfs_mount_args *args, const struct option *option,
                        const char *value, size_t len, struct memfs_options *options)
{
    char *field = (char *)options + option->field;
    uint64_t number;

    if (!number_parse(value, len, option->base, &number) || number < option->min ||
        number > option->max)
        return vfs_refuse(args, EINVAL, "%s=%.*s: %s= takes %s", option->name, (int)len, value,
                          option->name, option->takes);
    if (option->width == sizeof(uint64_t))
        memcpy(field, &number, sizeof(number));
    else
        *(uint32_t *)(void *)field = (uint32_t)number;
    return 0;
}

static int word_apply(const struct vfs_mount_args *args, const char *word, size_t len,
                      struct memfs_options *options)
{
    for (size_t i = 0; i < sizeof(option_table) / sizeof(option_table[0]); i++) {
        const struct option *option = &option_table[i];
        size_t n = strlen(option->name);

        if (len > n && memcmp(word, option->name, n) == 0 && word[n] == '=')
            return option_apply(args, option, word + n + 1, len - n - 1, options);
    }
    return vfs_refuse(args, EINVAL, "unknown option '%.*s'", (int)len, word);
}

/* The defaults of tmpfs: half of the machine's memory, and a root in which every user may make
 * files. */
static void defaults(struct memfs_options *options)
{
    *options = (struct memfs_options){
        .bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 2,
        .mode = 01777,
        .uid = geteuid(),
        .gid = getegid(),
    };
}

int memfs_options_parse(const struct vfs_mount_args *args, struct memfs_options *options)
{
    const char *text = args->options;

    defaults(options);
    while (text != NULL && *text != '\0') {
        size_t len = strcspn(text, ",");
        int err = word_apply(args, text, len, options);
        if (err != 0)
            return err;
        text += len;
        text += *text == ',';
    }
    if (options->nodes == 0) {
        options->nodes = options->bytes / BYTES_PER_NODE;
        if (options->nodes < NODES_MIN)
            options->nodes = NODES_MIN;
        if (options->nodes > NODES_MAX)
            options->nodes = NODES_MAX;
    }
    return 0;
}

int memfs_check(const struct vfs_mount_args *args)
{
    struct memfs_options options;

    return memfs_options_parse(args, &options);
}
