/*
 * limit_files.c - directories and open files of the yardstick; see limit.h.
 */
#include "bench/limit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIRECTORIES_MAX 256u
#define OPEN_MAX_BITS   16 /* of the table of open files; two places a hash */

enum handle_kind { HANDLE_DIRECTORY = 1, HANDLE_FILE = 2 };

struct directory {
    int fd; /* 0: free */
    uint32_t parent;
    char name[LIMIT_NAME_MAX + 1];
    struct listing listing;
};

/* An open file; told from others by its hash alone. */
struct open_file {
    uint64_t hash;
    int fd; /* 0: none */
};

static struct directory directories[DIRECTORIES_MAX];
static struct open_file open_files[1u << OPEN_MAX_BITS];

static uint32_t directory_number(const struct wire_fh *fh)
{
    uint32_t number;

    memcpy(&number, fh->bytes + 4, 4);
    return number % DIRECTORIES_MAX;
}

static void make_handle(enum handle_kind kind, uint32_t number, const char *name, size_t len,
                        struct wire_fh *out)
{
    uint32_t words[2] = {kind, number};

    len = len < LIMIT_NAME_MAX ? len : LIMIT_NAME_MAX;
    memcpy(out->bytes, words, 8);
    memcpy(out->bytes + 8, name, len);
    out->len = (uint32_t)(8 + len);
}

static uint64_t hash_of(const struct wire_fh *fh)
{
    uint64_t hash = 1469598103934665603u;

    for (uint32_t i = 0; i < fh->len; i++)
        hash = (hash ^ fh->bytes[i]) * 1099511628211u;
    return hash ^ hash >> 32;
}

static struct open_file *place_of(uint64_t hash)
{
    struct open_file *place = &open_files[hash & ((1u << OPEN_MAX_BITS) - 2)];

    return place->hash != hash && place[1].hash == hash ? place + 1 : place;
}

void files_begin(const char *root)
{
    directories[0].fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directories[0].fd < 0) {
        fprintf(stderr, "limit: %s: %s\n", root, strerror(errno));
        exit(1);
    }
}

int files_open(const struct wire_fh *fh)
{
    uint32_t number = directory_number(fh);
    char name[WIRE_FH_MAX + 1];

    if (fh->bytes[0] == HANDLE_DIRECTORY)
        return directories[number].fd;
    uint64_t hash = hash_of(fh);
    struct open_file *place = place_of(hash);
    if (place->hash == hash && place->fd != 0)
        return place->fd;
    memcpy(name, fh->bytes + 8, fh->len - 8);
    name[fh->len - 8] = '\0';
    int fd = openat(directories[number].fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    if (place->fd != 0)
        place++; /* place_of() gave the first of the two */
    if (place->fd != 0)
        close(place->fd);
    *place = (struct open_file){.hash = hash, .fd = fd};
    return fd;
}

void files_handle(const struct wire_fh *directory, const char *name, size_t len,
                  struct wire_fh *out)
{
    make_handle(HANDLE_FILE, directory_number(directory), name, len, out);
}

void files_forget(const struct wire_fh *directory, const char *name, size_t len)
{
    struct wire_fh fh;

    files_handle(directory, name, len, &fh);
    uint64_t hash = hash_of(&fh);
    struct open_file *place = place_of(hash);
    if (place->hash == hash && place->fd != 0) {
        close(place->fd);
        *place = (struct open_file){0};
    }
    for (uint32_t i = 1; i < DIRECTORIES_MAX; i++) {
        struct directory *d = &directories[i];
        if (d->fd == 0 || d->parent != directory_number(directory) || strlen(d->name) != len ||
            memcmp(d->name, name, len) != 0)
            continue;
        close(d->fd);
        if (d->listing.fd != 0)
            close(d->listing.fd);
        *d = (struct directory){0};
    }
}

int files_directory(const struct wire_fh *parent, const char *name, struct wire_fh *out)
{
    for (uint32_t i = 1; i < DIRECTORIES_MAX; i++) {
        struct directory *d = &directories[i];
        if (d->fd != 0)
            continue;
        int fd = openat(files_open(parent), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return -errno;
        *d = (struct directory){.fd = fd, .parent = directory_number(parent)};
        snprintf(d->name, sizeof(d->name), "%s", name);
        make_handle(HANDLE_DIRECTORY, i, "", 0, out);
        return fd;
    }
    return -ENFILE;
}

struct listing *files_listing(const struct wire_fh *fh)
{
    struct directory *d = &directories[directory_number(fh)];

    if (d->listing.fd == 0)
        d->listing.fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return &d->listing;
}

int files_stat(int fd, const char *name, struct statx *out)
{
    int flags = AT_SYMLINK_NOFOLLOW | (name[0] == '\0' ? AT_EMPTY_PATH : 0);

    return statx(fd, name, flags, STATX_BASIC_STATS, out) < 0 ? -errno : 0;
}
