/*
 * kept.c - records in the state directory of what must survive the server's sudden end.
 *
 *     KEPT_VERIFIER  an exclusive create's verifier, where the file's own times can't hold it; it
 *                    lasts until the first SETATTR (create.c, attr.c)
 *     KEPT_NEW       an object that is being made in steps; the next start removes what it finds
 *                    half-made (create.c)
 *     KEPT_MODE      a file whose mode was changed for a moment; the next start restores it
 *                    (open.c)
 *
 * Each record is a file of its own below STATE/kept, so that none depends on another. A record that
 * was being written when the server died is short and fails its checksum. It is ignored, since what
 * it announces had not begun. The file's name has the kind, the id of the mounted file system and,
 * for a verifier, a hash of the node's id. Records of a file system that is not mounted wait for
 * it.
 *
 * Where the object has to be on stable storage before the call is answered, its record is durable.
 * The record is on stable storage before the object is begun, and it is removed from stable storage
 * after the object is whole there and before the answer. The host may therefore lose its power at
 * any moment. Other records (of async exports, of file systems in memory, and KEPT_MODE, which
 * lasts some microseconds) count only for a server that was started in the same boot: a host that
 * went down may have lost their removal, while their objects may be whole and in use since.
 *
 * All functions act as the server; their callers take their caller's identity again afterwards.
 * There is no lock: a record belongs to the operation that made it, and a verifier to the operation
 * that removes it first.
 */
#include "base/boot.h"
#include "base/cred.h"
#include "base/hash.h"
#include "base/log.h"
#include "fs/hostfs/locate/locate.h"
#include "hostfs.h"
#include "newfile.h"
#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FOLDER  "kept"
#define MAGIC   0x316b6f6f6c /* "look1" */
#define VERSION 2
/* Seconds after which a verifier is dropped. A client sends a create again within minutes. */
#define VERIFIER_AGE_S 86400
/* After this many new verifiers, old ones are looked for. */
#define VERIFIERS_TO_LOOK 1024

enum kind { KEPT_VERIFIER = 'v', KEPT_NEW = 'n', KEPT_MODE = 'm' };

/* The content of a record's file. */
struct record {
    uint64_t magic;
    uint32_t version, kind;
    uint64_t fsid;
    struct vnode_id id;    /* the file's id; KEPT_NEW: the directory's */
    uint32_t before, lent; /* KEPT_MODE: the file's own mode, and what it was changed to */
    uint32_t type;         /* KEPT_NEW: enum vtype */
    uint32_t durable;      /* it counts in later boots, too */
    char boot[BOOT_ID_SIZE];
    uint8_t verifier[8]; /* KEPT_VERIFIER */
    char name[VNAME_MAX + 1];
    uint64_t sum; /* checksum of all before it */
};

static uint64_t sum_of(const struct record *record)
{
    return hash_bytes(record, offsetof(struct record, sum), VERSION);
}

static struct record record_make(const struct hostfs *h, enum kind kind, const struct vnode_id *id,
                                 bool durable)
{
    struct record record = {0};

    memset(&record, 0, sizeof(record)); /* the checksum covers the bytes between the members, too */
    record.magic = MAGIC;
    record.version = VERSION;
    record.kind = kind;
    record.fsid = h->fs->fsid;
    record.id.len = id->len;
    memcpy(record.id.bytes, id->bytes, id->len);
    record.durable = durable;
    if (!durable)
        boot_id(record.boot);
    return record;
}

/* Whether a record that was read counts in this boot. */
static bool record_counts(const struct record *record)
{
    char boot[BOOT_ID_SIZE];

    return record->durable || (boot_id(boot) && memcmp(boot, record->boot, sizeof(boot)) == 0);
}

