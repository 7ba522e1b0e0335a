/*
 * vdirents.c - pages of directory entries (loopnfs/vnode.h): filled by file systems, walked by
 * nfsd/.
 */
#include <loopnfs/vnode.h>
#include <string.h>

#define ALIGNED(bytes) (((bytes) + 7) & ~(size_t)7)

static struct vdirent *add(struct vdirents *page, uint64_t fileid, uint64_t cookie, enum vtype type,
                           const char *name, size_t namelen, size_t extra)
{
    /* A name that is too long is cut to one byte more than allowed: the wrapper finds it, and logs
     * it. */
    if (namelen > VNAME_MAX)
        namelen = VNAME_MAX + 1;
    size_t own = ALIGNED(offsetof(struct vdirent, name) + namelen + 1);
    size_t reclen = own + extra;

    size_t measure = page->each != 0 ? page->each + ((namelen + 3) & ~(size_t)3) : 0;

    if (reclen > page->size - page->used || (page->max != 0 && page->count >= page->max) ||
        measure > page->room)
        return NULL;
    struct vdirent *entry = (struct vdirent *)(void *)(page->buf + page->used);
    entry->fileid = fileid;
    entry->cookie = cookie;
    entry->reclen = (uint16_t)reclen;
    entry->namelen = (uint16_t)namelen;
    entry->plus = extra != 0 ? (uint16_t)own : 0;
    entry->type = (uint8_t)type;
    memcpy(entry->name, name, namelen);
    entry->name[namelen] = '\0';
    page->used += reclen;
    page->room -= measure;
    page->count++;
    return entry;
}

bool vdirents_add(struct vdirents *page, uint64_t fileid, uint64_t cookie, enum vtype type,
                  const char *name, size_t namelen)
{
    return add(page, fileid, cookie, type, name, namelen, 0) != NULL;
}

struct vdirent_plus *vdirents_add_plus(struct vdirents *page, uint64_t fileid, uint64_t cookie,
                                       enum vtype type, const char *name, size_t namelen)
{
    struct vdirent *entry =
        add(page, fileid, cookie, type, name, namelen, ALIGNED(sizeof(struct vdirent_plus)));
    if (entry == NULL)
        return NULL;
    struct vdirent_plus *plus = (struct vdirent_plus *)(void *)((char *)entry + entry->plus);
    *plus = (struct vdirent_plus){0}; /* members that are not filled in must not show old memory */
    return plus;
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
