/*
 * mountclient.h - the MOUNT program (RFC 1813 appendix I), versions 1 and 3, and the usual way to
 * get at an export: the fixture of most wire tests.
 */
#ifndef TESTS_LIB_MOUNTCLIENT_H
#define TESTS_LIB_MOUNTCLIENT_H

#include "tests/lib/nfs3client.h"
#include "tests/lib/server.h"

enum mount3_status {
    MNT_OK = 0,
    MNT_PERM = 1,
    MNT_NOENT = 2,
    MNT_IO = 5,
    MNT_ACCES = 13,
    MNT_NOTDIR = 20,
    MNT_INVAL = 22,
    MNT_NAMETOOLONG = 63,
};

struct mount_answer {
    struct fh fh;
    uint32_t nflavors; /* version 3 */
    uint32_t flavors[8];
};
/* version 1 or 3; the mountstat3, or version 1's status. */
uint32_t ask_mnt(struct client *client, uint32_t version, const char *path,
                 struct mount_answer *answer);
void ask_umnt(struct client *client, uint32_t version, const char *path);
void ask_umntall(struct client *client, uint32_t version);

struct mount_entry {
    char host[256], dir[1025];
};
/* At most `max` of them are kept; how many there were. */
size_t ask_dump(struct client *client, uint32_t version, struct mount_entry *list, size_t max);
struct export_entry {
    char dir[1025];
    uint32_t ngroups;
    char groups[8][256]; /* the first ones */
};
size_t ask_export(struct client *client, uint32_t version, struct export_entry *list, size_t max);

/* A server, a client over TCP, and the root of the export: what most tests begin with. */
struct mounted {
    struct server server;
    struct client client;
    struct fh root;
    const char *dir; /* the export on the host: server.export_dir */
};
/* A server with nothing special; or one that was prepared (m->server) and maybe given options. */
void mounted_begin(struct mounted *m);
void mounted_begin_prepared(struct mounted *m);
/* With one more argument on its command line. */
void mounted_begin_with(struct mounted *m, const char *arg);
/* Connects and mounts again, after a restart of the server. m->root stays as it was. */
void mounted_reconnect(struct mounted *m);
void mounted_end(struct mounted *m);

/* The handle of a name in the export's root. */
struct fh mounted_lookup(struct mounted *m, const char *name);
/* A path below the root, looked up name by name. */
struct fh mounted_walk(struct mounted *m, const char *path);

#endif
