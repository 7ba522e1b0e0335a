/*
 * entry.c - the names of a srvfs: the list of entries, their references, and the closing of
 * descriptors.
 *
 * There are few names (posts=), so a list in the order of readdir's cookies is enough. An entry
 * that has lost its name goes to another list. Clients that hold its handle still find it by its
 * id, until no client has used it for linger= seconds. Without a vnode the entry is freed at once.
 * Ids are never used twice, not even by another mount.
 */
#include "fs/srvfs/srvfs.h"
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct srv_entry *srv_entry_new(struct srvfs *srv, const struct cred *owner, uint32_t mode)
{
    struct srv_entry *entry = calloc(1, sizeof(*entry));

    if (entry == NULL || srv_stream_init(entry) != 0) {
        free(entry);
        return NULL;
    }
    list_init(&entry->sibling);
    pthread_mutex_init(&entry->lock, NULL);
    entry->fd = entry->io_fd = -1;
    entry->refs = 1;
    entry->uid = owner->uid;
    entry->gid = owner->gid;
    entry->mode = mode & 0777;
    clock_gettime(CLOCK_REALTIME, &entry->since);
    entry->mtime = entry->atime = entry->ctime = entry->since;
    pthread_mutex_lock(&srv->lock);
    uint64_t number = srv->next_id++;
    pthread_mutex_unlock(&srv->lock);
    memcpy(entry->id, &number, sizeof(number));
    memcpy(entry->id + sizeof(number), srv->boot, sizeof(srv->boot));
    return entry;
}

/* Frees an entry whose last reference was put. */
static void entry_free(struct srv_entry *entry)
{
    if (entry->io_fd >= 0 && entry->io_fd != entry->fd)
        close(entry->io_fd);
    if (entry->fd >= 0)
        close(entry->fd);
    srv_log_finish(entry);
    srv_stream_finish(entry);
    pthread_mutex_destroy(&entry->lock);
    free(entry->name);
    free(entry);
}

void srv_entry_put(struct srvfs *srv, struct srv_entry *entry)
{
    if (entry == NULL)
        return;
    pthread_mutex_lock(&srv->lock);
    bool last = --entry->refs == 0;
    if (last)
        list_remove(&entry->sibling);
    pthread_mutex_unlock(&srv->lock);
    if (last)
        entry_free(entry);
}

/* --- with the mount's lock held --- */

static struct srv_entry *find(struct srvfs *srv, const char *name)
{
    struct list *item;

    list_for_each (item, &srv->names) {
        struct srv_entry *entry = list_entry(item, struct srv_entry, sibling);
        if (strcmp(entry->name, name) == 0)
            return entry;
    }
    return NULL;
}

static struct srv_entry *find_id(struct list *list, const uint8_t id[SRV_ID_LEN])
{
    struct list *item;

    list_for_each (item, list) {
        struct srv_entry *entry = list_entry(item, struct srv_entry, sibling);
        if (memcmp(entry->id, id, SRV_ID_LEN) == 0)
            return entry;
    }
    return NULL;
}

static struct srv_entry *referenced(struct srv_entry *entry)
{
    if (entry != NULL)
        entry->refs++;
    return entry;
}

static void changed(struct srvfs *srv)
{
    clock_gettime(CLOCK_REALTIME, &srv->mtime);
    srv->ctime = srv->mtime;
}

/* Takes an entry's name away. The caller puts the name's reference. */
static void unname(struct srvfs *srv, struct srv_entry *entry)
{
    list_remove(&entry->sibling);
    list_append(&srv->removed, &entry->sibling);
    free(entry->name);
    entry->name = NULL;
    srv->count--;
    changed(srv);
}

/* --- what the others call --- */

int srv_entry_name(struct srvfs *srv, struct srv_entry *entry, const char *name)
{
    char *copy = strdup(name);
    int err = 0;

    if (copy == NULL)
        return ENOMEM;
    pthread_mutex_lock(&srv->lock);
    if (find(srv, name) != NULL)
        err = EEXIST;
    else if (srv->count >= srv->options.posts)
        err = EMFILE;
    if (err == 0) {
        entry->name = copy;
        entry->cookie = srv->next_cookie++;
        entry->refs++;
        list_append(&srv->names, &entry->sibling);
        srv->count++;
        changed(srv);
    }
    pthread_mutex_unlock(&srv->lock);
    if (err != 0)
        free(copy);
    return err;
}

