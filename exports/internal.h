/*
 * internal.h - what the files of exports/ offer to each other (but draft.h, reader.h, ttl_cache.h).
 */
#ifndef EXPORTS_INTERNAL_H
#define EXPORTS_INTERNAL_H

#include "exports/draft.h"
#include "exports/ttl_cache.h"

/* options.c: exports(5)'s defaults, and one option word of a list. *said: what the list has said so
 * far, 0 at its beginning. EINVAL with a message, also where the word contradicts an earlier one.
 */
void options_default(struct export_options *options);
int options_apply(struct draft *draft, struct export_options *options, uint32_t *said,
                  const char *word);
/* Whether the word is one of exports(5)'s, whatever its value. */
bool options_known(const char *word);

/* client.c: fills in kind, network and prefix from the text of a client; *why names what is wrong
 * with it. EINVAL. */
int client_parse(const char *text, struct export_client *client, const char **why);
/* Whether both stand for the same hosts by what is written. */
bool client_same(const struct export_client *a, const struct export_client *b);
/* Negative where `a` is to be asked before `b`, 0 where it makes no difference. */
int client_order(const struct export_client *a, const struct export_client *b);

/* match.c: whether a client that is a network has this address. */
bool client_network_has(const struct export_client *client, const struct address *peer);
/* The same for one that is a pattern of addresses. */
bool client_pattern_has(const struct export_client *client, const struct address *peer);

/* place.c: which directory the path leads to; ENOTDIR where to something else. mount_too: an
 * automount is to be mounted. */
int place_look(const char *path, bool mount_too, struct export_place *place);
bool place_same(const struct export_place *a, const struct export_place *b);
/* Whether `path` is the place, or below it; across mounts only where those are crossed. */
bool place_holds(const struct export_place *place, bool crossmnt, const char *path);
/* Whether an error says that something is not there now, and may be later; in words. ETIMEDOUT is
 * look.h's. */
bool is_absence(int error);
const char *absence_text(int error);

/* load.c: mounts the file system of an export by what the last load said of all of them; why: one
 * line, or "". */
int load_mount_export(struct export *export, char *why, size_t size);
/* Held by who makes a new table from the current one. */
void load_lock(void);
void load_unlock(void);
uint64_t load_next_serial(void);

/* export.c: frees what an export holds, and a whole table. NULL is accepted. */
void export_clear(struct export *export);
void exports_destroy(struct exports *table);

/* current.c: the table in use, for its replacer only; puts `fresh` in its place. */
struct exports *current_table(void);
void current_replace(struct exports *fresh);

/* names.c: whether the host called `name` has this address; whether the host with this address
 * has a name that fits `pattern`. They wait so many ms for the answer, and say so. VFS_EJUKEBOX:
 * not known yet. */
int names_has_address(const char *name, const struct address *peer, int wait, bool *has);
int names_fits(const char *pattern, const struct address *peer, int wait, bool *fits);
/* Has the addresses of a name asked for, before they are needed; *kind: whether there are any. */
int names_fetch(const char *name, int wait, enum ttl_kind *kind);
void names_clear(void);

/* name_check.c: has every host name of the draft looked up, and warns of those that can't be found;
 * on a thread of its own, or with `wait` before it returns. Takes the names out of the draft. */
void names_check(struct draft *draft, bool wait);

/* groups.c: a uid's groups by the user database; refcounted by its answer. */
struct groups {
    struct ttl_answer answer;
    uint32_t count;
    gid_t gids[];
};
/* To *groups, with a reference; NULL: unknown user, or the database says that it can't tell.
 * VFS_EJUKEBOX: it has not answered yet. May sleep for some seconds, and says so. */
int groups_get(uid_t uid, struct groups **groups);
/* Like `list`, which is put, but with every gid `from` as `to`. NULL: no memory. */
struct groups *groups_replace(struct groups *list, gid_t from, gid_t to);
void groups_clear(void);

#endif
