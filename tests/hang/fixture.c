/*
 * fixture.c - see fixture.h.
 */
#include "tests/hang/fixture.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define GETATTR 1

void hang_prepare(struct hang *h)
{
    static char spec[256];

    memset(h, 0, sizeof(*h));
    host_private_mounts();
    server_prepare(&h->m.server, NULL);
    snprintf(h->dir, sizeof(h->dir), "%s/hung", h->m.server.home);
    host_mkdir(h->m.server.home, "hung", 0777);
    h->fuse = hung_fuse_mount(h->dir);
    snprintf(spec, sizeof(spec), "%s,client=127.0.0.0/8,rw,no_root_squash,insecure", h->dir);
    server_add_arg(&h->m.server, "--export");
    server_add_arg(&h->m.server, spec);
}

void hang_begin(struct hang *h)
{
    mounted_begin_prepared(&h->m);
    h->root = hang_mnt(h, h->dir);
}

void hang_end(struct hang *h)
{
    h->fuse->hung = false;
    mounted_end(&h->m);
    hung_fuse_kill(h->fuse, h->dir);
}

struct fh hang_mnt(struct hang *h, const char *path)
{
    struct mount_answer answer;

    assert_int_equal(ask_mnt(&h->m.client, 3, path, &answer), 0);
    return answer.fh;
}

uint32_t hang_send_getattr(struct client *client, const struct fh *fh)
{
    put_fh(client_begin(client, PROGRAM_NFS, 3, GETATTR), fh);
    client_send(client);
    return client->xid;
}

uint32_t hang_status(struct client *client)
{
    struct reply reply;

    assert_true(client_receive(client, &reply));
    assert_int_equal(reply.kind, REPLY_ACCEPTED);
    assert_int_equal(reply.status, ACCEPT_SUCCESS);
    return get_u32(&reply.results);
}

void hang_statuses(struct client *client, unsigned count, unsigned *ok, unsigned *jukebox)
{
    *ok = *jukebox = 0;
    while (count-- > 0) {
        uint32_t status = hang_status(client);
        if (status == NFS_JUKEBOX)
            ++*jukebox;
        else
            ++*ok;
        assert_true(status == NFS_JUKEBOX || status == NFS_OK);
    }
}

/* Whether the kernel has nothing left of the process but threads that nobody can end. */
static bool has_left(pid_t pid)
{
    char path[64], text[512] = "";

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return true;
    size_t n = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[n] = '\0';
    const char *end = strrchr(text, ')');
    return end == NULL || end[2] == 'Z' || end[2] == 'X';
}

void hang_expect_end(struct hang *h)
{
    kill(h->m.server.pid, SIGTERM);
    for (int i = 0; !has_left(h->m.server.pid); i++) {
        if (i == 2000) /* TimeoutStopSec */
            fail_msg("the server has not ended in 20 s");
        host_sleep_ms(10);
    }
}
