/*
 * status.c - what `loopnfs status` says of an exported directory of the host: for each of its
 * mounts, which row of below.c it has, and what was found by trying.
 *
 * Called by the control socket's thread. It reads memory only: a file system that hangs must not
 * hang the user who asks about it.
 */
#include "hostfs.h"

static const char *ids_of(const struct hostfs *h, const struct hostfs_mount *mount)
{
    if (mount->named)
        return "ids by name";
    return h->kernel_handles ? "ids by handle, opened by the kernel"
                             : "ids by handle, found by the table";
}

static const char *handles_of(const struct hostfs_below *below)
{
    switch (below->handles) {
    case HANDLES_LAST:
        return "handles last";
    case HANDLES_IMAGE:
        return "handles last with the image";
    case HANDLES_LAYERS:
        return "handles change with a copy-up";
    case HANDLES_MOUNT:
        return "handles last with the mount";
    case HANDLES_NOTHING:
        break;
    }
    return "handles are not trusted";
}

static const char *numbers_of(const struct hostfs_mount *mount)
{
    if (mount->key)
        return "fileids mixed with the mount";
    if (mount->below->part_bytes)
        return "fileids the host's, those of subvolumes mixed";
    return mount->numbers || !mount->named ? "fileids the host's" : "fileids by name";
}

void hostfs_status(struct vfs *fs, struct vcontrol *control, const char *path)
{
    const struct hostfs *h = fs->private;
    const struct hostfs_mount *mount = atomic_load_explicit(&h->mounts, memory_order_acquire);

    for (; mount; mount = mount->next)
        vcontrol_print(control, "below\t%s\t%s\t%s; %s; %s; listed by %s; mount %llu%s", path,
                       mount->below->name, handles_of(mount->below), ids_of(h, mount),
                       numbers_of(mount), mount->below->positions_last ? "position" : "name",
                       (unsigned long long)mount->id, mount == &h->own ? "" : ", crossed");
}
