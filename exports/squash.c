/*
 * squash.c - makes the credential that a call runs with from the ids that the call claims.
 *
 * The gate (access/) calls this for each request, after export_ask().
 */
#include "base/cred.h"
#include "exports/internal.h"
#include <string.h>

/* setfsuid(2) and setfsgid(2) take -1 as a question and not as an identity, so no user may have
 * this id. */
#define NO_ID UINT32_MAX

static bool manage_gids; /* set while the server starts */

void export_manage_gids(bool on)
{
    manage_gids = on;
}

/* The credential that this thread sealed last, if it had no more groups than a call can bring. */
static _Thread_local struct {
    bool known;
    uid_t uid;
    gid_t gid;
    uint32_t ngroups;
    gid_t groups[RPC_GIDS_MAX];
    uint64_t hash;
} last;

/*
 * Seals a credential. Copies the hash of the last one if that is equal, since cred_seal() costs
 * more than all else here, and a client's next request mostly is of that user, too. All that is
 * hashed is compared, so neither squashing nor a reload can make the copy wrong.
 */
static void cred_seal_again(struct cred *cred)
{
    size_t size = cred->ngroups * sizeof(gid_t);

    if (last.known && last.uid == cred->uid && last.gid == cred->gid &&
        last.ngroups == cred->ngroups &&
        (size == 0 || memcmp(last.groups, cred->groups, size) == 0)) {
        cred->hash = last.hash;
        return;
    }
    cred_seal(cred);
    last.known = cred->ngroups <= RPC_GIDS_MAX;
    if (!last.known)
        return;
    last.uid = cred->uid;
    last.gid = cred->gid;
    last.ngroups = cred->ngroups;
    last.hash = cred->hash;
    if (size > 0)
        memcpy(last.groups, cred->groups, size);
}

static uint32_t squash_gid(const struct export_options *options, uint32_t gid)
{
    bool squash = gid == NO_ID || (gid == 0 && options->root_squash);

    return squash ? options->anon_gid : gid;
}

static uint32_t squash_uid(const struct export_options *options, uint32_t uid)
{
    bool squash = uid == NO_ID || (uid == 0 && options->root_squash);

    return squash ? options->anon_uid : uid;
}

/* Gives a credential the groups of a list from the user database; `storage` takes over the
 * reference. */
static void cred_take_groups(const struct export_options *options, struct groups *groups,
                             struct cred *cred, struct export_cred_storage *storage)
{
    if (options->root_squash)
        groups = groups_replace(groups, 0, options->anon_gid);
    cred->ngroups = 0;
    cred->groups = NULL;
    if (groups) { /* else there was no memory for the copy: no groups are safer than root's */
        cred->ngroups = groups->count;
        cred->groups = groups->count > 0 ? groups->gids : NULL;
    }
    storage->managed = groups;
}

/* Takes the groups from this host's user database, and no others. A user that the database does not
 * know has no groups. Nor has any user of which it can't tell, while the name service fails and no
 * older answer is in force. While the database is silent nothing is known, and the call must come
 * again. A squashed caller has the groups of the user that the call was squashed to. */
static int cred_managed_groups(const struct export_options *options, struct cred *cred,
                               struct export_cred_storage *storage)
{
    struct groups *groups;
    int err = groups_get(cred->uid, &groups);

    if (groups)
        cred_take_groups(options, groups, cred, storage);
    return err;
}

/* Takes the groups that the call brought: borrowed where none has to be squashed, else copied. */
static void cred_given_groups(const struct export_options *options, const struct rpc_auth *auth,
                              struct cred *cred, struct export_cred_storage *storage)
{
    bool same = true;

    for (uint32_t i = 0; i < auth->ngids && i < RPC_GIDS_MAX; i++) {
        storage->gids[i] = squash_gid(options, auth->gids[i]);
        same &= storage->gids[i] == auth->gids[i];
        cred->ngroups++;
    }
    cred->groups = same ? auth->gids : storage->gids;
}

int export_cred(const struct export_client *client, const struct rpc_auth *auth, struct cred *cred,
                struct export_cred_storage *storage)
{
    const struct export_options *options = &client->options;
    int err = 0;

    memset(cred, 0, sizeof(*cred));
    storage->managed = NULL;
    if (auth->flavor != RPC_AUTH_SYS || options->all_squash) {
        cred->uid = options->anon_uid;
        cred->gid = options->anon_gid;
    } else {
        cred->uid = squash_uid(options, auth->uid);
        cred->gid = squash_gid(options, auth->gid);
        if (manage_gids)
            err = cred_managed_groups(options, cred, storage);
        else
            cred_given_groups(options, auth, cred, storage);
        if (!cred->ngroups)
            cred->groups = NULL;
    }
    cred_seal_again(cred);
    return err;
}

static bool groups_have(const struct groups *groups, uint32_t gid)
{
    for (uint32_t i = 0; groups && i < groups->count; i++)
        if (groups->gids[i] == gid)
            return true;
    return false;
}

int export_cred_of_user(const struct export_client *client, const struct rpc_auth *auth,
                        struct cred *cred, struct export_cred_storage *storage)
{
    const struct export_options *options = &client->options;
    /* The call's own group is kept, for new files, if it is one of the user's groups. */
    struct groups *groups;
    struct rpc_auth known = {.flavor = RPC_AUTH_SYS, .uid = auth->uid, .gid = options->anon_gid};
    int err = groups_get(auth->uid, &groups);

    if (err != 0)
        return err;
    if (groups_have(groups, auth->gid))
        known.gid = auth->gid;
    else if (groups && groups->count > 0)
        known.gid = groups->gids[0]; /* getgrouplist(3) lists the user's own group first */
    err = export_cred(client, &known, cred, storage);
    if (err != 0 || options->all_squash || !groups) {
        if (groups)
            ttl_cache_put(&groups->answer);
        return err;
    }
    export_cred_release(storage);
    cred_take_groups(options, groups, cred, storage);
    cred_seal_again(cred);
    return 0;
}

void export_cred_release(struct export_cred_storage *storage)
{
    struct groups *groups = storage->managed;

    storage->managed = NULL;
    if (groups)
        ttl_cache_put(&groups->answer);
}
