/*
 * spec.c - reads a key's description from words of the tool or of a table file.
 */
#include "fs/etfs/etfs.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool etfs_key_ok(const char *key, const char **why)
{
    const char *at = key;

    *why = NULL;
    if (*at != '/')
        *why = "a key begins with '/'";
    else if (strlen(key) >= VPATH_MAX)
        *why = "the key is too long";
    while (*why == NULL && *at == '/') {
        size_t len = strcspn(++at, "/");
        if (len == 0)
            *why = "a key has no empty parts, and no '/' at its end";
        else if (len > VNAME_MAX)
            *why = "a part of the key is longer than 255 bytes";
        else if (at[0] == '.' && (len == 1 || (len == 2 && at[1] == '.')))
            *why = "'.' and '..' can't be parts of a key";
        at += len;
    }
    return *why == NULL;
}

/* Reads a number of bytes, with K, M, G or T behind it for the powers of 1024. */
static bool number_parse(const char *text, uint64_t *value)
{
    static const char units[] = "KMGT";
    char *end;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    *value = strtoull(text, &end, 0);
    if (errno != 0)
        return false;
    const char *unit = *end != '\0' ? strchr(units, toupper((unsigned char)*end)) : NULL;
    if (unit != NULL) {
        unsigned shift = 10 * (unsigned)(unit - units + 1);
        if (*value > UINT64_MAX >> shift)
            return false;
        *value <<= shift;
        end++;
    }
    return *end == '\0' && *value <= INT64_MAX;
}

static bool type_parse(const char *text, enum vtype *type)
{
    static const struct {
        const char *word;
        enum vtype type;
    } types[] = {{"reg", VREG}, {"blk", VBLK}, {"chr", VCHR}};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(text, types[i].word) == 0) {
            *type = types[i].type;
            return true;
        }
    }
    return false;
}

/* Reads one word behind KEY and PATH. */
static bool word_parse(const char *word, struct etfs_spec *spec)
{
    if (strncmp(word, "type=", 5) == 0)
        return type_parse(word + 5, &spec->type);
    if (strncmp(word, "offset=", 7) == 0)
        return spec->has_offset = number_parse(word + 7, &spec->offset);
    if (strncmp(word, "size=", 5) == 0)
        return spec->has_size = number_parse(word + 5, &spec->size);
    if (strcmp(word, "as=reg") == 0)
        return spec->as_reg = true;
    if (strcmp(word, "ro") == 0)
        return spec->read_only = true;
    return strcmp(word, "rw") == 0;
}

int etfs_spec_parse(int count, const char *const *words, struct etfs_spec *spec, char *message,
                    size_t size)
{
    const char *why;

    *spec = (struct etfs_spec){.type = VREG};
    if (count < 2) {
        snprintf(message, size, "a key and a host path are needed");
        return EINVAL;
    }
    spec->key = words[0];
    spec->path = words[1];
    if (!etfs_key_ok(spec->key, &why)) {
        snprintf(message, size, "%.100s: %s", spec->key, why);
        return EINVAL;
    }
    if (spec->path[0] != '/') {
        snprintf(message, size, "%.100s: the host path must be absolute", spec->path);
        return EINVAL;
    }
    for (int i = 2; i < count; i++) {
        if (!word_parse(words[i], spec)) {
            snprintf(message, size,
                     "'%.100s': type=reg|blk|chr, offset=BYTES, size=BYTES, as=reg, ro are known",
                     words[i]);
            return EINVAL;
        }
    }
    if (spec->type != VREG && (spec->offset % ETFS_SECTOR != 0 || spec->size % ETFS_SECTOR != 0)) {
        snprintf(message, size, "offset and size of a device are multiples of %d", ETFS_SECTOR);
        return EINVAL;
    }
    return 0;
}
