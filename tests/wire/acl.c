/*
 * acl.c - the NFSACL program: GETACL says what the mode says, SETACL is not there.
 */
#include "tests/lib/host.h"
#include "tests/lib/mountclient.h"
#include "tests/lib/test.h"
#include <string.h>

#define PROGRAM_ACL 100227
#define MASK_ALL    15

struct acl {
    struct attr attr;
    uint32_t mask, counts[2], lens[2];
    uint32_t entries[8][3]; /* type, id, permissions */
};

static uint32_t ask_getacl(struct client *client, const struct fh *fh, uint32_t mask,
                           struct acl *acl)
{
    struct bytes *b = client_begin(client, PROGRAM_ACL, 3, 1);

    put_fh(b, fh);
    put_u32(b, mask);
    struct cursor c = client_finish(client);
    uint32_t status = get_u32(&c);
    memset(acl, 0, sizeof(*acl));
    get_post_attr(&c, &acl->attr);
    if (status == NFS_OK) {
        acl->mask = get_u32(&c);
        uint32_t n = 0;
        for (int list = 0; list < 2; list++) {
            acl->counts[list] = get_u32(&c);
            acl->lens[list] = get_u32(&c);
            for (uint32_t i = 0; i < acl->lens[list]; i++, n++) {
                assert_true(n < 8);
                for (int word = 0; word < 3; word++)
                    acl->entries[n][word] = get_u32(&c);
            }
        }
    }
    cursor_expect_end(&c);
    return status;
}

static void expect_entry(const struct acl *acl, int i, uint32_t type, uint32_t id, uint32_t perm)
{
    assert_int_equal(acl->entries[i][0], type);
    assert_int_equal(acl->entries[i][1], id);
    assert_int_equal(acl->entries[i][2], perm);
}

TEST(the_acl_of_a_file_says_what_its_mode_says)
{
    struct mounted m;
    struct acl acl;

    mounted_begin(&m);
    host_write(m.dir, "file", "x");
    struct fh fh = mounted_lookup(&m, "file");
    for (uint32_t mode = 0; mode <= 07777; mode += 0123) {
        host_chmod(m.dir, "file", mode);
        struct stat st = host_stat(m.dir, "file");
        expect_ok(ask_getacl(&m.client, &fh, MASK_ALL, &acl));
        assert_int_equal(acl.attr.mode, st.st_mode & 07777);
        assert_int_equal(acl.mask, MASK_ALL);
        assert_int_equal(acl.counts[0], 4);
        assert_int_equal(acl.lens[0], 4);
        assert_int_equal(acl.counts[1], 0);
        assert_int_equal(acl.lens[1], 0);
        expect_entry(&acl, 0, 1, st.st_uid, st.st_mode >> 6 & 7);
        expect_entry(&acl, 1, 4, st.st_gid, st.st_mode >> 3 & 7);
        expect_entry(&acl, 2, 16, 0, st.st_mode >> 3 & 7);
        expect_entry(&acl, 3, 32, 0, st.st_mode & 7);
    }
    mounted_end(&m);
}

TEST(an_acl_has_what_was_asked_for)
{
    struct mounted m;
    struct acl acl;

    mounted_begin(&m);
    for (uint32_t mask = 0; mask <= MASK_ALL; mask++) {
        expect_ok(ask_getacl(&m.client, &m.root, mask, &acl));
        assert_int_equal(acl.mask, mask);
        assert_int_equal(acl.lens[0], mask & 1 ? 4 : 0);
        assert_int_equal(acl.counts[0], mask & 3 ? 4 : 0);
        assert_int_equal(acl.lens[1] + acl.counts[1], 0);
    }
    expect_status(ask_getacl(&m.client, &m.root, 16, &acl), NFS_INVAL);
    assert_int_equal(acl.attr.type, T_DIR);
    mounted_end(&m);
}

TEST(acls_pass_the_gate_as_everything_does)
{
    struct mounted m;
    struct acl acl;

    mounted_begin(&m);
    struct fh bent = m.root;
    bent.data[bent.len - 1] ^= 1;
    expect_status(ask_getacl(&m.client, &bent, MASK_ALL, &acl), NFS_BADHANDLE);
    host_write(m.dir, "file", "x");
    struct fh fh = mounted_lookup(&m, "file");
    host_unlink(m.dir, "file");
    expect_status(ask_getacl(&m.client, &fh, MASK_ALL, &acl), NFS_STALE);
    mounted_end(&m);
}

TEST(setting_an_acl_is_not_supported_and_changes_nothing)
{
    struct mounted m;

    mounted_begin(&m);
    host_write(m.dir, "file", "x");
    host_chmod(m.dir, "file", 0640);
    struct fh fh = mounted_lookup(&m, "file");
    struct bytes *b = client_begin(&m.client, PROGRAM_ACL, 3, 2);
    put_fh(b, &fh);
    static const uint32_t words[] = {1, 3, 3, 1, 0, 7, 4, 0, 7, 32, 0, 7, 0, 0};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        put_u32(b, words[i]);
    struct cursor c = client_finish(&m.client);
    struct attr attr;
    assert_int_equal(get_u32(&c), NFS_NOTSUPP);
    get_post_attr(&c, &attr);
    assert_int_equal(attr.mode, 0640);
    assert_int_equal(host_stat(m.dir, "file").st_mode & 07777, 0640);
    mounted_end(&m);
}

TEST(the_acl_program_answers_null_and_names_its_version)
{
    struct mounted m;

    mounted_begin(&m);
    client_begin(&m.client, PROGRAM_ACL, 3, 0);
    client_finish(&m.client);
    client_begin(&m.client, PROGRAM_ACL, 2, 0);
    struct reply reply = client_exchange(&m.client);
    assert_int_equal(reply.status, ACCEPT_PROG_MISMATCH);
    assert_int_equal(reply.low, 3);
    assert_int_equal(reply.high, 3);
    mounted_end(&m);
}
