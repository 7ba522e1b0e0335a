/*
 * nfs3listing.c - READDIR, READDIRPLUS, and the procedures about whole file systems: FSSTAT,
 * FSINFO, PATHCONF, COMMIT. See nfs3client.h.
 */
#include "tests/lib/nfs3client.h"
#include "tests/lib/test.h"
#include <stdlib.h>
#include <string.h>

enum { READDIR = 16, READDIRPLUS, FSSTAT, FSINFO, PATHCONF, COMMIT };

void listing_free(struct listing *listing)
{
    free(listing->list);
    *listing = (struct listing){0};
}

const struct entry *listing_find(const struct listing *listing, const char *name)
{
    for (size_t i = 0; i < listing->count; i++)
        if (strcmp(listing->list[i].name, name) == 0)
            return &listing->list[i];
    return NULL;
}

static struct entry *listing_add(struct listing *listing)
{
    if ((listing->count & (listing->count - 1)) == 0) {
        size_t room = listing->count ? 2 * listing->count : 1;
        listing->list = realloc(listing->list, room * sizeof(*listing->list));
        assert_non_null(listing->list);
    }
    struct entry *entry = &listing->list[listing->count++];
    *entry = (struct entry){0};
    return entry;
}

/* Takes one page's reply apart; entries are added to those `listing` has. */
static uint32_t finish_listing(struct client *client, bool plus, struct listing *listing)
{
    struct cursor c = client_finish(client);
    uint32_t status = get_u32(&c);
    const uint8_t *start = c.at;

    get_post_attr(&c, &listing->dir);
    if (status == NFS_OK) {
        listing->verifier = get_u64(&c);
        while (get_bool(&c)) {
            struct entry *entry = listing_add(listing);
            entry->fileid = get_u64(&c);
            get_string(&c, entry->name, sizeof(entry->name));
            entry->cookie = get_u64(&c);
            if (plus) {
                get_post_attr(&c, &entry->attr);
                entry->has_fh = get_bool(&c);
                if (entry->has_fh)
                    get_fh(&c, &entry->fh);
            }
        }
        listing->eof = get_bool(&c);
        listing->reply_bytes = c.at - start;
    }
    cursor_expect_end(&c);
    return status;
}

static void send_readdir(struct client *client, const struct fh *dir, uint64_t cookie,
                         uint64_t verifier, uint32_t count)
{
    struct bytes *b = nfs3_begin(client, READDIR);

    put_fh(b, dir);
    put_u64(b, cookie);
    put_u64(b, verifier);
    put_u32(b, count);
}

static void send_readdirplus(struct client *client, const struct fh *dir, uint64_t cookie,
                             uint64_t verifier, uint32_t dircount, uint32_t maxcount)
{
    struct bytes *b = nfs3_begin(client, READDIRPLUS);

    put_fh(b, dir);
    put_u64(b, cookie);
    put_u64(b, verifier);
    put_u32(b, dircount);
    put_u32(b, maxcount);
}

uint32_t ask_readdir(struct client *client, const struct fh *dir, uint64_t cookie,
                     uint64_t verifier, uint32_t count, struct listing *listing)
{
    listing_free(listing);
    send_readdir(client, dir, cookie, verifier, count);
    return finish_listing(client, false, listing);
}

uint32_t ask_readdirplus(struct client *client, const struct fh *dir, uint64_t cookie,
                         uint64_t verifier, uint32_t dircount, uint32_t maxcount,
                         struct listing *listing)
{
    listing_free(listing);
    send_readdirplus(client, dir, cookie, verifier, dircount, maxcount);
    return finish_listing(client, true, listing);
}

uint32_t ask_readdir_all(struct client *client, const struct fh *dir, uint32_t count, bool plus,
                         struct listing *listing)
{
    uint64_t cookie = 0;

    listing_free(listing);
    do {
        size_t before = listing->count;
        if (plus)
            send_readdirplus(client, dir, cookie, listing->verifier, count, count);
        else
            send_readdir(client, dir, cookie, listing->verifier, count);
        uint32_t status = finish_listing(client, plus, listing);
        if (status != NFS_OK)
            return status;
        if (listing->count == before && !listing->eof)
            fail_msg("a page without entries is not the last one: the client would loop");
        if (listing->count > before)
            cookie = listing->list[listing->count - 1].cookie;
    } while (!listing->eof);
    return NFS_OK;
}

uint32_t ask_fsstat(struct client *client, const struct fh *fh, struct nfs3_fsstat *result)
{
    put_fh(nfs3_begin(client, FSSTAT), fh);
    struct cursor c = client_finish(client);
    uint32_t status = get_u32(&c);
    *result = (struct nfs3_fsstat){0};
    get_post_attr(&c, &result->attr);
    if (status == NFS_OK) {
        result->total_bytes = get_u64(&c);
        result->free_bytes = get_u64(&c);
        result->avail_bytes = get_u64(&c);
        result->total_files = get_u64(&c);
        result->free_files = get_u64(&c);
        result->avail_files = get_u64(&c);
        result->invarsec = get_u32(&c);
    }
    cursor_expect_end(&c);
    return status;
}

uint32_t ask_fsinfo(struct client *client, const struct fh *fh, struct nfs3_fsinfo *result)
{
    put_fh(nfs3_begin(client, FSINFO), fh);
    struct cursor c = client_finish(client);
    uint32_t status = get_u32(&c);
    *result = (struct nfs3_fsinfo){0};
    get_post_attr(&c, &result->attr);
    if (status == NFS_OK) {
        result->rtmax = get_u32(&c);
        result->rtpref = get_u32(&c);
        result->rtmult = get_u32(&c);
        result->wtmax = get_u32(&c);
        result->wtpref = get_u32(&c);
        result->wtmult = get_u32(&c);
        result->dtpref = get_u32(&c);
        result->maxfilesize = get_u64(&c);
        result->time_delta.sec = get_u32(&c);
        result->time_delta.nsec = get_u32(&c);
        result->properties = get_u32(&c);
    }
    cursor_expect_end(&c);
    return status;
}

uint32_t ask_pathconf(struct client *client, const struct fh *fh, struct nfs3_pathconf *result)
{
    put_fh(nfs3_begin(client, PATHCONF), fh);
    struct cursor c = client_finish(client);
    uint32_t status = get_u32(&c);
    *result = (struct nfs3_pathconf){0};
    get_post_attr(&c, &result->attr);
    if (status == NFS_OK) {
        result->linkmax = get_u32(&c);
        result->name_max = get_u32(&c);
        result->no_trunc = get_bool(&c);
        result->chown_restricted = get_bool(&c);
        result->case_insensitive = get_bool(&c);
        result->case_preserving = get_bool(&c);
    }
    cursor_expect_end(&c);
    return status;
}

uint32_t ask_commit(struct client *client, const struct fh *fh, uint64_t offset, uint32_t count,
                    uint64_t *verifier, struct wcc *wcc)
{
    struct bytes *b = nfs3_begin(client, COMMIT);

    put_fh(b, fh);
    put_u64(b, offset);
    put_u32(b, count);
    struct cursor c = client_finish(client);
    uint32_t status = get_u32(&c);
    get_wcc(&c, wcc);
    if (status == NFS_OK) {
        uint64_t got = get_u64(&c);
        if (verifier)
            *verifier = got;
    }
    cursor_expect_end(&c);
    return status;
}
