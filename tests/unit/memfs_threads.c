/*
 * memfs_threads.c - memfs: four threads do everything at once to the same few names; afterwards
 * all of it must add up. Under ThreadSanitizer it looks for races as well.
 */
#include "tests/unit/memfs_fixture.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, STEPS = 15000, DIRS = 6, NAMES = 8 };

struct worker {
    pthread_t thread;
    unsigned seed;
};

static unsigned draw(struct worker *worker, unsigned below)
{
    return (unsigned)rand_r(&worker->seed) % below;
}

/* Some directory, at any depth, or NULL. */
static struct vnode *some_dir(struct worker *worker)
{
    struct vnode *at = mem_root, *next;
    char name[8];

    vnode_ref(at);
    for (unsigned depth = draw(worker, 4); depth > 0; depth--) {
        snprintf(name, sizeof(name), "d%u", draw(worker, DIRS));
        int err = mem_lookup(at, name, &next);
        vnode_put(at);
        if (err != 0) {
            assert_true(err == ENOENT || err == ESTALE);
            return NULL;
        }
        at = next;
    }
    return at;
}

static void work_on_data(struct worker *worker, struct vnode *vn)
{
    static const char data[200000] = "some data";
    char buf[4096];
    size_t len = sizeof(buf);
    bool eof;

    if (vn->type != VREG)
        return;
    switch (draw(worker, 4)) {
    case 0:
        mem_write(vn, draw(worker, 300000), data, draw(worker, sizeof(data)));
        break;
    case 1:
        mem_truncate(vn, draw(worker, 300000));
        break;
    default:
        assert_int_equal(mem_read(vn, draw(worker, 300000), buf, &len, &eof), 0);
    }
}

static void work_on_names(struct worker *worker, struct vnode *dir, struct vnode *other)
{
    char name[8], new_name[8], listing[4096];
    struct vnode *vn;

    snprintf(name, sizeof(name), "%c%u", draw(worker, 2) ? 'd' : 'f', draw(worker, NAMES));
    snprintf(new_name, sizeof(new_name), "%c%u", name[0], draw(worker, NAMES));
    switch (draw(worker, 9)) {
    case 0:
    case 1:
        if (name[0] == 'd')
            mem_mkdir(dir, name, 0755, NULL);
        else
            mem_create(dir, name, 0644, NULL);
        break;
    case 2:
        mem_rmdir(dir, name);
        break;
    case 3:
        mem_remove(dir, name);
        break;
    case 4:
        mem_rename(dir, name, other, new_name);
        break;
    case 5:
        if (draw(worker, 8) == 0 && draw(worker, 8) == 0)
            mem_list(mem_root, 3, listing, sizeof(listing));
        break;
    case 6:
        mem_chmod(dir, 0755 + draw(worker, 2) * 020);
        break;
    default:
        if (mem_lookup(dir, name, &vn) != 0)
            break;
        if (draw(worker, 3) == 0)
            mem_link(vn, other, new_name);
        else
            work_on_data(worker, vn);
        mem_attr(vn);
        vnode_put(vn);
    }
}

static void *work(void *arg)
{
    struct worker *worker = arg;

    mem_as(0, 0, -1);
    for (int i = 0; i < STEPS; i++) {
        struct vnode *dir = some_dir(worker), *other = some_dir(worker);
        if (dir != NULL && other != NULL)
            work_on_names(worker, dir, other);
        vnode_put(dir);
        vnode_put(other);
    }
    return NULL;
}

/* Removes what is below, checks link counts on the way. Returns the names found. */
static unsigned tear_down(struct vnode *dir)
{
    char listing[4096], *save = NULL;
    unsigned count = 0, subdirs = 0;

    mem_list(dir, 5, listing, sizeof(listing));
    uint32_t nlink = mem_attr(dir).nlink;
    for (char *name = strtok_r(listing, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
        struct vnode *vn;
        assert_int_equal(mem_lookup(dir, name, &vn), 0);
        count++;
        if (vn->type == VDIR) {
            struct vnode *up;
            subdirs++;
            assert_int_equal(mem_lookup(vn, "..", &up), 0);
            assert_ptr_equal(up, dir);
            vnode_put(up);
            count += tear_down(vn);
            assert_int_equal(mem_rmdir(dir, name), 0);
        } else {
            assert_int_equal(mem_remove(dir, name), 0);
        }
        vnode_put(vn);
    }
    assert_int_equal(nlink, 2 + subdirs);
    return count;
}

TEST(memfs_stays_whole_under_four_threads)
{
    struct worker workers[THREADS];

    mem_mount("size=64M");
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].seed = i + 1;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    test_note("%u names were left", tear_down(mem_root));
    struct vstatfs st = mem_statfs();
    assert_int_equal(st.free_bytes, st.total_bytes);
    assert_int_equal(st.free_files, st.total_files - 1);
    mem_unmount();
}

/* --- locks that are taken in two orders would be waited for without end --- */

enum { ROUNDS = 100000 };

/* `a` onto `b`, which is not empty, or no directory: refused, once both are locked. */
static void *rename_onto(void *arg)
{
    const char *const *names = arg;

    mem_as(0, 0, -1);
    for (int i = 0; i < ROUNDS; i++)
        assert_int_not_equal(mem_rename(mem_root, names[0], mem_root, names[1]), 0);
    return NULL;
}

TEST(memfs_renames_beside_and_between_two_directories_end)
{
    static const char *const names[][2] = {{"a", "b"}, {"b", "a"}};
    struct vnode *a, *b;
    pthread_t threads[2];

    mem_mount(NULL);
    assert_int_equal(mem_mkdir(mem_root, "b", 0755, &b), 0);
    assert_int_equal(mem_mkdir(mem_root, "a", 0755, &a), 0);
    assert_int_equal(mem_create(a, "stays", 0644, NULL), 0);
    assert_int_equal(mem_create(b, "stays", 0644, NULL), 0);
    assert_int_equal(mem_create(a, "x", 0644, NULL), 0);
    for (size_t i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, rename_onto, (void *)(uintptr_t)names[i]);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(mem_rename(a, "x", b, "x"), 0);
        assert_int_equal(mem_rename(b, "x", a, "x"), 0);
    }
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    vnode_put(a);
    vnode_put(b);
    mem_unmount();
}

TEST(memfs_renames_of_a_file_onto_a_directory_it_is_in_end)
{
    static const char *const names[][2] = {{"f", "d"}, {"d", "f"}};
    struct vnode *f, *d;
    pthread_t threads[2];

    mem_mount(NULL);
    assert_int_equal(mem_create(mem_root, "f", 0644, &f), 0);
    assert_int_equal(mem_mkdir(mem_root, "d", 0755, &d), 0);
    for (size_t i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, rename_onto, (void *)(uintptr_t)names[i]);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(mem_link(f, d, "f"), 0);
        assert_int_equal(mem_remove(d, "f"), 0);
    }
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    vnode_put(f);
    vnode_put(d);
    mem_unmount();
}
