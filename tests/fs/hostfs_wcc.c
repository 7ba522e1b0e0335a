/*
 * hostfs_wcc.c - `before` attributes of directories: given where they are certain, and never where
 * somebody else changed the directory between them and our change.
 */
#include "base/address.h"
#include "tests/fs/fixture.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a client keeps of a directory, to be compared with `before`. */
struct stamp {
    uint64_t size;
    struct timespec mtime, ctime;
};

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec &&
           a->mtime.tv_nsec == b->mtime.tv_nsec && a->ctime.tv_sec == b->ctime.tv_sec &&
           a->ctime.tv_nsec == b->ctime.tv_nsec;
}

static struct stamp stamp_before(const struct vchange *change)
{
    return (struct stamp){change->before_size, change->before_mtime, change->before_ctime};
}

static struct stamp stamp_after(const struct vchange *change)
{
    return (struct stamp){change->after.size, change->after.mtime, change->after.ctime};
}

static struct stamp stamp_of(const struct fixture *f, const char *name)
{
    struct stat st = host_stat(f->export, name);
    return (struct stamp){(uint64_t)st.st_size, st.st_mtim, st.st_ctim};
}

/* --- each operation --- */

enum step { CREATE, EXCLUSIVE, MKDIR, SYMLINK, MKNOD, LINK, RENAME, REPLACE, REMOVE, RMDIR, STEPS };

static int do_create(struct fixture *f, struct vnode *dir, const char *name, enum vcreate_mode mode,
                     struct vchange *change)
{
    struct vcreate how = {.mode = mode};
    struct vattr attr = {.type = VNON};
    struct vnode *vn;

    if (mode == VCREATE_EXCLUSIVE)
        memcpy(how.verifier, "verifier", sizeof(how.verifier));
    else
        how.attr = (struct vsetattr){.set_mode = true, .mode = 0600};
    int err = vop_create(&f->ctx, dir, fixture_view(name), &how, &vn, &attr, change);
    if (err == 0)
        vnode_put(vn);
    return err;
}

static int do_make(struct fixture *f, struct vnode *dir, enum step step, struct vchange *change)
{
    struct vattr attr = {.type = VNON};
    struct vnode *vn;
    /* With times, so that more than the making call is done. */
    struct vsetattr set = {.set_mode = true, .mode = 0700, .set_mtime = VTIME_NOW};
    int err;

    if (step == MKDIR)
        err = vop_mkdir(&f->ctx, dir, fixture_view("dir"), &set, &vn, &attr, change);
    else if (step == SYMLINK)
        err = vop_symlink(&f->ctx, dir, fixture_view("symlink"), fixture_view("x"), &set, &vn,
                          &attr, change);
    else
        err = vop_mknod(&f->ctx, dir, fixture_view("fifo"), VFIFO, 0, 0, &set, &vn, &attr, change);
    if (err == 0)
        vnode_put(vn);
    return err;
}

static int do_link(struct fixture *f, struct vnode *dir, struct vchange *change)
{
    struct vattr attr = {.type = VNON};
    struct vnode *vn = NULL;

    assert_int_equal(fixture_lookup(f, dir, "file", &vn), 0);
    int err = vop_link(&f->ctx, vn, dir, fixture_view("link"), &attr, change);
    vnode_put(vn);
    return err;
}

static int do_rename(struct fixture *f, struct vnode *dir, const char *from, const char *to,
                     struct vchange *change)
{
    struct vchange from_change = {.has_before = false};
    int err =
        vop_rename(&f->ctx, dir, fixture_view(from), dir, fixture_view(to), &from_change, change);
    assert_int_equal(from_change.has_before, change->has_before); /* of one directory */
    return err;
}

static int do_step(struct fixture *f, struct vnode *dir, enum step step, struct vchange *change)
{
    switch (step) {
    case CREATE:
        return do_create(f, dir, "file", VCREATE_UNCHECKED, change);
    case EXCLUSIVE:
        return do_create(f, dir, "exclusive", VCREATE_EXCLUSIVE, change);
    case LINK:
        return do_link(f, dir, change);
    case RENAME:
        return do_rename(f, dir, "link", "renamed", change);
    case REPLACE:
        return do_rename(f, dir, "exclusive", "fifo", change);
    case REMOVE:
        return vop_remove(&f->ctx, dir, fixture_view("renamed"), change);
    case RMDIR:
        return vop_rmdir(&f->ctx, dir, fixture_view("dir"), change);
    default:
        return do_make(f, dir, step, change);
    }
}

/* All operations in a directory of their own. Each has `before` when it is wanted, but who follows
 * one that left the ctime alone. */
