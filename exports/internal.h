/*
 * internal.h - functions that the files of exports/ share (draft.h, reader.h and ttl_cache.h have
 * others).
 */
#ifndef EXPORTS_INTERNAL_H
#define EXPORTS_INTERNAL_H

#include "exports/draft.h"
#include "exports/ttl_cache.h"

/* options.c: exports(5)'s defaults, and one option word of a list. *said notes which options the
 * list has named, 0 at its beginning. EINVAL with a message: the word is unknown, has a wrong
 * value, or contradicts an earlier one. */
void options_default(struct export_options *options);
int options_apply(struct draft *draft, struct export_options *options, uint32_t *said,
                  const char *word);
/* Whether the word is an option of exports(5), whatever its value. */
bool options_known(const char *word);

/* client.c: fills in kind, network and prefix from the text of a client. EINVAL: *why says what is
 * wrong with the text. */
int client_parse(const char *text, struct export_client *client, const char **why);
/* Whether both clients stand for one set of hosts, judged by what is written. */
bool client_same(const struct export_client *a, const struct export_client *b);
/* Negative where `a` is to be tried before `b`, 0 where the order makes no difference. */
int client_order(const struct export_client *a, const struct export_client *b);

/* match.c: whether a client of the kind network has this address. */
bool client_network_has(const struct export_client *client, const struct address *peer);
/* Whether a client of the kind pattern has this address. */
bool client_pattern_has(const struct export_client *client, const struct address *peer);

/* place.c: which directory the path leads to. ENOTDIR: it leads to something else. mount_too: an
 * automount on the way is to be mounted. */
int place_look(const char *path, bool mount_too, struct export_place *place);
bool place_same(const struct export_place *a, const struct export_place *b);
/* Whether `path` is the place or below it. Looks across mounts only if crossmnt is true. */
bool place_holds(const struct export_place *place, bool crossmnt, const char *path);
/* Whether an error (or look.h's ETIMEDOUT) says that something is missing now and may come later;
 * and that in words. */
bool is_absence(int err);
const char *absence_text(int err);

/* load.c: mounts the file system of an export, with the arguments that the last load gave for all.
 * `why`, of `size` bytes, becomes one line, or "". */
int load_mount_export(struct export *export, char *why, size_t size);
/* Held while a new table is made from the current one. */
void load_lock(void);
void load_unlock(void);
uint64_t load_next_serial(void);

/* export.c: frees what an export holds; frees a whole table (NULL is accepted). */
void export_clear(struct export *export);
void exports_destroy(struct exports *table);

/* current.c: the table in use, for the thread that holds load_lock(); and puts `fresh` in its
 * place. */
struct exports *current_table(void);
void current_replace(struct exports *fresh);

/* names.c: whether the host called `name` has this address; whether the host with this address has
 * a name that fits `pattern`. They wait at most `wait` milliseconds for the name service, after
 * sleep_announce(). VFS_EJUKEBOX: it has not answered yet. */
int names_has_address(const char *name, const struct address *peer, int wait, bool *has);
int names_fits(const char *pattern, const struct address *peer, int wait, bool *fits);
/* Asks for the addresses of a name before they are needed; *kind: whether there are any. `wait` and
 * errors as above. */
int names_fetch(const char *name, int wait, enum ttl_kind *kind);
void names_clear(void);

/* name_check.c: looks up every host name of the draft, and warns of those that can't be found. Does
 * so on a thread of its own, or with `wait` before it returns. Takes the names out of the draft. */
void names_check(struct draft *draft, bool wait);

/* groups.c: a uid's groups by the user database, counted by the references of its answer. */
struct groups {
    struct ttl_answer answer;
    uint32_t count;
    gid_t gids[];
};
/* Finds a uid's groups; *groups has a reference, or is NULL: the user is unknown, or the database
 * reports that it can't tell. VFS_EJUKEBOX: the database has not answered yet. May sleep for some
 * seconds, after sleep_announce(). */
int groups_get(uid_t uid, struct groups **groups);
/* A list like `list`, with every gid `from` replaced by `to`. Takes over the reference on `list`.
 * NULL: no memory. */
struct groups *groups_replace(struct groups *list, gid_t from, gid_t to);
void groups_clear(void);

#endif
