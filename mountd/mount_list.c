/*
 * mount_list.c - the list of mounts; see mount_list.h.
 *
 * Kept in memory, with a bounded number of entries. One lock guards all of it. While the lock is
 * held, no function of another file is called but the walk's, which only encodes.
 */
#include "mountd/mount_list.h"
#include "base/list.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MOUNT_LIST_MAX 1024

struct mount_entry {
    struct list link;
    struct address host;
    char path[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list entries = LIST_INIT(entries); /* guarded by lock; oldest first */
static size_t count;                             /* guarded by lock */

static struct mount_entry *entry_of(struct list *link)
{
    return list_entry(link, struct mount_entry, link);
}

static void mount_list_drop(struct mount_entry *entry)
{
    list_remove(&entry->link);
    count--;
    free(entry);
}

void mount_list_remove(const struct address *host, const char *path)
{
    struct list *pos, *next;

    pthread_mutex_lock(&lock);
    list_for_each_safe (pos, next, &entries) {
        struct mount_entry *entry = entry_of(pos);
        if (address_same_host(&entry->host, host) &&
            (path == NULL || strcmp(entry->path, path) == 0))
            mount_list_drop(entry);
    }
    pthread_mutex_unlock(&lock);
}

void mount_list_add(const struct address *host, const char *path)
{
    size_t size = strlen(path) + 1;
    struct mount_entry *entry = malloc(sizeof(*entry) + size);

    mount_list_remove(host, path);
    if (entry == NULL)
        return;
    entry->host = *host;
    memcpy(entry->path, path, size);
    pthread_mutex_lock(&lock);
    list_append(&entries, &entry->link);
    if (++count > MOUNT_LIST_MAX)
        mount_list_drop(entry_of(entries.next));
    pthread_mutex_unlock(&lock);
}

void mount_list_walk(bool (*each)(const struct address *host, const char *path, void *arg),
                     void *arg)
{
    struct list *pos;

    pthread_mutex_lock(&lock);
    list_for_each (pos, &entries) {
        struct mount_entry *entry = entry_of(pos);
        if (!each(&entry->host, entry->path, arg))
            break;
    }
    pthread_mutex_unlock(&lock);
}

void mount_list_finish(void)
{
    pthread_mutex_lock(&lock);
    while (!list_empty(&entries))
        mount_list_drop(entry_of(entries.next));
    pthread_mutex_unlock(&lock);
}