static void all_steps(struct fixture *f, const char *name, bool wanted)
{
    struct stamp last = {0};

    host_mkdir(f->export, name, 0777);
    struct vnode *dir = fixture_find(f, name);
    for (enum step step = 0; step < STEPS; step++) {
        struct vchange change = {.has_before = false};
        struct stamp was = stamp_of(f, name), before;
        bool moved =
            was.ctime.tv_sec != last.ctime.tv_sec || was.ctime.tv_nsec != last.ctime.tv_nsec;
        assert_int_equal(do_step(f, dir, step, &change), 0);
        before = stamp_before(&change);
        assert_true(!change.has_before || same_stamp(&before, &was));
        /* The first begins to watch a directory that is as old as a tick, or younger. */
        if (step > 0 || !wanted)
            assert_int_equal(change.has_before, wanted && moved);
        last = was;
    }
    vnode_put(dir);
}

static void each_operation_in(const char *where)
{
    struct fixture f = {0};

    fixture_begin_in(&f, where);
    f.ctx.last_in_batch = true;
    all_steps(&f, "steps", host_can_be_watched(f.base));
    f.ctx.last_in_batch = false;
    all_steps(&f, "not-last", false);
    fixture_unmount(&f);
}

TEST(each_change_of_a_directory_says_what_it_was_before)
{
    each_operation_in("/tmp");
}

TEST(each_change_of_a_directory_in_memory_says_what_it_was_before)
{
    each_operation_in("/dev/shm");
}

TEST(a_move_says_what_both_directories_were_before)
{
    struct fixture f = {0};
    struct vchange from = {.has_before = false}, to = {.has_before = false};
    struct stamp was_from = {0}, was_to = {0};

    fixture_begin_in(&f, "/dev/shm");
    bool can = host_changes_have_times(f.base);
    f.ctx.last_in_batch = true;
    host_mkdir(f.export, "a", 0777);
    host_mkdir(f.export, "b", 0777);
    struct vnode *a = fixture_find(&f, "a"), *b = fixture_find(&f, "b");
    host_write(f.export, "a/file", "");
    for (int i = 0; i < 100; i++) {
        was_from = stamp_of(&f, i % 2 ? "b" : "a");
        was_to = stamp_of(&f, i % 2 ? "a" : "b");
        from = to = (struct vchange){.has_before = false};
        assert_int_equal(vop_rename(&f.ctx, i % 2 ? b : a, fixture_view("file"), i % 2 ? a : b,
                                    fixture_view("file"), &from, &to),
                         0);
        struct stamp before_from = stamp_before(&from), before_to = stamp_before(&to);
        assert_true(!from.has_before || same_stamp(&before_from, &was_from));
        assert_true(!to.has_before || same_stamp(&before_to, &was_to));
        assert_true(i == 0 || !can || (from.has_before && to.has_before));
    }
    vnode_put(a);
    vnode_put(b);
    fixture_unmount(&f);
}

/* tmpfs gives a directory the ctime of the file that is removed from it, which may be what it has:
 * a client that saw the file would keep it for ever, were this time told as `before`. */
static void alien_removals(struct fixture *f)
{
    struct vchange change = {.has_before = false};
    unsigned untold = 0;

    assert_int_equal(do_create(f, f->root, "own", VCREATE_UNCHECKED, &change), 0);
    for (int i = 0; i < 1000; i++) {
        host_write(f->export, "alien", "");
        struct stamp seen = stamp_of(f, NULL), now;
        host_unlink(f->export, "alien");
        now = stamp_of(f, NULL);
        untold += now.ctime.tv_nsec == seen.ctime.tv_nsec;
        change = (struct vchange){.has_before = false};
        if (i % 2 == 0)
            assert_int_equal(vop_remove(&f->ctx, f->root, fixture_view("own"), &change), 0);
        else
            assert_int_equal(do_create(f, f->root, "own", VCREATE_UNCHECKED, &change), 0);
        struct stamp before = stamp_before(&change);
        assert_false(change.has_before && before.ctime.tv_nsec == seen.ctime.tv_nsec);
    }
    test_note("%u of 1000 removals left the ctime as it was", untold);
}

TEST(a_change_that_leaves_the_directorys_times_alone_is_not_hidden)
{
    struct fixture f = {0};

    fixture_begin_in(&f, "/dev/shm");
    f.ctx.last_in_batch = true;
    alien_removals(&f);
    fixture_unmount(&f);
}

