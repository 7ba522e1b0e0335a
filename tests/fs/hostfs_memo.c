/*
 * hostfs_memo.c - READs and WRITEs that arrived together share what the first of them found out
 * about the file, and nobody else does (fs/hostfs/memo.c).
 */
#include "base/cred.h"
#include "tests/fs/fixture.h"
#include "tests/lib/batch.h"
#include "tests/lib/data.h"
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define TEXT "0123456789"

struct got {
    int error;
    size_t len;
    bool eof;
    uint64_t size;
    uint32_t mode, nlink;
};

static struct got read_at(struct fixture *f, struct vnode *vn, uint64_t offset, size_t len)
{
    struct vattr attr = {.type = VNON};
    char buf[64];
    struct got got = {.len = len};

    got.error = data_read(&f->ctx, vn, offset, buf, &got.len, &got.eof, &attr);
    got.size = attr.size;
    got.mode = attr.mode;
    got.nlink = attr.nlink;
    return got;
}

static void host_truncate(struct fixture *f, const char *name, off_t size)
{
    fixture_host();
    assert_int_equal(truncate(host_path(f->export, name).text, size), 0);
}

TEST(a_read_of_the_next_round_sees_what_the_host_changed)
{
    struct fixture f = {0};

    fixture_begin(&f);
    host_write(f.export, "file", TEXT);
    struct vnode *vn = fixture_find(&f, "file");
    batch_begin(&f.ctx);
    assert_int_equal(read_at(&f, vn, 0, 4).size, 10);
    fixture_host();
    host_append(f.export, "file", TEXT);
    batch_begin(&f.ctx);
    assert_int_equal(read_at(&f, vn, 0, 4).size, 20);
    host_truncate(&f, "file", 15);
    host_chmod(f.export, "file", 0600);
    batch_begin(&f.ctx);
    struct got got = read_at(&f, vn, 4, 4);
    assert_int_equal(got.size, 15);
    assert_int_equal(got.mode & 07777, 0600);
    f.ctx.batch = 0; /* a call of no batch keeps nothing */
    assert_int_equal(read_at(&f, vn, 0, 4).size, 15);
    host_truncate(&f, "file", 12);
    assert_int_equal(read_at(&f, vn, 0, 4).size, 12);
    vnode_put(vn);
    fixture_unmount(&f);
}

