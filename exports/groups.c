/*
 * groups.c - a user's groups by this host's user database (--manage-gids). Used by squash.c.
 *
 * Answers are kept by uid for a while (ttl_cache.h): a change of /etc/group is seen within a
 * minute.
 */
#include "exports/internal.h"
#include "exports/resolver.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PASSWD_BUFFER_MAX (1 << 20) /* a longer entry is taken for a failure of the database */

static struct groups *groups_create(enum ttl_kind kind, uint32_t room)
{
    struct groups *groups = calloc(1, sizeof(*groups) + room * sizeof(gid_t));

    if (groups) {
        groups->answer.refs = 1;
        groups->answer.kind = kind;
    }
    return groups;
}

static struct groups *groups_of_user(const char *user, gid_t gid)
{
    int room = 64;

    for (;;) {
        struct groups *groups = groups_create(TTL_FOUND, (uint32_t)room);
        int count = room;

        if (!groups)
            return NULL;
        if (getgrouplist(user, gid, groups->gids, &count) >= 0 || room == CRED_GROUPS_MAX) {
            groups->count = (uint32_t)(count < room ? count : room);
            return groups;
        }
        free(groups);
        room = count > room ? count : room * 2;
        if (room > CRED_GROUPS_MAX)
            room = CRED_GROUPS_MAX;
    }
}

/* Asks the user database; the key is a uid_t. */
static struct ttl_answer *ask_groups(const void *key, size_t len)
{
    struct passwd entry, *found = NULL;
    struct groups *groups = NULL;
    char *buffer = NULL;
    size_t size = 1024;
    int err;
    uid_t uid;

    memcpy(&uid, key, len);
    do {
        free(buffer);
        size *= 2;
        buffer = malloc(size);
        if (!buffer)
            return NULL;
        err = getpwuid_r(uid, &entry, buffer, size, &found);
    } while (err == ERANGE && size < PASSWD_BUFFER_MAX);

    /* By POSIX an unknown user may be success with nothing found, or one of these errors. */
    bool unknown = err == ENOENT || err == ESRCH || (err == 0 && !found);
    if (found)
        groups = groups_of_user(found->pw_name, found->pw_gid);
    else
        groups = groups_create(unknown ? TTL_NONE : TTL_FAILED, 0);
    free(buffer);
    return groups ? &groups->answer : NULL;
}

static struct ttl_cache groups_of_uids = TTL_CACHE_INIT(ask_groups, TTL_OLD_SEC);

int groups_get(uid_t uid, struct groups **groups)
{
    struct ttl_answer *answer;
    int err = ttl_cache_get(&groups_of_uids, &uid, sizeof(uid), RESOLVER_WAIT, &answer);

    if (answer && answer->kind != TTL_FOUND) {
        ttl_cache_put(answer);
        answer = NULL;
    }
    *groups = (struct groups *)answer;
    return err;
}

struct groups *groups_replace(struct groups *list, gid_t from, gid_t to)
{
    bool has = false;

    for (uint32_t i = 0; i < list->count && !has; i++)
        has = list->gids[i] == from;
    if (!has)
        return list;

    struct groups *copy = groups_create(TTL_FOUND, list->count);
    if (copy) {
        copy->count = list->count;
        for (uint32_t i = 0; i < list->count; i++)
            copy->gids[i] = list->gids[i] == from ? to : list->gids[i];
    }
    ttl_cache_put(&list->answer);
    return copy;
}

void groups_clear(void)
{
    ttl_cache_clear(&groups_of_uids);
}
