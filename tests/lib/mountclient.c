/*
 * mountclient.c - the MOUNT program, and the fixture of most wire tests; see mountclient.h.
 */
#include "tests/lib/mountclient.h"
#include "tests/lib/test.h"
#include <string.h>

enum { MNT = 1, DUMP, UMNT, UMNTALL, EXPORT };

uint32_t ask_mnt(struct client *client, uint32_t version, const char *path,
                 struct mount_answer *answer)
{
    struct mount_answer ignored;

    put_string(client_begin(client, PROGRAM_MOUNT, version, MNT), path);
    struct cursor c = client_finish(client);
    uint32_t status = get_u32(&c);
    if (!answer)
        answer = &ignored;
    *answer = (struct mount_answer){0};
    if (status == MNT_OK && version == 3) {
        get_fh(&c, &answer->fh);
        answer->nflavors = get_u32(&c);
        assert_in_range(answer->nflavors, 1, 8);
        for (uint32_t i = 0; i < answer->nflavors; i++)
            answer->flavors[i] = get_u32(&c);
    } else if (status == MNT_OK) {
        answer->fh.len = 32;
        memcpy(answer->fh.data, get_fixed(&c, 32), 32);
    }
    cursor_expect_end(&c);
    return status;
}

void ask_umnt(struct client *client, uint32_t version, const char *path)
{
    put_string(client_begin(client, PROGRAM_MOUNT, version, UMNT), path);
    struct cursor c = client_finish(client);
    cursor_expect_end(&c);
}

void ask_umntall(struct client *client, uint32_t version)
{
    client_begin(client, PROGRAM_MOUNT, version, UMNTALL);
    struct cursor c = client_finish(client);
    cursor_expect_end(&c);
}

size_t ask_dump(struct client *client, uint32_t version, struct mount_entry *list, size_t max)
{
    size_t n = 0;

    client_begin(client, PROGRAM_MOUNT, version, DUMP);
    struct cursor c = client_finish(client);
    for (; get_bool(&c); n++) {
        struct mount_entry ignored, *entry = n < max ? &list[n] : &ignored;
        get_string(&c, entry->host, sizeof(entry->host));
        get_string(&c, entry->dir, sizeof(entry->dir));
    }
    cursor_expect_end(&c);
    return n;
}

size_t ask_export(struct client *client, uint32_t version, struct export_entry *list, size_t max)
{
    size_t n = 0;

    client_begin(client, PROGRAM_MOUNT, version, EXPORT);
    struct cursor c = client_finish(client);
    for (; get_bool(&c); n++) {
        struct export_entry ignored, *entry = n < max ? &list[n] : &ignored;
        *entry = (struct export_entry){0};
        get_string(&c, entry->dir, sizeof(entry->dir));
        while (get_bool(&c)) {
            char group[256];
            get_string(&c, group, sizeof(group));
            if (entry->ngroups < 8)
                strcpy(entry->groups[entry->ngroups], group);
            entry->ngroups++;
        }
    }
    cursor_expect_end(&c);
    return n;
}

void mounted_begin(struct mounted *m)
{
    server_prepare(&m->server, NULL);
    mounted_begin_prepared(m);
}

void mounted_begin_prepared(struct mounted *m)
{
    struct mount_answer answer;

    m->dir = m->server.export_dir;
    if (m->server.pid == 0)
        server_start(&m->server);
    client_connect(&m->client, m->server.port, 0);
    assert_int_equal(ask_mnt(&m->client, 3, m->dir, &answer), MNT_OK);
    m->root = answer.fh;
}

void mounted_begin_with(struct mounted *m, const char *arg)
{
    server_prepare(&m->server, NULL);
    server_add_arg(&m->server, arg);
    mounted_begin_prepared(m);
}

void mounted_reconnect(struct mounted *m)
{
    client_disconnect(&m->client);
    client_connect(&m->client, m->server.port, 0);
}

void mounted_end(struct mounted *m)
{
    client_disconnect(&m->client);
    server_finish(&m->server);
}

struct fh mounted_lookup(struct mounted *m, const char *name)
{
    struct fh fh;

    expect_ok(ask_lookup(&m->client, &m->root, name, &fh, NULL, NULL));
    return fh;
}

struct fh mounted_walk(struct mounted *m, const char *path)
{
    struct fh fh = m->root;
    char copy[4096], *rest = copy;

    assert_true(strlen(path) < sizeof(copy));
    strcpy(copy, path);
    for (char *name; (name = strsep(&rest, "/"));)
        expect_ok(ask_lookup(&m->client, &fh, name, &fh, NULL, NULL));
    return fh;
}
