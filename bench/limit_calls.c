/*
 * limit_calls.c - the yardstick's answers; see limit.h.
 *
 * Each answer has what RFC 1813 asks for: the object's attributes, or the directory's after a
 * change, which cost a statx() each; wcc attributes from before a change are left out, as they may.
 * Where READ comes from memory, it has no attributes either: it is a NULL and a copy.
 */
#include "bench/limit.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DIRENTS_SIZE 16384
#define ENTRY_FIXED  (4 + 8 + 4 + 8 + 4 + WIRE_ATTR + 4 + 4 + 8 + 8) /* without names */
#define LISTING_END  8
#define CREATE_MODE  0644

struct call {
    struct wire_reader in;
    struct wire out;
};

struct dirent64 {
    uint64_t ino;
    uint64_t off;
    uint16_t len;
    uint8_t type;
    char name[];
};

bool limit_from_memory;

/* The file that was read last, where READ comes from memory. It holds the file itself and not a
 * descriptor, which may go at any time; what ends it is that the handle comes to mean another
 * file, by a REMOVE. */
static struct mapping {
    struct wire_fh fh;
    uint8_t *data; /* NULL: none, or an empty file */
    uint64_t size;
} mapped;

static void put_time(struct wire *out, const struct statx_timestamp *t)
{
    wire_u32(out, (uint32_t)t->tv_sec);
    wire_u32(out, t->tv_nsec);
}

static void put_attr(struct wire *out, const struct statx *st)
{
    static const uint8_t types[16] = {
        [S_IFREG >> 12] = 1, [S_IFDIR >> 12] = 2,  [S_IFBLK >> 12] = 3, [S_IFCHR >> 12] = 4,
        [S_IFLNK >> 12] = 5, [S_IFSOCK >> 12] = 6, [S_IFIFO >> 12] = 7};

    wire_u32(out, types[st->stx_mode >> 12]);
    wire_u32(out, st->stx_mode & 07777);
    wire_u32(out, st->stx_nlink);
    wire_u32(out, st->stx_uid);
    wire_u32(out, st->stx_gid);
    wire_u64(out, st->stx_size);
    wire_u64(out, st->stx_blocks * 512);
    wire_u32(out, st->stx_rdev_major);
    wire_u32(out, st->stx_rdev_minor);
    wire_u64(out, makedev(st->stx_dev_major, st->stx_dev_minor));
    wire_u64(out, st->stx_ino);
    put_time(out, &st->stx_atime);
    put_time(out, &st->stx_mtime);
    put_time(out, &st->stx_ctime);
}

/* A post_op_attr. */
static void put_post(struct wire *out, int fd)
{
    struct statx st;
    bool known = files_stat(fd, "", &st) == 0;

    wire_u32(out, known);
    if (known)
        put_attr(out, &st);
}

static void put_wcc(struct wire *out, int fd)
{
    wire_u32(out, 0);
    put_post(out, fd);
}

static int get_handle(struct call *call, struct wire_fh *fh)
{
    return wire_get_fh(&call->in, fh) ? files_open(fh) : -EBADF;
}

static size_t get_name(struct call *call, char name[LIMIT_NAME_MAX + 1])
{
    uint32_t len;
    const uint8_t *at = wire_get_opaque(&call->in, &len);

    if (at == NULL || len > LIMIT_NAME_MAX)
        len = 0;
    if (len > 0)
        memcpy(name, at, len);
    name[len] = '\0';
    return len;
}

static int answer_getattr(struct call *call)
{
    struct wire_fh fh;
    struct statx st;
    int fd = get_handle(call, &fh);
    int err = fd < 0 ? fd : files_stat(fd, "", &st);

    if (err == 0) {
        wire_u32(&call->out, 0);
        put_attr(&call->out, &st);
    }
    return err;
}

static int answer_lookup(struct call *call)
{
    struct wire_fh directory, fh;
    struct statx st;
    char name[LIMIT_NAME_MAX + 1];
    int fd = get_handle(call, &directory);
    size_t len = get_name(call, name);
    int err = fd < 0 ? fd : files_stat(fd, name, &st);

    if (err != 0)
        return err;
    files_handle(&directory, name, len, &fh);
    wire_u32(&call->out, 0);
    wire_fh(&call->out, &fh);
    wire_u32(&call->out, 1);
    put_attr(&call->out, &st);
    put_post(&call->out, fd);
    return 0;
}

static int answer_access(struct call *call)
{
    struct wire_fh fh;
    int fd = get_handle(call, &fh);

    if (fd < 0)
        return fd;
    wire_u32(&call->out, 0);
    put_post(&call->out, fd);
    wire_u32(&call->out, wire_get_u32(&call->in));
    return 0;
}

static bool is_mapped(const struct wire_fh *fh)
{
    return fh->len == mapped.fh.len && memcmp(fh->bytes, mapped.fh.bytes, fh->len) == 0;
}

