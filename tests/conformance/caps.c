/*
 * caps.c - what a target can do: by the flags and the table of its file system where that is known,
 * by asking and trying over the wire where it is not. See run.h.
 */
#include "tests/conformance/run.h"
#include "vfs/mount.h"
#include <stdio.h>
#include <sys/statvfs.h>

#define TINY_BYTES (32u << 20)

static const struct {
    uint32_t cap;
    const char *name;
} names[] = {
    {FILES, "files"},         {WRITE, "write"},       {DIRS, "dirs"},       {RENAME, "rename"},
    {ATTRS, "attrs"},         {SYMLINKS, "symlinks"}, {LINKS, "links"},     {SPECIALS, "specials"},
    {DEVICES, "devices"},     {USERS, "users"},       {RESTART, "restart"}, {STABLE, "stable"},
    {READ_ONLY, "read_only"}, {ROOM, "room"},         {TINY, "tiny"},       {PLAIN, "plain"},
};

bool caps_parse(const char *words, uint32_t *caps, const char **unknown)
{
    *caps = 0;
    for (const char *at = words; *at != '\0'; at += *at == ',') {
        size_t len = strcspn(at, ","), i = 0;
        while (i < sizeof(names) / sizeof(names[0]) &&
               (strlen(names[i].name) != len || strncmp(names[i].name, at, len) != 0))
            i++;
        *unknown = at;
        if (i == sizeof(names) / sizeof(names[0]))
            return false;
        *caps |= names[i].cap;
        at += len;
    }
    return true;
}

const char *caps_text(uint32_t caps)
{
    static char text[256];

    text[0] = '\0';
    if ((caps & PLAIN) == PLAIN) {
        strcpy(text, "plain");
        caps &= ~(uint32_t)PLAIN;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((caps & names[i].cap) == 0 || names[i].cap == PLAIN)
            continue;
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%s%s", used > 0 ? "," : "", names[i].name);
    }
    return text;
}

static uint32_t by_table(const struct vfs_type *type)
{
    const struct vfs_ops *ops = &type->ops;
    uint32_t caps = 0;

    if (type->flags & VFS_STABLE_IDS)
        caps |= STABLE;
    if (type->flags & VFS_READ_ONLY)
        return caps | READ_ONLY;
    if (ops->create != NULL && ops->remove != NULL)
        caps |= FILES;
    if (ops->write != NULL)
        caps |= WRITE;
    if (ops->mkdir != NULL && ops->rmdir != NULL)
        caps |= DIRS;
    if (ops->rename != NULL)
        caps |= RENAME;
    if (ops->setattr != NULL)
        caps |= ATTRS;
    return caps | (type->flags & VFS_SPECIALS ? SPECIALS : 0);
}

/* A name for trying; removed at once. */
#define TRIAL "conformance-trial"

static uint32_t by_trying(void)
{
    struct object made;
    int err = t_mkdir(root, TRIAL, 0755, &made);
    uint32_t caps = PLAIN;

    if (err == EEXIST)
        err = t_lookup(root, TRIAL, &made);
    if (err != 0)
        return err == EROFS ? READ_ONLY : 0;
    struct object node;
    if (t_mknod(made, "fifo", VFIFO, 0, 0, &node) == 0) {
        caps |= SPECIALS;
        t_remove(made, "fifo");
    }
    if (myself.uid == 0 && t_chown(made, 1000, 1000) == 0 && attr_of(made).uid == 1000)
        caps |= USERS;
    expect_ok(t_rmdir(root, TRIAL));
    return caps;
}

static bool devices_work(void)
{
    struct object node;

    if (t_mknod(root, TRIAL, VCHR, 1, 3, &node) != 0)
        return false;
    t_remove(root, TRIAL);
    return true;
}

/* A directory of this host, or an image, may be mounted read-only. */
static bool source_is_read_only(const struct target *target)
{
    struct statvfs st;

    return target->fs != NULL && target->source != NULL && statvfs(target->source, &st) == 0 &&
           (st.f_flag & ST_RDONLY) != 0;
}

uint32_t caps_find(const struct target *target)
{
    const struct vfs_type *type = target->fs != NULL ? vfs_type_find(target->fs) : NULL;
    uint32_t flags = driver->flags();
    uint32_t caps = type != NULL ? by_table(type) : by_trying();
    struct vstatfs st = {.total_bytes = 0};

    if (flags & VFS_READ_ONLY || source_is_read_only(target))
        caps = READ_ONLY | (caps & STABLE);
    if (flags & VFS_LINKS && caps & FILES)
        caps |= LINKS;
    if (flags & VFS_SYMLINKS && caps & FILES)
        caps |= SYMLINKS;
    if (type != NULL && myself.uid == 0 && caps & ATTRS)
        caps |= USERS;
    if (caps & SPECIALS && caps & USERS && devices_work())
        caps |= DEVICES;
    if (driver->can_restart(target))
        caps |= RESTART;
    expect_ok(driver->statfs(&root, &st));
    if (caps & FILES)
        caps |= st.total_bytes > 0 && st.total_bytes <= TINY_BYTES ? TINY : ROOM;
    return caps;
}