struct srv_entry *srv_find(struct srvfs *srv, const char *name)
{
    pthread_mutex_lock(&srv->lock);
    struct srv_entry *entry = referenced(find(srv, name));
    pthread_mutex_unlock(&srv->lock);
    return entry;
}

struct srv_entry *srv_find_id(struct srvfs *srv, const uint8_t id[SRV_ID_LEN])
{
    pthread_mutex_lock(&srv->lock);
    struct srv_entry *entry = find_id(&srv->names, id);
    if (entry == NULL)
        entry = find_id(&srv->removed, id);
    referenced(entry);
    pthread_mutex_unlock(&srv->lock);
    return entry;
}

struct srv_entry *srv_after(struct srvfs *srv, uint64_t cookie, uint64_t *its_cookie, char *name)
{
    struct srv_entry *found = NULL;
    struct list *item;

    pthread_mutex_lock(&srv->lock);
    list_for_each (item, &srv->names) {
        found = list_entry(item, struct srv_entry, sibling);
        if (found->cookie > cookie)
            break;
        found = NULL;
    }
    if (found != NULL) {
        found->refs++;
        *its_cookie = found->cookie;
        strcpy(name, found->name);
    }
    pthread_mutex_unlock(&srv->lock);
    return found;
}

int srv_entry_unname(struct srvfs *srv, struct srv_entry *entry, const char *name)
{
    pthread_mutex_lock(&srv->lock);
    bool has = entry->name != NULL && strcmp(entry->name, name) == 0;
    if (has)
        unname(srv, entry);
    pthread_mutex_unlock(&srv->lock);
    if (has)
        srv_entry_put(srv, entry);
    return has ? 0 : ENOENT;
}

int srv_entry_rename(struct srvfs *srv, struct srv_entry *entry, const char *from, const char *to,
                     struct srv_entry *over)
{
    char *copy = strdup(to);
    int err = 0;

    if (copy == NULL)
        return ENOMEM;
    pthread_mutex_lock(&srv->lock);
    if (entry->name == NULL || strcmp(entry->name, from) != 0)
        err = ENOENT;
    else if (find(srv, to) != over)
        err = EEXIST;
    if (err == 0 && over != entry) {
        if (over != NULL)
            unname(srv, over);
        char *old = entry->name;
        entry->name = copy;
        copy = old;
        changed(srv);
    }
    bool replaced = err == 0 && over != NULL && over != entry;
    pthread_mutex_unlock(&srv->lock);
    free(copy);
    if (replaced)
        srv_entry_put(srv, over);
    return err;
}

void srv_entry_use(struct srv_entry *entry)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    entry->used = now.tv_sec;
}

struct srv_entry *srv_lingering(struct srvfs *srv)
{
    struct srv_entry *found = NULL;
    struct timespec now;
    struct list *item;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    pthread_mutex_lock(&srv->lock);
    list_for_each (item, &srv->removed) {
        struct srv_entry *entry = list_entry(item, struct srv_entry, sibling);
        if (entry->used == 0 || now.tv_sec - entry->used >= (time_t)srv->options.linger) {
            /* Moved to the end of the list, so that the next call finds another one. */
            found = referenced(entry);
            list_remove(&entry->sibling);
            list_append(&srv->removed, &entry->sibling);
            break;
        }
    }
    pthread_mutex_unlock(&srv->lock);
    return found;
}

void srv_entries_init(struct srvfs *srv)
{
    pthread_mutex_init(&srv->lock, NULL);
    list_init(&srv->names);
    list_init(&srv->removed);
    srv->next_cookie = VCOOKIE_FIRST;
    srv->next_id = 2; /* fileids: the root has 1 */
    randombytes_buf(srv->boot, sizeof(srv->boot));
    srv->mode = (uint32_t)srv->options.mode;
    srv->uid = (uint32_t)srv->options.uid;
    srv->gid = (uint32_t)srv->options.gid;
    changed(srv);
}

void srv_entries_finish(struct srvfs *srv)
{
    while (!list_empty(&srv->names)) {
        struct srv_entry *entry = list_entry(srv->names.next, struct srv_entry, sibling);
        unname(srv, entry);
        srv_entry_put(srv, entry);
    }
    pthread_mutex_destroy(&srv->lock);
}
