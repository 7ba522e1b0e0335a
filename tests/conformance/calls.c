/*
 * calls.c - the words in which the bodies ask: the driver's calls with the usual arguments filled
 * in, and their results looked at as every result has to be. See conformance.h.
 */
#include "tests/conformance/conformance.h"

struct view text_view(const char *text)
{
    return (struct view){(const uint8_t *)text, (uint32_t)strlen(text)};
}

/* Attributes that no node can have, whoever gives them. */
static void check_attr(const struct vattr *attr)
{
    if (attr->type == VNON)
        return;
    expect(attr->type >= VREG && attr->type <= VFIFO);
    expect_number(attr->mode & ~07777u, 0);
    expect(attr->size <= INT64_MAX);
    expect(attr->fileid != 0);
    expect(attr->atime.tv_nsec < 1000000000 && attr->mtime.tv_nsec < 1000000000);
    expect(attr->ctime.tv_nsec < 1000000000);
}

/* What a call says it changed. */
static void check_change(const struct vchange *change)
{
    check_attr(&change->after);
    if (change->has_before && change->after.type != VNON)
        expect(!before(change->after.ctime, change->before_ctime));
}

int t_getattr(struct object node, struct vattr *attr)
{
    int err = driver->getattr(&node, attr);

    if (err == 0) {
        expect(attr->type != VNON);
        check_attr(attr);
    }
    return err;
}

int t_setattr(struct object node, const struct vsetattr *set)
{
    struct vchange change = {.has_before = false};
    int err = driver->setattr(&node, set, &change);

    check_change(&change);
    return err;
}

int t_chmod(struct object node, uint32_t mode)
{
    return t_set(node, .set_mode = true, .mode = mode);
}

int t_chown(struct object node, uid_t uid, gid_t gid)
{
    return t_set(node, .set_uid = true, .uid = uid, .set_gid = true, .gid = gid);
}

int t_truncate(struct object node, uint64_t size)
{
    return t_set(node, .set_size = true, .size = size);
}

int t_times(struct object node, struct timespec atime, struct timespec mtime)
{
    return t_set(node, .set_atime = VTIME_GIVEN, .atime = atime, .set_mtime = VTIME_GIVEN,
                 .mtime = mtime);
}

int t_lookup(struct object dir, const char *name, struct object *out)
{
    struct vattr attr = {.type = VNON};
    int err = driver->lookup(&dir, text_view(name), out, &attr);

    if (err == 0)
        check_attr(&attr);
    return err;
}

int t_readlink(struct object node, char buf[VPATH_MAX + 1])
{
    size_t len = 0;
    int err = driver->readlink(&node, buf, VPATH_MAX + 1, &len);

    buf[err == 0 ? len : 0] = '\0';
    return err;
}

int t_read(struct object node, uint64_t offset, void *buf, size_t *len, bool *eof)
{
    struct vattr attr = {.type = VNON};
    size_t asked = *len;
    bool end = false;
    int err = driver->read(&node, offset, buf, len, &end, &attr);

    if (err == 0) {
        check_attr(&attr);
        expect(*len <= asked);
        if (attr.type != VNON) {
            expect_number(attr.type, VREG);
            /* The rule of RFC 1813 section 3.3.6, where nobody changes the file meanwhile. */
            if (end)
                expect(offset + *len >= attr.size);
            else
                expect(offset + *len <= attr.size);
        }
    }
    if (eof != NULL)
        *eof = end;
    return err;
}

int t_write(struct object node, uint64_t offset, const void *buf, size_t len)
{
    struct vchange change = {.has_before = false};
    enum vstable stable = VSTABLE_UNSTABLE;
    size_t done = len;
    int err = driver->write(&node, offset, buf, &done, &stable, &change);

    if (err == 0)
        expect_number(done, len);
    check_change(&change);
    return err;
}

int t_write_text(struct object node, uint64_t offset, const char *text)
{
    return t_write(node, offset, text, strlen(text));
}

/* What every operation that made a node has to have said of it. */
static int made(int err, const struct vattr *attr, enum vtype type, const struct vchange *change)
{
    if (err == 0 && attr->type != VNON) {
        expect_number(attr->type, type);
        check_attr(attr);
    }
    check_change(change);
    return err;
}

int t_create_how(struct object dir, const char *name, const struct vcreate *how, struct object *out)
{
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    int err = driver->create(&dir, text_view(name), how, out, &attr, &change);

    return made(err, &attr, VREG, &change);
}

int t_create(struct object dir, const char *name, uint32_t mode, struct object *out)
{
    struct vcreate how = {.mode = VCREATE_GUARDED, .attr = {.set_mode = true, .mode = mode}};

    return t_create_how(dir, name, &how, out);
}

int t_mkdir(struct object dir, const char *name, uint32_t mode, struct object *out)
{
    struct vsetattr set = {.set_mode = true, .mode = mode};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    int err = driver->mkdir(&dir, text_view(name), &set, out, &attr, &change);

    return made(err, &attr, VDIR, &change);
}

int t_symlink(struct object dir, const char *name, const char *target, struct object *out)
{
    struct vsetattr set = {.set_mode = false};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    int err = driver->symlink(&dir, text_view(name), text_view(target), &set, out, &attr, &change);

    return made(err, &attr, VLNK, &change);
}

int t_mknod(struct object dir, const char *name, enum vtype type, uint32_t rdev_major,
            uint32_t rdev_minor, struct object *out)
{
    struct vsetattr set = {.set_mode = true, .mode = 0644};
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    int err = driver->mknod(&dir, text_view(name), type, rdev_major, rdev_minor, &set, out, &attr,
                            &change);

    return made(err, &attr, type, &change);
}

int t_remove(struct object dir, const char *name)
{
    struct vchange change = {.has_before = false};
    int err = driver->remove(&dir, text_view(name), &change);

    check_change(&change);
    return err;
}

int t_rmdir(struct object dir, const char *name)
{
    struct vchange change = {.has_before = false};
    int err = driver->rmdir(&dir, text_view(name), &change);

    check_change(&change);
    return err;
}

int t_rename(struct object from_dir, const char *from, struct object to_dir, const char *to)
{
    struct vchange from_change = {.has_before = false}, to_change = {.has_before = false};
    int err = driver->rename(&from_dir, text_view(from), &to_dir, text_view(to), &from_change,
                             &to_change);

    check_change(&from_change);
    check_change(&to_change);
    return err;
}

int t_link(struct object node, struct object dir, const char *name)
{
    struct vattr attr = {.type = VNON};
    struct vchange change = {.has_before = false};
    int err = driver->link(&node, &dir, text_view(name), &attr, &change);

    check_attr(&attr);
    check_change(&change);
    return err;
}
