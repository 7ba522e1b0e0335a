/*
 * handle_key.c - the key file: read, or made once and never changed.
 *
 *     0..15    the key
 *     16..23   its checksum (SipHash-2-4 with a public key), so that a damaged key is noticed
 * Earlier servers wrote the key alone; such a file is still read.
 *
 * A program that knows the key can make handles to any file of any export, so only the server may
 * read the file. If the key is lost, every handle that clients hold becomes stale. So the file is
 * never replaced: one that looks wrong is refused, and the operator decides.
 */
#include "access/handle_key.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_NAME  "handle.key"
#define FILE_SIZE (HANDLE_KEY_SIZE + crypto_shorthash_BYTES)

/* Fills in the contents of a key's file. */
static void file_of(const uint8_t key[HANDLE_KEY_SIZE], uint8_t file[FILE_SIZE])
{
    static const unsigned char public[crypto_shorthash_KEYBYTES + 1] = "loopnfs key file";

    memcpy(file, key, HANDLE_KEY_SIZE);
    crypto_shorthash(file + HANDLE_KEY_SIZE, key, HANDLE_KEY_SIZE, public);
}

__attribute__((format(printf, 3, 4))) static void
say(const char *state_dir, struct handle_key_why *why, const char *format, ...)
{
    va_list ap;
    int len = snprintf(why->text, sizeof(why->text), "%s/%s: ", state_dir, KEY_NAME);

    va_start(ap, format);
    if (len > 0 && (size_t)len < sizeof(why->text))
        vsnprintf(why->text + len, sizeof(why->text) - (size_t)len, format, ap);
    va_end(ap);
}

/* What can be done about what the host answered. */
static const char *advice(int err)
{
    switch (err) {
    case ENOSPC:
    case EDQUOT:
        return "; make room there";
    case EROFS:
        return "; name a directory that can be written to with --state-dir";
    default:
        return "";
    }
}

/* Checks an open key file: type, owner, mode, length. 0, or EINVAL after logging what is wrong. */
static int key_check(const char *state_dir, int fd, struct handle_key_why *out)
{
    struct stat st;
    const char *why = NULL;

    if (fstat(fd, &st) < 0) {
        int err = errno;
        say(state_dir, out, "%s", strerror(err));
        return err;
    }
    if (!S_ISREG(st.st_mode))
        why = "it is not a regular file (remove it: clients have to mount again then)";
    else if (st.st_uid != geteuid())
        why = "it belongs to another user (start the server as that user, or name another "
              "--state-dir)";
    else if (st.st_mode & 077)
        why = "others may use it (chmod 600 if nobody has read it, else remove it)";
    else if (st.st_size != HANDLE_KEY_SIZE && st.st_size != FILE_SIZE)
        why = "its length is wrong (remove it: clients have to mount again then)";
    if (!why)
        return 0;
    say(state_dir, out, "%s", why);
    return EINVAL;
}

/* The key of an open file. */
static int key_take(const char *state_dir, int fd, uint8_t key[HANDLE_KEY_SIZE],
                    struct handle_key_why *why)
{
    uint8_t file[FILE_SIZE], right[FILE_SIZE];
    ssize_t n = pread(fd, file, FILE_SIZE, 0);
    int err = n < 0 ? errno : n == HANDLE_KEY_SIZE || n == FILE_SIZE ? 0 : EINVAL;

    if (err != 0)
        say(state_dir, why, "%s", n < 0 ? strerror(err) : "its length changes");
    memcpy(key, file, HANDLE_KEY_SIZE);
    file_of(key, right);
    if (n == FILE_SIZE && sodium_memcmp(file, right, FILE_SIZE) != 0) {
        say(state_dir, why, "it is damaged (remove it: clients have to mount again then)");
        err = EINVAL;
    }
    sodium_memzero(file, sizeof(file));
    sodium_memzero(right, sizeof(right));
    return err;
}

