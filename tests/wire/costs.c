/*
 * costs.c - what calls cost, counted in system calls: so a slip is noticed that makes one dearer,
 * or dearer with what there is. What they cost in time is measured by bench/compare and
 * bench/scale.
 *
 * Counted are those that tests/fault/fault.c stands before: all that hostfs makes for a file but
 * getdents64 and readlinkat.
 */
#include "tests/lib/fault.h"
#include "tests/wire/written.h"
#include <stdio.h>
#include <unistd.h>

#define CALLS 200
/* What other threads of the server make meanwhile. */
#define OTHERS 20

struct place {
    struct mounted m;
    struct fh dir, file;
    unsigned made;
};

static void do_write(struct place *p);

static void begin(struct place *p)
{
    server_prepare(&p->m.server, NULL);
    fault_prepare(&p->m.server);
    mounted_begin_prepared(&p->m);
    fault_over();
    host_mkdir(p->m.dir, "dir", 0777);
    host_chmod(p->m.dir, "dir", 0777);
    p->dir = mounted_lookup(&p->m, "dir");
    expect_ok(ask_create(&p->m.client, &p->dir, "file", H_UNCHECKED, NULL, NULL, NULL));
    expect_ok(ask_lookup(&p->m.client, &p->dir, "file", &p->file, NULL, NULL));
    do_write(p);
    p->made = 0;
}

/* Files in the directory besides. */
static void fill(const struct place *p, unsigned files)
{
    char name[32];

    for (unsigned i = 0; i < files; i++) {
        snprintf(name, sizeof(name), "dir/other-%u", i);
        host_write(p->m.dir, name, "");
    }
}

static void do_getattr(struct place *p)
{
    struct attr attr;

    expect_ok(ask_getattr(&p->m.client, &p->file, &attr));
}

static void do_lookup(struct place *p)
{
    struct fh fh;

    expect_ok(ask_lookup(&p->m.client, &p->dir, "file", &fh, NULL, NULL));
}

static void do_access(struct place *p)
{
    uint32_t granted;

    struct attr attr;

    expect_ok(ask_access(&p->m.client, &p->file, 0x3f, &granted, &attr));
}

static void do_read(struct place *p)
{
    struct nfs3_read got;

    expect_ok(ask_read(&p->m.client, &p->file, 0, 4096, &got));
}

static void do_write(struct place *p)
{
    struct nfs3_write done;

    expect_ok(ask_write(&p->m.client, &p->file, 0, "text", 4, S_UNSTABLE, &done));
}

static void do_create_and_remove(struct place *p)
{
    char name[32];

    snprintf(name, sizeof(name), "new-%u", p->made++);
    expect_ok(ask_create(&p->m.client, &p->dir, name, H_UNCHECKED, NULL, NULL, NULL));
    expect_ok(ask_remove(&p->m.client, &p->dir, name, NULL));
}

static const struct {
    const char *name;
    void (*run)(struct place *p);
    unsigned most; /* system calls for one */
} works[] = {{"GETATTR", do_getattr, 1}, {"LOOKUP", do_lookup, 3},
             {"ACCESS", do_access, 2},   {"READ", do_read, 3},
             {"WRITE", do_write, 4},     {"CREATE and REMOVE", do_create_and_remove, 24}};
#define NWORKS (sizeof(works) / sizeof(works[0]))

/* System calls of CALLS of them, once the server knows what they are about. */
static unsigned cost(struct place *p, void (*run)(struct place *p))
{
    for (unsigned i = 0; i < 20; i++)
        run(p);
    unsigned before = fault_calls(&p->m.server, NULL);
    for (unsigned i = 0; i < CALLS; i++)
        run(p);
    return fault_calls(&p->m.server, NULL) - before;
}

static void expect_bounds(struct place *p)
{
    for (size_t i = 0; i < NWORKS; i++) {
        unsigned made = cost(p, works[i].run);
        test_note("%s: %u system calls for %u", works[i].name, made, CALLS);
        if (made > works[i].most * CALLS + OTHERS)
            fail_msg("%s: more than %u", works[i].name, works[i].most * CALLS);
    }
}

TEST(no_call_makes_more_system_calls_than_it_needs_in_a_small_directory_or_a_large_one)
{
    struct place p;

    begin(&p);
    /* Until the births of what was made are some ticks old, the kernel is asked for handles. */
    usleep(200000);
    expect_bounds(&p);
    fill(&p, 3000);
    expect_bounds(&p);
    mounted_end(&p.m);
}