/* Opens the folder; with `make`, makes it where it does not exist. */
static int folder_open(const struct hostfs *h, bool make, int *fd)
{
    int err = cred_assume_server();
    if (err != 0)
        return err;
    int state = open(h->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (state < 0)
        return errno;
    *fd = openat(state, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0 && errno == ENOENT && make &&
        (mkdirat(state, FOLDER, 0700) == 0 ? fsync(state) == 0 : errno == EEXIST))
        *fd = openat(state, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    err = *fd < 0 ? errno : 0;
    close(state);
    return err;
}

static int record_write(const struct hostfs *h, struct record *record, const char *name)
{
    int folder = -1;

    record->sum = sum_of(record);
    int err = folder_open(h, true, &folder);
    if (err != 0)
        return err;
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        err = errno;
        goto out;
    }
    ssize_t put = pwrite(fd, record, sizeof(*record), 0);
    if (put != (ssize_t)sizeof(*record))
        err = put < 0 ? errno : ENOSPC;
    if (err == 0 && record->durable && (fsync(fd) != 0 || fsync(folder) != 0))
        err = errno;
    close(fd);
    if (err != 0)
        unlinkat(folder, name, 0);
out:
    close(folder);
    return err;
}

/* Reads a record. ENOENT: there is none, or it was not finished. */
static int record_read(int folder, const char *name, struct record *record)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno;
    ssize_t got = pread(fd, record, sizeof(*record), 0);
    close(fd);
    bool good = got == (ssize_t)sizeof(*record) && record->magic == MAGIC &&
                record->version == VERSION && record->sum == sum_of(record) &&
                record->id.len <= VNODE_ID_MAX && memchr(record->name, '\0', sizeof(record->name));
    return good ? 0 : ENOENT;
}

/* Removes a record; with `durable`, from stable storage, too. */
static int record_remove(const struct hostfs *h, const char *name, bool durable)
{
    int folder = -1;
    int err = folder_open(h, false, &folder);

    if (err != 0)
        return err == ENOENT ? 0 : err;
    if ((unlinkat(folder, name, 0) != 0 && errno != ENOENT) || (durable && fsync(folder) != 0))
        err = errno;
    close(folder);
    return err;
}

/* --- what is undone after a sudden end --- */

static int begin(const struct hostfs *h, struct record *record, struct hostfs_kept *kept)
{
    uint64_t random;

    randombytes_buf(&random, sizeof(random));
    snprintf(kept->name, sizeof(kept->name), "%c-%016lx-%016lx", (char)record->kind,
             (unsigned long)record->fsid, (unsigned long)random);
    kept->durable = record->durable;
    int err = record_write(h, record, kept->name);
    if (err != 0)
        kept->name[0] = '\0';
    return err;
}

int hostfs_keep_mode(struct hostfs *h, struct vnode *vn, uint32_t before, uint32_t lent,
                     struct hostfs_kept *kept)
{
    struct vnode_id id = {.len = vn->id_len};

    kept->name[0] = '\0';
    if (!h->state_dir)
        return 0;
    memcpy(id.bytes, vn->id, vn->id_len);
    struct record record = record_make(h, KEPT_MODE, &id, false);
    record.before = before;
    record.lent = lent;
    return begin(h, &record, kept);
}

int hostfs_keep_new(struct hostfs *h, struct vnode *dir, const char *name, enum vtype type,
                    bool durable, struct hostfs_kept *kept)
{
    struct vnode_id id = {.len = dir->id_len};

    kept->name[0] = '\0';
    if (!h->state_dir)
        return 0;
    memcpy(id.bytes, dir->id, dir->id_len);
    struct record record = record_make(h, KEPT_NEW, &id, durable);
    record.type = type;
    snprintf(record.name, sizeof(record.name), "%s", name);
    return begin(h, &record, kept);
}

int hostfs_kept_end(struct hostfs *h, struct hostfs_kept *kept)
{
    int err = kept->name[0] ? record_remove(h, kept->name, kept->durable) : 0;

    kept->name[0] = '\0';
    return err;
}

/* Restores the mode of a file, if the file's mode was not changed since. */
static void undo_mode(struct hostfs *h, const struct record *record)
{
    struct vsetattr set = {.set_mode = true, .mode = record->before};
    struct statx st;
    int fd;

    if (hostfs_open_id(h, &record->id, HOST_O_PATH, &fd) != 0)
        return;
    if (hostfs_statx(fd, "", &st) == 0 && (st.stx_mode & 07777) == record->lent &&
        hostfs_apply(fd, VREG, &set) == 0)
        log_info("hostfs %s: a file has its mode back that the server had changed when it ended",
                 h->fs->source);
    close(fd);
}

/* Removes a half-made object, unless something was put into it. The object is gone from stable
 * storage before its record is. */
