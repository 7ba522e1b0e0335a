/*
 * server.c - the real server under attack: who works with it meanwhile gets right answers in time,
 * and it neither grows nor dies.
 */
#include "tests/fuzz/attack.h"
#include "tests/fuzz/random.h"
#include "tests/lib/host.h"
#include "tests/lib/mountclient.h"
#include "tests/lib/test.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>

/* One step of the good client may take so long. */
#define DELAY_MS      1000
#define ATTACKERS_MAX 16
/* What every connection of the attackers takes at most, and the server itself. */
#define FDS_MAX 1000
#ifdef __SANITIZE_ADDRESS__
#define RSS_MAX_KB (1500 * 1024)
#else
#define RSS_MAX_KB (300 * 1024)
#endif

static unsigned server_fds(const struct server *server)
{
    char path[64];
    unsigned count = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)server->pid);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static unsigned long server_rss_kb(const struct server *server)
{
    char path[64], line[200];
    unsigned long kb = 0;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)server->pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "VmRSS: %lu", &kb) == 1)
            break;
    fclose(file);
    return kb;
}

/* The good client's work, in steps that are timed. */
struct work {
    struct mounted *m;
    struct random random;
    int64_t begun, longest;
    const char *slowest;
};

static void step_begin(struct work *work)
{
    work->begun = fuzz_now_ms();
}

static void step_end(struct work *work, const char *what)
{
    int64_t took = fuzz_now_ms() - work->begun;

    if (took > work->longest) {
        work->longest = took;
        work->slowest = what;
    }
    if (took > DELAY_MS)
        fail_msg("%s took %lld ms", what, (long long)took);
    step_begin(work);
}

/* As clients do: asks again when told to. */
static uint32_t ask_getattr_patiently(struct client *client, const struct fh *fh, struct attr *attr)
{
    uint32_t status = ask_getattr(client, fh, attr);

    for (int i = 0; status == NFS_JUKEBOX && i < 20; i++) {
        host_sleep_ms(10);
        status = ask_getattr(client, fh, attr);
    }
    return status;
}

/* A file comes, holds what was written, is listed, and goes. */
static void work_once(struct work *work)
{
    struct client *client = &work->m->client;
    const struct fh *root = &work->m->root;
    static uint8_t data[50000];
    const uint32_t len = 1 + random_below(&work->random, sizeof(data));
    struct listing listing = {0};
    struct nfs3_write written;
    struct nfs3_read got;
    struct made made;
    struct attr attr;
    char name[32];

    snprintf(name, sizeof(name), "file %u", random_below(&work->random, 1000000));
    random_fill(&work->random, data, len);
    step_begin(work);
    expect_ok(ask_create(client, root, name, H_GUARDED, NULL, NULL, &made));
    assert_true(made.has_fh);
    step_end(work, "CREATE");
    expect_ok(ask_write(client, &made.fh, 0, data, len, S_UNSTABLE, &written));
    assert_int_equal(written.count, len);
    step_end(work, "WRITE");
    expect_ok(ask_getattr(client, &made.fh, &attr));
    assert_int_equal(attr.size, len);
    step_end(work, "GETATTR");
    expect_ok(ask_read(client, &made.fh, 0, sizeof(data), &got));
    assert_int_equal(got.count, len);
    assert_memory_equal(got.data, data, len);
    step_end(work, "READ");
    expect_ok(ask_readdir(client, root, 0, 0, 4096, &listing));
    assert_non_null(listing_find(&listing, name));
    listing_free(&listing);
    step_end(work, "READDIR");
    expect_ok(ask_remove(client, root, name, NULL));
    expect_status(ask_getattr_patiently(client, &made.fh, &attr), NFS_STALE);
    step_end(work, "REMOVE");
}

/* What is below the attackers' directory is theirs; beside it nothing may happen. */
static void begin_server(struct mounted *m, char *theirs, size_t size)
{
    static char spec[200], mine[200];

    server_prepare(&m->server, NULL);
    host_mkdir(m->server.home, "theirs", 0777);
    snprintf(theirs, size, "%s/theirs", m->server.home);
    host_write(theirs, "file", "a file\n");
    host_mkdir(theirs, "dir", 0777);
    snprintf(spec, sizeof(spec), "--export=%s,rw,no_root_squash,insecure,async", theirs);
    snprintf(mine, sizeof(mine), "--export=%s,rw,no_root_squash,async%s", m->server.export_dir,
             server_is_root() ? "" : ",insecure");
    m->server.no_plain_export = true;
    server_add_arg(&m->server, mine);
    server_add_arg(&m->server, spec);
    mounted_begin_prepared(m);
}

static void stop_all(struct attack *attacks)
{
    for (size_t i = 0; i < attack_count; i++)
        attack_stop(&attacks[i]);
}

/* What the attackers had is given back: their connections were reset. */
static void expect_fds(const struct server *server, unsigned most)
{
    for (int ms = 0; ms < 3000 && server_fds(server) > most; ms += 50)
        host_sleep_ms(50);
    assert_in_range(server_fds(server), 1, most);
}

TEST(a_server_under_attack_serves_others_and_stays_small)
{
    struct attack attacks[ATTACKERS_MAX];
    struct mounted m = {.dir = NULL};
    char theirs[100];
    struct work work = {.m = &m};
    unsigned long rss = 0;
    unsigned fds = 0;
    struct fuzz fuzz;

    begin_server(&m, theirs, sizeof(theirs));
    const unsigned fds_before = server_fds(&m.server);
    fuzz_begin(&fuzz, 20260108);
    random_seed(&work.random, 1);
    assert_true(attack_count <= ATTACKERS_MAX);
    for (size_t i = 0; i < attack_count; i++) {
        attacks[i] =
            (struct attack){.port = m.server.port, .export_dir = theirs, .seed = fuzz.random.state};
        attack_start(&attacks[i], i);
    }
    while (fuzz_goes_on(&fuzz)) {
        work_once(&work);
        if (fuzz.rounds % 16 == 0) {
            fds = server_fds(&m.server) > fds ? server_fds(&m.server) : fds;
            rss = server_rss_kb(&m.server) > rss ? server_rss_kb(&m.server) : rss;
        }
    }
    stop_all(attacks);
    test_note("the longest step took %lld ms (%s); at most %u descriptors, %lu KiB",
              (long long)work.longest, work.slowest, fds, rss);
    assert_in_range(fds, 0, FDS_MAX);
    assert_in_range(rss, 0, RSS_MAX_KB);
    expect_fds(&m.server, fds_before + 64);
    mounted_end(&m); /* SIGTERM, which must end it with 0 */
}

TEST(a_server_ends_in_time_while_it_is_attacked)
{
    struct attack attacks[ATTACKERS_MAX];
    struct mounted m = {.dir = NULL};
    char theirs[100];

    begin_server(&m, theirs, sizeof(theirs));
    for (size_t i = 0; i < attack_count; i++) {
        attacks[i] = (struct attack){.port = m.server.port, .export_dir = theirs, .seed = i};
        attack_start(&attacks[i], i);
    }
    host_sleep_ms(700);
    server_stop(&m.server);
    stop_all(attacks);
    mounted_end(&m);
}
