/*
 * vdirents.c - pages of directory entries (loopnfs/vnode.h): filled by file systems, walked by
 * nfsd/.
 */
#include <loopnfs/vnode.h>
#include <string.h>

bool vdirents_add(struct vdirents *page, uint64_t fileid, uint64_t cookie, enum vtype type,
                  const char *name, size_t namelen)
{
    /* One too long is added cut: the wrapper finds it, and says so. */
    if (namelen > VNAME_MAX)
        namelen = VNAME_MAX + 1;
    size_t reclen = (offsetof(struct vdirent, name) + namelen + 1 + 7) & ~(size_t)7;

    if (reclen > page->size - page->used || (page->max != 0 && page->count >= page->max))
        return false;
    struct vdirent *entry = (struct vdirent *)(void *)(page->buf + page->used);
    entry->fileid = fileid;
    entry->cookie = cookie;
    entry->reclen = (uint16_t)reclen;
    entry->namelen = (uint16_t)namelen;
    entry->type = (uint8_t)type;
    memcpy(entry->name, name, namelen);
    entry->name[namelen] = '\0';
    page->used += reclen;
    page->count++;
    return true;
}

const struct vdirent *vdirents_next(const struct vdirents *page, const struct vdirent *previous)
{
    const char *at = page->buf;

    if (previous != NULL)
        at = (const char *)previous + previous->reclen;
    if (at >= page->buf + page->used)
        return NULL;
    return (const struct vdirent *)(const void *)at;
}