/* Reads and checks the key. ENOENT: there is no file yet. */
static int key_read(const char *state_dir, int dir, uint8_t key[HANDLE_KEY_SIZE],
                    struct handle_key_why *why)
{
    int fd = openat(dir, KEY_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int err;

    if (fd < 0) {
        err = errno;
        if (err == ENOENT)
            return err;
        say(state_dir, why, "%s%s",
            err == ELOOP ? "it is a symbolic link (put the key itself there, or remove it)"
                         : strerror(err),
            advice(err));
        return err == ELOOP ? EINVAL : err;
    }
    err = key_check(state_dir, fd, why);
    if (err == 0)
        err = key_take(state_dir, fd, key, why);
    close(fd);
    return err;
}

/* Writes the new file under a temporary name and makes it durable. */
static int key_write(int dir, const char *name, const uint8_t key[HANDLE_KEY_SIZE])
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int err = 0;

    if (fd < 0)
        return errno;
    uint8_t file[FILE_SIZE];
    file_of(key, file);
    ssize_t n = write(fd, file, FILE_SIZE);
    sodium_memzero(file, sizeof(file));
    if (n != FILE_SIZE)
        err = n < 0 ? errno : ENOSPC;
    else if (fchmod(fd, 0600) < 0 || fsync(fd) < 0)
        err = errno;
    if (close(fd) < 0 && err == 0)
        err = errno;
    return err;
}

/* Gives the file its name, unless another server was faster: EEXIST. */
static int key_rename(int dir, const char *from)
{
    if (renameat2(dir, from, dir, KEY_NAME, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    /* A file system without RENAME_NOREPLACE: linkat() refuses to replace, too. */
    if (linkat(dir, from, dir, KEY_NAME, 0) < 0)
        return errno;
    return unlinkat(dir, from, 0) < 0 ? errno : 0;
}

static int key_create(int dir, const uint8_t key[HANDLE_KEY_SIZE])
{
    char name[64];
    int err;

    snprintf(name, sizeof(name), ".%s.%ld", KEY_NAME, (long)getpid());
    unlinkat(dir, name, 0); /* left by a server that had this pid and died here */
    err = key_write(dir, name, key);
    if (err == 0)
        err = key_rename(dir, name);
    if (err == 0 && fsync(dir) < 0)
        err = errno;
    if (err != 0)
        unlinkat(dir, name, 0);
    return err;
}

static int key_make(int dir)
{
    uint8_t key[HANDLE_KEY_SIZE];

    randombytes_buf(key, sizeof(key));
    int err = key_create(dir, key);
    sodium_memzero(key, sizeof(key));
    return err;
}

int handle_key_get(const char *state_dir, uint8_t key[HANDLE_KEY_SIZE], struct handle_key_why *why)
{
    int dir, err;

    if (sodium_init() < 0) {
        say(state_dir, why, "libsodium does not start");
        return EIO;
    }
    dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        err = errno;
        snprintf(why->text, sizeof(why->text), "%s: %s", state_dir, strerror(err));
        return err;
    }
    err = key_read(state_dir, dir, key, why);
    if (err == ENOENT) {
        err = key_make(dir);
        if (err != 0 && err != EEXIST)
            say(state_dir, why, "it can't be made: %s%s", strerror(err), advice(err));
        else
            err = key_read(state_dir, dir, key, why);
    }
    close(dir);
    return err;
}

int handle_key_keep(const char *state_dir, const uint8_t key[HANDLE_KEY_SIZE],
                    struct handle_key_why *why)
{
    uint8_t found[HANDLE_KEY_SIZE];
    struct stat st;
    int dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = dir < 0 ? errno : 0;

    if (err == 0 && fstatat(dir, KEY_NAME, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        err = errno == ENOENT ? key_create(dir, key) : errno;
        if (err != 0)
            say(state_dir, why, "it can't be made again: %s", strerror(err));
    } else if (err == 0) {
        err = key_read(state_dir, dir, found, why);
        if (err == 0 && sodium_memcmp(found, key, HANDLE_KEY_SIZE) != 0) {
            say(state_dir, why, "it is another key than the one in use");
            err = EEXIST;
        }
        sodium_memzero(found, sizeof(found));
    }
    if (dir >= 0)
        close(dir);
    return err;
}