static void unmap(void)
{
    if (mapped.data != NULL)
        munmap(mapped.data, mapped.size);
    mapped = (struct mapping){0};
}

/* Maps the file, as far as `end` where it goes so far: it may have grown. */
static int map(const struct wire_fh *fh, uint64_t end)
{
    struct statx st;

    if (is_mapped(fh) && end <= mapped.size)
        return 0;
    int fd = files_open(fh);
    int err = fd < 0 ? fd : files_stat(fd, "", &st);
    if (err != 0 || (is_mapped(fh) && st.stx_size == mapped.size))
        return err;
    unmap();
    if (st.stx_size > 0) {
        void *data = mmap(NULL, st.stx_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
        if (data == MAP_FAILED)
            return -errno;
        mapped.data = data;
    }
    mapped.fh = *fh;
    mapped.size = st.stx_size;
    return 0;
}

static int answer_read_mapped(struct call *call)
{
    struct wire_fh fh;

    if (!wire_get_fh(&call->in, &fh))
        return -EBADF;
    uint64_t offset = wire_get_u64(&call->in);
    uint32_t count = wire_get_u32(&call->in);
    if (count > LIMIT_DATA_MAX)
        count = LIMIT_DATA_MAX;
    int err = map(&fh, offset + count);
    if (err != 0)
        return err;
    uint64_t left = offset < mapped.size ? mapped.size - offset : 0;
    if (count > left)
        count = (uint32_t)left;
    wire_u32(&call->out, 0);
    wire_u32(&call->out, 0); /* no attributes */
    wire_u32(&call->out, count);
    wire_u32(&call->out, count == left);
    wire_opaque(&call->out, count > 0 ? mapped.data + offset : (const uint8_t *)"", count);
    return 0;
}

static int answer_read(struct call *call)
{
    struct wire_fh fh;
    struct statx st;
    int fd = get_handle(call, &fh);
    uint64_t offset = wire_get_u64(&call->in);
    uint32_t count = wire_get_u32(&call->in);
    uint8_t *data = call->out.at + 4 + 4 + WIRE_ATTR + 4 + 4 + 4;

    if (count > LIMIT_DATA_MAX)
        count = LIMIT_DATA_MAX;
    ssize_t n = fd < 0 ? fd : pread(fd, data, count, (off_t)offset);
    if (n < 0)
        return fd < 0 ? fd : -errno;
    int err = files_stat(fd, "", &st);
    if (err != 0)
        return err;
    wire_u32(&call->out, 0);
    wire_u32(&call->out, 1);
    put_attr(&call->out, &st);
    wire_u32(&call->out, (uint32_t)n);
    wire_u32(&call->out, offset + (uint64_t)n >= st.stx_size);
    wire_u32(&call->out, (uint32_t)n);
    call->out.at += ((size_t)n + 3) & ~(size_t)3;
    return 0;
}

static int answer_write(struct call *call)
{
    struct wire_fh fh;
    uint32_t len;
    int fd = get_handle(call, &fh);
    uint64_t offset = wire_get_u64(&call->in);

    wire_skip(&call->in, 8); /* count, stable */
    const uint8_t *data = wire_get_opaque(&call->in, &len);
    ssize_t n = fd < 0 || data == NULL ? -1 : pwrite(fd, data, len, (off_t)offset);
    if (n < 0)
        return fd < 0 ? fd : -errno;
    wire_u32(&call->out, 0);
    put_wcc(&call->out, fd);
    wire_u32(&call->out, (uint32_t)n);
    wire_u32(&call->out, 0); /* UNSTABLE */
    wire_u64(&call->out, 1); /* verifier */
    return 0;
}

/* CREATE and MKDIR; the attributes asked for are nfsbench's. */
static int answer_make(struct call *call, bool is_directory)
{
    struct wire_fh directory, fh;
    char name[LIMIT_NAME_MAX + 1];
    int parent = get_handle(call, &directory);
    size_t len = get_name(call, name);
    int fd = parent;

    if (parent >= 0 && !is_directory)
        fd = openat(parent, name, O_RDWR | O_CREAT | O_CLOEXEC, CREATE_MODE);
    else if (parent >= 0)
        fd = mkdirat(parent, name, CREATE_MODE | 0111);
    if (fd < 0)
        return parent < 0 ? parent : -errno;
    files_handle(&directory, name, len, &fh);
    if (is_directory && (fd = files_directory(&directory, name, &fh)) < 0)
        return fd;
    wire_u32(&call->out, 0);
    wire_u32(&call->out, 1);
    wire_fh(&call->out, &fh);
    put_post(&call->out, fd);
    if (!is_directory)
        close(fd);
    put_wcc(&call->out, parent);
    return 0;
}

static int answer_remove(struct call *call, int flags)
{
    struct wire_fh directory, fh;
    char name[LIMIT_NAME_MAX + 1];
    int parent = get_handle(call, &directory);
    size_t len = get_name(call, name);

    if (parent < 0)
        return parent;
    if (unlinkat(parent, name, flags) < 0)
        return -errno;
    files_forget(&directory, name, len);
    files_handle(&directory, name, len, &fh);
    if (is_mapped(&fh))
        unmap();
    wire_u32(&call->out, 0);
    put_wcc(&call->out, parent);
    return 0;
}

static void put_entry(struct call *call, const struct wire_fh *directory, int fd,
                      const struct dirent64 *entry, size_t len)
{
    struct wire *out = &call->out;
    struct wire_fh fh;
    struct statx st;

    wire_u32(out, 1);
    wire_u64(out, entry->ino);
    wire_opaque(out, entry->name, len);
    wire_u64(out, entry->off);
    bool known = files_stat(fd, entry->name, &st) == 0;
    wire_u32(out, known);
    if (known)
        put_attr(out, &st);
    files_handle(directory, entry->name, len, &fh);
    wire_u32(out, 1);
    wire_fh(out, &fh);
}

static int answer_list(struct call *call)
{
    static char dirents[DIRENTS_SIZE];
    struct wire_fh fh;
    int fd = get_handle(call, &fh);
    uint64_t cookie = wire_get_u64(&call->in);

    wire_skip(&call->in, 8 + 4); /* verifier, dircount */
    const uint8_t *limit = call->out.at + wire_get_u32(&call->in);
    if (fd < 0)
        return fd;
    struct listing *listing = files_listing(&fh);
    if (listing->at != cookie || cookie == 0)
        lseek(listing->fd, (off_t)cookie, SEEK_SET);
    long n = syscall(SYS_getdents64, listing->fd, dirents, sizeof(dirents));
    if (n < 0)
        return -errno;
    listing->at = UINT64_MAX;
    wire_u32(&call->out, 0);
    put_post(&call->out, fd);
    wire_u64(&call->out, 1); /* verifier */
    long at = 0;
    while (at < n) {
        const struct dirent64 *entry = (const void *)(dirents + at);
        size_t len = strlen(entry->name);
        if (call->out.at + ENTRY_FIXED + 2 * (len + 3) + LISTING_END > limit)
            break;
        put_entry(call, &fh, fd, entry, len);
        at += entry->len;
        if (at == n)
            listing->at = entry->off; /* the next call may go on here without a seek */
    }
    wire_u32(&call->out, 0);
    wire_u32(&call->out, n == 0);
    return 0;
}

static int answer_mount(struct call *call)
{
    static const uint32_t root[2] = {1, 0};

    wire_u32(&call->out, 0);
    wire_opaque(&call->out, root, sizeof(root));
    wire_u32(&call->out, 1);
    wire_u32(&call->out, 1); /* AUTH_SYS */
    return 0;
}

static int answer(struct call *call, uint32_t procedure)
{
    switch (procedure) {
    case NFS3_NULL:
        return 0;
    case NFS3_GETATTR:
        return answer_getattr(call);
    case NFS3_LOOKUP:
        return answer_lookup(call);
    case NFS3_ACCESS:
        return answer_access(call);
    case NFS3_READ:
        return limit_from_memory ? answer_read_mapped(call) : answer_read(call);
    case NFS3_WRITE:
        return answer_write(call);
    case NFS3_CREATE:
    case NFS3_MKDIR:
        return answer_make(call, procedure == NFS3_MKDIR);
    case NFS3_REMOVE:
        return answer_remove(call, 0);
    case NFS3_RMDIR:
        return answer_remove(call, AT_REMOVEDIR);
    case NFS3_READDIRPLUS:
        return answer_list(call);
    default:
        return -EOPNOTSUPP;
    }
}

size_t limit_answer(const uint8_t *message, size_t len, uint8_t *out)
{
    struct call call = {.in = {.at = message, .end = message + len}};
    uint32_t ignored;

    uint32_t xid = wire_get_u32(&call.in);
    wire_skip(&call.in, 8); /* CALL, RPC version */
    uint32_t program = wire_get_u32(&call.in);
    wire_skip(&call.in, 4);
    uint32_t procedure = wire_get_u32(&call.in);
    wire_skip(&call.in, 4);
    wire_get_opaque(&call.in, &ignored);
    wire_skip(&call.in, 4);
    wire_get_opaque(&call.in, &ignored);
    wire_begin_reply(&call.out, out, LIMIT_CALL_MAX, xid);
    int err = program == MOUNT_PROGRAM ? answer_mount(&call) : answer(&call, procedure);
    if (err < 0) {
        /* The first NFS statuses are errnos; nfsbench counts every other one as an error, too. */
        wire_begin_reply(&call.out, out, LIMIT_CALL_MAX, xid);
        wire_u32(&call.out, (uint32_t)-err);
    }
    return wire_end(&call.out, 0);
}