/* The same, where the file is removed through another export of the directory. */
static void removals_by_the_other(struct fixture *f, struct fixture *other)
{
    unsigned untold = 0;

    for (int i = 0; i < 1000; i++) {
        struct vchange change = {.has_before = false};
        char name[16];
        snprintf(name, sizeof(name), "f-%d", i);
        host_write(f->export, "alien", "");
        assert_int_equal(do_create(f, f->root, name, VCREATE_UNCHECKED, &change), 0);
        struct stamp seen = stamp_of(f, NULL), now;
        assert_int_equal(vop_remove(&other->ctx, other->root, fixture_view("alien"), &change), 0);
        now = stamp_of(f, NULL);
        untold += now.ctime.tv_nsec == seen.ctime.tv_nsec;
        change = (struct vchange){.has_before = false};
        assert_int_equal(vop_remove(&f->ctx, f->root, fixture_view(name), &change), 0);
        struct stamp before = stamp_before(&change);
        assert_false(change.has_before && before.ctime.tv_nsec == seen.ctime.tv_nsec);
    }
    test_note("%u of 1000 removals by the other left the ctime as it was", untold);
}

/* One inode has one watch, whatever it is known by. */
TEST(nothing_is_hidden_in_a_directory_that_two_exports_have)
{
    struct fixture f = {0}, other;
    struct vchange change = {.has_before = false};

    fixture_begin_in(&f, "/dev/shm");
    other = f;
    snprintf(other.state, sizeof(other.state), "%s/state-2", f.base);
    host_mkdir(f.base, "state-2", 0700);
    fixture_mount(&other);
    f.ctx.last_in_batch = true;
    assert_int_equal(do_create(&f, f.root, "first", VCREATE_UNCHECKED, &change), 0);
    other.ctx.cred = &other.cred;
    other.ctx.last_in_batch = true;
    alien_removals(&other);
    removals_by_the_other(&f, &other);
    fixture_unmount(&other);
    fixture_unmount(&f);
}

TEST(watched_directories_can_be_removed_and_their_mount_unmounted)
{
    struct fixture f = {0};
    char name[32];

    fixture_begin_in(&f, "/dev/shm");
    f.ctx.last_in_batch = true;
    int fds = fixture_open_fds();
    /* More than a watcher has places for. */
    for (int i = 0; i < 200; i++) {
        struct vchange change = {.has_before = false};
        snprintf(name, sizeof(name), "d-%d", i);
        host_mkdir(f.export, name, 0777);
        struct vnode *dir = fixture_find(&f, name);
        assert_int_equal(do_create(&f, dir, "file", VCREATE_UNCHECKED, &change), 0);
        assert_int_equal(vop_remove(&f.ctx, dir, fixture_view("file"), &change), 0);
        vnode_put(dir);
        struct host_path path = host_path(f.export, name);
        assert_int_equal(rmdir(path.text), 0);
    }
    fixture_unmount(&f);
    /* Without the export's own and what the watcher had. */
    assert_true(fixture_open_fds() < fds);
}

/* Some files come and go. Says whether who made the last of them was told what was before. */
static bool crowd_tells(struct fixture *f, struct vnode *dir, int others)
{
    struct vchange change;
    char name[32];

    host_sleep_ms(30); /* what was doubted is settled */

    for (int i = 0; i <= others; i++) {
        snprintf(name, sizeof(name), "c-%d", i);
        f->ctx.last_in_batch = i == others;
        change = (struct vchange){.has_before = false};
        assert_int_equal(do_create(f, dir, name, VCREATE_UNCHECKED, &change), 0);
    }
    for (int i = 0; i <= others; i++) {
        struct vchange removed = {.has_before = false};
        snprintf(name, sizeof(name), "c-%d", i);
        f->ctx.last_in_batch = i == others;
        assert_int_equal(vop_remove(&f->ctx, dir, fixture_view(name), &removed), 0);
    }
    return change.has_before;
}

/* However slow the machine is: some crowds are enough, and then it is a second or more. */
TEST(a_directory_that_is_changed_much_more_than_looked_at_is_left_alone_for_a_while)
{
    struct fixture f = {0};
    int64_t crowded_nsec;
    int crowds = 0, looks = 0;
    struct address client = {.in = {.sin_family = AF_INET}}; /* who is told of his own changes */

    fixture_begin_in(&f, "/dev/shm");
    f.ctx.peer = &client;
    bool can = host_can_be_watched(f.base);
    host_mkdir(f.export, "crowd", 0777);
    struct vnode *dir = fixture_find(&f, "crowd");
    for (int i = 0; i < 20; i++)
        assert_true(crowd_tells(&f, dir, 0) == can || i == 0);
    do {
        assert_true(++crowds < 20);
        crowded_nsec = host_now_nsec();
        crowd_tells(&f, dir, 16);
        /* What the crowd left may be doubted once. */
    } while (crowd_tells(&f, dir, 0) || crowd_tells(&f, dir, 0));
    while (can && !crowd_tells(&f, dir, 0))
        assert_true(++looks < 1000);
    assert_true(host_now_nsec() - crowded_nsec > 900000000 || !can);
    vnode_put(dir);
    fixture_unmount(&f);
}

