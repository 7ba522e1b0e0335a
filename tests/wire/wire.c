/*
 * wire.c - comparing replies with the host's own view; see wire.h.
 */
#include "tests/wire/wire.h"
#include <string.h>
#include <sys/sysmacros.h>

static uint32_t type_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return T_REG;
    case S_IFDIR:
        return T_DIR;
    case S_IFBLK:
        return T_BLK;
    case S_IFCHR:
        return T_CHR;
    case S_IFLNK:
        return T_LNK;
    case S_IFSOCK:
        return T_SOCK;
    default:
        return T_FIFO;
    }
}

static void expect_time(struct nfs_time got, struct timespec wanted)
{
    assert_int_equal(got.sec, wanted.tv_sec);
    assert_int_equal(got.nsec, wanted.tv_nsec);
}

void expect_attr_but_atime(const struct attr *attr, const char *dir, const char *name)
{
    struct stat st = host_stat(dir, name);

    assert_true(attr->present);
    assert_int_equal(attr->type, type_of(st.st_mode));
    assert_int_equal(attr->mode, st.st_mode & 07777);
    assert_int_equal(attr->nlink, st.st_nlink);
    assert_int_equal(attr->uid, st.st_uid);
    assert_int_equal(attr->gid, st.st_gid);
    assert_int_equal(attr->size, st.st_size);
    assert_int_equal(attr->used, (uint64_t)st.st_blocks * 512);
    if (attr->type == T_CHR || attr->type == T_BLK) {
        assert_int_equal(attr->rdev_major, major(st.st_rdev));
        assert_int_equal(attr->rdev_minor, minor(st.st_rdev));
    }
    assert_int_equal(attr->fileid, st.st_ino);
    expect_time(attr->mtime, st.st_mtim);
    expect_time(attr->ctime, st.st_ctim);
}

void expect_attr(const struct attr *attr, const char *dir, const char *name)
{
    struct stat st = host_stat(dir, name);

    expect_attr_but_atime(attr, dir, name);
    expect_time(attr->atime, st.st_atim);
}

void expect_wcc(const struct wcc *wcc, const char *dir, const char *name)
{
    expect_attr(&wcc->after, dir, name);
    if (wcc->has_before)
        assert_true(wcc->before_ctime.sec <= wcc->after.ctime.sec);
}

bool same_fh(const struct fh *a, const struct fh *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

bool same_time(struct nfs_time a, struct nfs_time b)
{
    return a.sec == b.sec && a.nsec == b.nsec;
}

struct fh make_file(struct mounted *m, const char *name, const char *text)
{
    struct sattr set = {.set_mode = true, .mode = 0644};
    struct made made;
    struct nfs3_write written;

    expect_ok(ask_create(&m->client, &m->root, name, H_GUARDED, &set, NULL, &made));
    assert_true(made.has_fh);
    if (*text) {
        expect_ok(ask_write(&m->client, &made.fh, 0, text, strlen(text), S_FILE_SYNC, &written));
        assert_int_equal(written.count, strlen(text));
    }
    return made.fh;
}

struct fh make_dir(struct mounted *m, const char *name)
{
    struct sattr set = {.set_mode = true, .mode = 0755};
    struct made made;

    expect_ok(ask_mkdir(&m->client, &m->root, name, &set, &made));
    assert_true(made.has_fh);
    return made.fh;
}

void expect_content(struct client *client, const struct fh *fh, const char *text)
{
    struct nfs3_read got;

    expect_ok(ask_read(client, fh, 0, 65536, &got));
    assert_int_equal(got.count, strlen(text));
    assert_memory_equal(got.data, text, strlen(text));
    assert_true(got.eof);
}

struct fh make_stale(struct mounted *m)
{
    struct fh fh = make_file(m, "soon gone", "");

    expect_ok(ask_remove(&m->client, &m->root, "soon gone", NULL));
    return fh;
}

struct fh make_bad(const struct fh *good)
{
    struct fh bad = *good;

    bad.data[bad.len / 2] ^= 0x10;
    return bad;
}