static void undo_new(struct hostfs *h, const struct record *record)
{
    struct stat st;
    int fd, dir;

    if (hostfs_open_id(h, &record->id, HOST_O_PATH, &fd) != 0)
        return;
    if (fstatat(fd, record->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        hostfs_vtype(st.st_mode) == (enum vtype)record->type &&
        (record->type != VREG || st.st_blocks == 0) &&
        unlinkat(fd, record->name, record->type == VDIR ? AT_REMOVEDIR : 0) == 0) {
        log_info("hostfs %s: removed what was half-made when the server ended", h->fs->source);
        dir = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0 || (fsync(dir) != 0 && errno != EINVAL))
            sync();
        if (dir >= 0)
            close(dir);
    }
    close(fd);
}

/* --- verifiers --- */

static void verifier_name(const struct hostfs *h, const struct vnode_id *id, char name[64])
{
    snprintf(name, 64, "%c-%016lx-%016lx%016lx", KEPT_VERIFIER, (unsigned long)h->fs->fsid,
             (unsigned long)hash_bytes(id->bytes, id->len, 1),
             (unsigned long)hash_bytes(id->bytes, id->len, 2));
}

static bool id_equal(const struct vnode_id *a, const struct vnode_id *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static bool is_mine(const struct hostfs *h, const char *name)
{
    char prefix[32];

    snprintf(prefix, sizeof(prefix), "-%016lx-", (unsigned long)h->fs->fsid);
    return name[0] != '\0' && strncmp(name + 1, prefix, strlen(prefix)) == 0;
}

/* Removes verifiers that are too old to be asked for, and counts the others. */
static void verifiers_prune(struct hostfs *h, int folder)
{
    struct dirent *entry;
    struct stat st;
    unsigned count = 0;
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != KEPT_VERIFIER || !is_mine(h, entry->d_name) ||
            fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (time(NULL) - st.st_mtime > VERIFIER_AGE_S)
            unlinkat(folder, entry->d_name, 0);
        else
            count++;
    }
    closedir(dir);
    atomic_store(&h->verifiers_kept, count);
}

int hostfs_keep_verifier(struct hostfs *h, const struct vnode_id *id, const uint8_t verifier[8],
                         bool durable)
{
    char name[64];
    int folder = -1;

    if (!h->state_dir)
        return 0;
    struct record record = record_make(h, KEPT_VERIFIER, id, durable);
    memcpy(record.verifier, verifier, sizeof(record.verifier));
    verifier_name(h, id, name);
    int err = record_write(h, &record, name);
    if (err == 0 && (atomic_fetch_add(&h->verifiers_kept, 1) + 1) % VERIFIERS_TO_LOOK == 0 &&
        folder_open(h, false, &folder) == 0) {
        verifiers_prune(h, folder);
        close(folder);
    }
    return err;
}

bool hostfs_kept_verifier(struct hostfs *h, const struct vnode_id *id, const uint8_t verifier[8])
{
    struct record record = {0};
    char name[64];
    int folder = -1;

    if (atomic_load(&h->verifiers_kept) == 0 || folder_open(h, false, &folder) != 0)
        return false;
    verifier_name(h, id, name);
    int err = record_read(folder, name, &record);
    close(folder);
    return err == 0 && record.kind == KEPT_VERIFIER && id_equal(&record.id, id) &&
           memcmp(record.verifier, verifier, sizeof(record.verifier)) == 0;
}

void hostfs_drop_verifier(struct hostfs *h, const struct vnode_id *id)
{
    char name[64];

    if (atomic_load(&h->verifiers_kept) == 0)
        return;
    verifier_name(h, id, name);
    /* if it came back after a power loss, it would be the number of the client that made the
     * file */
    record_remove(h, name, false);
}

/* --- the start --- */

static void undo(struct hostfs *h, int folder, const char *name)
{
    struct record record = {0};

    if (record_read(folder, name, &record) == 0 && record.fsid == h->fs->fsid &&
        record_counts(&record)) {
        if (record.kind == KEPT_MODE)
            undo_mode(h, &record);
        else if (record.kind == KEPT_NEW)
            undo_new(h, &record);
    }
    unlinkat(folder, name, 0);
}

void hostfs_kept_undo(struct hostfs *h)
{
    struct dirent *entry;
    int folder = -1;

    if (!h->state_dir || folder_open(h, false, &folder) != 0)
        return;
    verifiers_prune(h, folder);
    DIR *dir = fdopendir(folder);
    if (!dir) {
        close(folder);
        return;
    }
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != KEPT_VERIFIER && is_mine(h, entry->d_name))
            undo(h, folder, entry->d_name);
    closedir(dir);
}