/* What was not seen of it meanwhile is doubted; see alien_removals(). */
TEST(a_change_of_a_directory_that_was_left_alone_is_not_hidden)
{
    struct fixture f = {0};
    struct vchange change = {.has_before = false};

    fixture_begin_in(&f, "/dev/shm");
    for (int i = 0; i < 10; i++)
        crowd_tells(&f, f.root, 16);
    host_write(f.export, "alien", "");
    struct stamp seen = stamp_of(&f, NULL);
    host_unlink(f.export, "alien");
    host_sleep_ms(3100);
    assert_int_equal(do_create(&f, f.root, "own", VCREATE_UNCHECKED, &change), 0);
    assert_false(change.has_before && stamp_before(&change).ctime.tv_nsec == seen.ctime.tv_nsec);
    fixture_unmount(&f);
}

/* --- others change the directory, too --- */

/* Only adds names, so that how many there are says which. */
struct hammer {
    struct fixture *f;
    bool through_server;
    _Atomic bool stop;
    _Atomic unsigned begun, done;
};

/* Up to some tens of µs, so that some operations are disturbed and others are not. */
static void pause_for_a_while(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    int64_t until = host_now_nsec() + (int64_t)(*seed >> 16 & 0xffff) * 4;
    while (host_now_nsec() < until)
        continue;
}

static void *hammer_run(void *arg)
{
    struct hammer *hammer = arg;
    unsigned seed = 1;
    int failed = 0;
    char name[32];
    struct fixture mine = *hammer->f; /* a client of its own */
    mine.ctx.cred = &mine.cred;
    mine.ctx.last_in_batch = true;

    while (!atomic_load(&hammer->stop) && !failed) {
        struct vchange change = {.has_before = false};
        snprintf(name, sizeof(name), "h-%u", atomic_fetch_add(&hammer->begun, 1));
        if (hammer->through_server)
            failed = do_create(&mine, mine.root, name, VCREATE_UNCHECKED, &change);
        else
            host_write(mine.export, name, "");
        atomic_fetch_add(&hammer->done, 1);
        pause_for_a_while(&seed);
    }
    return NULL;
}

/* The client under test: believes its cache as long as every `before` is the `after` it had. */
struct cache {
    bool valid;
    struct stamp last;
    unsigned known;  /* at most so many names of the others are in it */
    unsigned kept;   /* how often it was kept */
    unsigned hidden; /* and how often it lacked a name */
};

static void cache_learn(struct cache *cache, struct hammer *hammer, const struct vchange *change,
                        unsigned done)
{
    struct stamp before = stamp_before(change);

    if (cache->valid && change->has_before && same_stamp(&before, &cache->last)) {
        /* What others had added before we asked would be hidden from the client. */
        cache->hidden += done > cache->known;
        cache->kept++;
        cache->last = stamp_after(change);
        return;
    }
    /* It looks at the directory again. */
    struct vattr attr = {.type = VNON};
    assert_int_equal(vop_getattr(&hammer->f->ctx, hammer->f->root, &attr), 0);
    cache->last = (struct stamp){attr.size, attr.mtime, attr.ctime};
    cache->known = atomic_load(&hammer->begun);
    cache->valid = true;
}

static void nothing_is_hidden(const char *where, int rounds, bool through_server)
{
    struct fixture f = {0};
    struct cache cache = {.valid = false};
    pthread_t thread;

    fixture_begin_in(&f, where);
    bool can = host_changes_have_times(f.base);
    f.ctx.last_in_batch = true;
    struct hammer hammer = {.f = &f, .through_server = through_server};
    assert_int_equal(pthread_create(&thread, NULL, hammer_run, &hammer), 0);
    for (int i = 0; i < rounds; i++) {
        struct vchange change = {.has_before = false};
        unsigned done = atomic_load(&hammer.done);
        if (i % 2 == 0)
            assert_int_equal(do_create(&f, f.root, "own", VCREATE_UNCHECKED, &change), 0);
        else
            assert_int_equal(vop_remove(&f.ctx, f.root, fixture_view("own"), &change), 0);
        cache_learn(&cache, &hammer, &change, done);
    }
    atomic_store(&hammer.stop, true);
    pthread_join(thread, NULL);
    print_message("%u of %d kept, %u names by others\n", cache.kept, rounds,
                  atomic_load(&hammer.done));
    assert_int_equal(cache.hidden, 0);
    assert_true(!can || cache.kept > 0);
    assert_true(atomic_load(&hammer.done) > 100);
    fixture_unmount(&f);
}

TEST(what_a_host_process_changes_meanwhile_is_never_hidden)
{
    nothing_is_hidden("/tmp", 5000, false);
}

TEST(what_a_host_process_changes_meanwhile_in_memory_is_never_hidden)
{
    nothing_is_hidden("/dev/shm", 20000, false);
}

TEST(what_another_client_changes_meanwhile_is_never_hidden)
{
    nothing_is_hidden("/dev/shm", 20000, true);
}