/* What was found out says that there is more: it is not believed. */
TEST(a_read_that_meets_the_end_looks_again)
{
    struct fixture f = {0};

    fixture_begin(&f);
    host_write(f.export, "file", TEXT);
    struct vnode *vn = fixture_find(&f, "file");
    batch_begin(&f.ctx);
    assert_false(read_at(&f, vn, 0, 4).eof);
    host_truncate(&f, "file", 6);
    struct got got = read_at(&f, vn, 4, 4); /* cut short */
    assert_int_equal(got.len, 2);
    assert_true(got.eof);
    assert_int_equal(got.size, 6);
    assert_false(read_at(&f, vn, 0, 4).eof);
    host_truncate(&f, "file", 4);
    got = read_at(&f, vn, 4, 4); /* nothing left */
    assert_int_equal(got.len, 0);
    assert_true(got.eof);
    assert_int_equal(got.size, 4);
    /* And where it says that there is no more. */
    host_truncate(&f, "file", 10);
    got = read_at(&f, vn, 0, 4);
    assert_false(got.eof);
    assert_int_equal(got.size, 10);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(a_read_shows_what_was_changed_before_it_in_its_round)
{
    struct fixture f = {0};
    struct vsetattr set = {.set_mode = true, .mode = 0640};
    struct vchange change = {.has_before = false};

    fixture_begin(&f);
    host_write(f.export, "file", TEXT);
    struct vnode *vn = fixture_find(&f, "file");
    batch_begin(&f.ctx);
    assert_int_equal(read_at(&f, vn, 0, 4).size, 10);
    assert_int_equal(fixture_write(&f, vn, TEXT TEXT, VSTABLE_UNSTABLE), 0);
    assert_int_equal(read_at(&f, vn, 0, 4).size, 20);
    assert_int_equal(vop_setattr(&f.ctx, vn, &set, &change), 0);
    struct got got = read_at(&f, vn, 0, 4);
    assert_int_equal(got.mode & 07777, 0640);
    set = (struct vsetattr){.set_size = true, .size = 8};
    assert_int_equal(vop_setattr(&f.ctx, vn, &set, &change), 0);
    got = read_at(&f, vn, 0, 4);
    assert_int_equal(got.size, 8);
    assert_int_equal(got.mode & 07777, 0640);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(a_read_shows_what_names_the_file_lost_and_got_before_it_in_its_round)
{
    struct fixture f = {0};
    struct vcreate how = {.mode = VCREATE_UNCHECKED, .attr = {.set_size = true, .size = 6}};
    struct vchange change = {.has_before = false};
    struct vattr attr = {.type = VNON};
    struct vnode *again = NULL;

    fixture_begin(&f);
    host_write(f.export, "file", TEXT);
    host_write(f.export, "other", TEXT);
    struct vnode *vn = fixture_find(&f, "file");
    batch_begin(&f.ctx);
    assert_int_equal(read_at(&f, vn, 0, 4).nlink, 1);
    assert_int_equal(vop_link(&f.ctx, vn, f.root, fixture_view("link"), &attr, &change), 0);
    assert_int_equal(read_at(&f, vn, 0, 4).nlink, 2);
    assert_int_equal(fixture_remove(&f, f.root, "link"), 0);
    assert_int_equal(read_at(&f, vn, 0, 4).nlink, 1);
    assert_int_equal(vop_link(&f.ctx, vn, f.root, fixture_view("link"), &attr, &change), 0);
    assert_int_equal(read_at(&f, vn, 0, 4).nlink, 2);
    assert_int_equal(fixture_rename(&f, f.root, "other", f.root, "link"), 0);
    assert_int_equal(read_at(&f, vn, 0, 4).nlink, 1);
    assert_int_equal(vop_create(&f.ctx, f.root, fixture_view("file"), &how, &again, &attr, &change),
                     0);
    assert_ptr_equal(again, vn);
    assert_int_equal(read_at(&f, vn, 0, 4).size, 6);
    vnode_put(again);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(a_read_of_another_file_in_a_round_is_of_that_file)
{
    struct fixture f = {0};

    fixture_begin(&f);
    host_write(f.export, "a", TEXT);
    host_write(f.export, "b", TEXT TEXT);
    struct vnode *a = fixture_find(&f, "a"), *b = fixture_find(&f, "b");
    batch_begin(&f.ctx);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(read_at(&f, a, 0, 4).size, 10);
        assert_int_equal(read_at(&f, b, 0, 4).size, 20);
    }
    /* A node's memory is used again. */
    vnode_put(a);
    vnode_put(b);
    fixture_restart(&f);
    b = fixture_find(&f, "b");
    assert_int_equal(read_at(&f, b, 0, 4).size, 20);
    vnode_put(b);
    fixture_unmount(&f);
}

TEST(what_one_caller_may_read_is_not_read_by_another_in_his_round)
{
    struct fixture f = {0};

    test_skip_in_variant("user", "an ordinary user has no other identities");
    fixture_begin(&f);
    host_write(f.export, "file", TEXT);
    host_chmod(f.export, "file", 0600);
    host_chown(f.export, "file", 1000, 1000);
    fixture_as(&f, 1000, 1000, -1);
    struct vnode *vn = fixture_find(&f, "file");
    batch_begin(&f.ctx);
    assert_int_equal(read_at(&f, vn, 0, 4).error, 0);
    fixture_as(&f, 1001, 1001, -1);
    assert_int_equal(read_at(&f, vn, 0, 4).error, EACCES);
    fixture_as(&f, 1000, 1000, -1);
    assert_int_equal(read_at(&f, vn, 0, 4).error, 0);
    vnode_put(vn);
    fixture_unmount(&f);
}

/* A file that user 1000 may write only by its mode, and has written twice in this batch: the first
 * WRITE opens it, the second asks for the right. */
static struct vnode *written(struct fixture *f)
{
    host_write(f->export, "file", TEXT);
    host_chmod(f->export, "file", 0666);
    fixture_as(f, 1000, 1000, -1);
    struct vnode *vn = fixture_find(f, "file");
    batch_begin(&f->ctx);
    assert_int_equal(fixture_write(f, vn, TEXT, VSTABLE_UNSTABLE), 0);
    assert_int_equal(fixture_write(f, vn, TEXT, VSTABLE_UNSTABLE), 0);
    return vn;
}

static void host_takes_the_right(struct fixture *f)
{
    fixture_host();
    host_chmod(f->export, "file", 0600);
}

TEST(a_right_to_write_is_asked_for_once_a_batch_and_caller)
{
    struct fixture f = {0};

    test_skip_in_variant("user", "an ordinary user has no other identities");
    fixture_begin_in(&f, "/dev/shm"); /* where numbers of objects last */
    struct vnode *vn = written(&f);
    host_takes_the_right(&f);
    /* It was under way with those that were let in. */
    assert_int_equal(fixture_write(&f, vn, TEXT, VSTABLE_UNSTABLE), 0);
    fixture_as(&f, 1001, 1001, -1);
    assert_int_equal(fixture_write(&f, vn, TEXT, VSTABLE_UNSTABLE), EACCES);
    fixture_as(&f, 1000, 1000, -1);
    batch_begin(&f.ctx);
    assert_int_equal(fixture_write(&f, vn, TEXT, VSTABLE_UNSTABLE), EACCES);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(a_right_to_write_ends_with_a_setattr_in_its_batch)
{
    struct fixture f = {0};
    struct vsetattr set = {.set_mode = true, .mode = 0600};
    struct vchange change = {.has_before = false};

    test_skip_in_variant("user", "an ordinary user has no other identities");
    fixture_begin_in(&f, "/dev/shm");
    struct vnode *vn = written(&f);
    struct vctx as_owner = f.ctx;
    as_owner.cred = cred_server();
    assert_int_equal(vop_setattr(&as_owner, vn, &set, &change), 0);
    assert_int_equal(fixture_write(&f, vn, TEXT, VSTABLE_UNSTABLE), EACCES);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(a_call_of_no_batch_keeps_nothing_and_finds_nothing)
{
    struct fixture f = {0};

    fixture_begin_in(&f, "/dev/shm");
    host_write(f.export, "file", TEXT);
    struct vnode *vn = fixture_find(&f, "file");
    for (int i = 0; i < 4; i++) {
        /* Also between two calls of a batch. */
        if (i == 2)
            batch_begin(&f.ctx);
        else
            f.ctx.batch = 0;
        assert_int_equal(read_at(&f, vn, 0, 4).size, 10 + 10 * i);
        fixture_host();
        host_append(f.export, "file", TEXT);
    }
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(a_right_to_write_is_asked_for_by_each_call_of_no_batch)
{
    struct fixture f = {0};

    test_skip_in_variant("user", "an ordinary user has no other identities");
    fixture_begin_in(&f, "/dev/shm");
    struct vnode *vn = written(&f);
    f.ctx.batch = 0;
    assert_int_equal(fixture_write(&f, vn, TEXT, VSTABLE_UNSTABLE), 0);
    host_takes_the_right(&f);
    assert_int_equal(fixture_write(&f, vn, TEXT, VSTABLE_UNSTABLE), EACCES);
    vnode_put(vn);
    fixture_unmount(&f);
}

/* As on a thread of an author's, which runs what several loops handle. */
TEST(a_thread_that_has_calls_of_two_batches_in_turn_mixes_nothing_up)
{
    struct fixture f = {0};
    struct vctx turns[2];

    fixture_begin_in(&f, "/dev/shm");
    host_write(f.export, "file", TEXT);
    struct vnode *vn = fixture_find(&f, "file");
    for (int i = 0; i < 2; i++) {
        batch_begin(&f.ctx);
        turns[i] = f.ctx;
    }
    for (int i = 0; i < 6; i++) {
        f.ctx = turns[i % 2];
        assert_int_equal(read_at(&f, vn, 0, 4).size, 10 + 10 * i);
        fixture_host();
        host_append(f.export, "file", TEXT);
    }
    vnode_put(vn);
    fixture_unmount(&f);
}

/* What a thread does with the node, caller and batch of another one. */
struct other {
    struct fixture *f;
    struct vnode *vn;
    struct got got;
    int write_error;
};

static void *other_run(void *arg)
{
    struct other *other = arg;

    other->got = read_at(other->f, other->vn, 0, 4);
    other->write_error = fixture_write(other->f, other->vn, TEXT, VSTABLE_UNSTABLE);
    return NULL;
}

static struct other other_thread(struct fixture *f, struct vnode *vn)
{
    struct other other = {.f = f, .vn = vn};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, other_run, &other), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return other;
}

TEST(two_threads_with_equal_nodes_never_share_a_memo)
{
    struct fixture f = {0};

    fixture_begin_in(&f, "/dev/shm");
    host_write(f.export, "file", TEXT);
    struct vnode *vn = fixture_find(&f, "file");
    batch_begin(&f.ctx);
    assert_int_equal(read_at(&f, vn, 0, 4).size, 10);
    fixture_host();
    host_append(f.export, "file", TEXT);
    assert_int_equal(read_at(&f, vn, 0, 4).size, 10); /* this one has a memo */
    assert_int_equal(other_thread(&f, vn).got.size, 20);
    vnode_put(vn);
    fixture_unmount(&f);
}

TEST(two_threads_never_share_what_they_know_of_a_right)
{
    struct fixture f = {0};

    test_skip_in_variant("user", "an ordinary user has no other identities");
    fixture_begin_in(&f, "/dev/shm");
    struct vnode *vn = written(&f);
    host_takes_the_right(&f);
    assert_int_equal(other_thread(&f, vn).write_error, EACCES);
    assert_int_equal(fixture_write(&f, vn, TEXT, VSTABLE_UNSTABLE), 0);
    vnode_put(vn);
    fixture_unmount(&f);
}
