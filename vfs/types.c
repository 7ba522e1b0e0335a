/*
 * types.c - the registry of kinds of file systems; see types.h.
 *
 * A table carries its size, which the author's compiler filled in. Operations are added at the end
 * of struct vfs_ops only, so a shorter table is one without the newest operations.
 */
#include "vfs/types.h"
#include "base/log.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPES_MAX 32
#define WHY_MAX   512

/* Bytes of the smallest table: every table goes at least as far as this operation. */
#define SIZE_LEAST \
    (offsetof(struct vfs_type, ops.commit) + sizeof(((struct vfs_type *)0)->ops.commit))

static struct {
    const struct vfs_type *given; /* what was registered */
    const struct vfs_type *whole; /* type_whole()'s */
} types[TYPES_MAX];
static unsigned type_count;

/* types_refusals_to()'s */
static char *refusal;
static size_t refusal_size;

/* Copies a shorter table; the operations that it does not have are NULL. */
static const struct vfs_type *lengthen(const struct vfs_type *type, size_t size)
{
    struct vfs_type *longer = calloc(1, sizeof(*longer));

    if (longer != NULL)
        memcpy(longer, type, size);
    return longer;
}

int type_whole(const struct vfs_type *type, size_t size, const struct vfs_type **out, char *why,
               size_t why_size)
{
    *out = NULL;
    if (type == NULL) {
        snprintf(why, why_size, "file system without a table");
        return EINVAL;
    }
    const char *name = type->name != NULL ? type->name : "?";
    if (size > sizeof(*type)) {
        snprintf(why, why_size,
                 "file system %s: its table has %zu bytes, and this library knows %zu: it is made "
                 "for a newer loopnfs",
                 name, size, sizeof(*type));
        return EINVAL;
    }
    if (size < SIZE_LEAST || size % sizeof(void *) != 0) {
        snprintf(why, why_size, "file system %s: its table has %zu bytes, which none ever had",
                 name, size);
        return EINVAL;
    }
    for (size_t i = 0; i < sizeof(type->spare) / sizeof(type->spare[0]); i++) {
        if (type->spare[i] == NULL)
            continue;
        snprintf(why, why_size,
                 "file system %s: it uses a member that this library does not know: it is made "
                 "for a newer loopnfs",
                 name);
        return EINVAL;
    }
    *out = size < sizeof(*type) ? lengthen(type, size) : type;
    if (*out == NULL)
        snprintf(why, why_size, "file system %s: out of memory", name);
    return *out != NULL ? 0 : ENOMEM;
}

void type_whole_free(const struct vfs_type *type, const struct vfs_type *whole)
{
    if (whole != type)
        free((void *)(uintptr_t)whole);
}

void types_refusals_to(char *line, size_t size)
{
    refusal = line;
    refusal_size = size;
}

static int refuse(int err, const char *why)
{
    if (refusal != NULL)
        snprintf(refusal, refusal_size, "%s", why);
    else
        log_error("%s: refused", why);
    return err;
}

int vfs_register_sized(const struct vfs_type *type, size_t size)
{
    const struct vfs_type *whole;
    char why[WHY_MAX];

    for (unsigned i = 0; i < type_count; i++)
        if (type != NULL && (types[i].given == type || types[i].whole == type))
            return 0;
    int err = type_whole(type, size, &whole, why, sizeof(why));
    if (err != 0)
        return refuse(err, why);
    if (type->name == NULL) {
        snprintf(why, sizeof(why), "file system without a name");
        err = EINVAL;
    } else if (vfs_type_find(type->name) != NULL) {
        snprintf(why, sizeof(why), "file system %s: there is another of this name", type->name);
        err = EEXIST;
    } else if (type_count == TYPES_MAX) {
        snprintf(why, sizeof(why), "file system %s: there are %d kinds already", type->name,
                 TYPES_MAX);
        err = ENOSPC;
    }
    if (err != 0) {
        type_whole_free(type, whole);
        return refuse(err, why);
    }
    types[type_count].given = type;
    types[type_count++].whole = whole;
    return 0;
}

void vfs_unregister(const struct vfs_type *type)
{
    for (unsigned i = 0; i < type_count && type != NULL; i++) {
        if (types[i].given != type && types[i].whole != type)
            continue;
        type_whole_free(types[i].given, types[i].whole);
        types[i] = types[--type_count];
        return;
    }
}

const struct vfs_type *vfs_type_find(const char *name)
{
    for (unsigned i = 0; i < type_count; i++)
        if (strcmp(types[i].whole->name, name) == 0)
            return types[i].whole;
    return NULL;
}

const struct vfs_type *vfs_type_at(unsigned index)
{
    return index < type_count ? types[index].whole : NULL;
}
