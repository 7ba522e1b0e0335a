/*
 * short_files.c - files in which there is less than their size says, for good: attributes of sysfs,
 * and a FUSE file system that does not know better. READs of every size come to the end, and get
 * what a local process gets.
 */
#include "tests/lib/fuse_tree.h"
#include "tests/wire/wire.h"
#include <stdio.h>
#include <string.h>

#define LARGE (256u * 1024)

static const uint32_t counts[] = {1, 7, 512, 4096, 65536, LARGE};
#define COUNTS (sizeof(counts) / sizeof(counts[0]))

/* By READs of `count` bytes, as a client does: what comes short is asked for again. */
static void expect_whole(struct client *client, const struct fh *fh, uint32_t count,
                         const char *text)
{
    char all[5000] = "";
    size_t len = 0;
    struct nfs3_read got = {.eof = false};

    for (unsigned reads = 0; !got.eof; reads++) {
        assert_true(reads <= strlen(text) + 1);
        expect_ok(ask_read(client, fh, len, count, &got));
        assert_true(got.count > 0 || got.eof);
        assert_true(len + got.count < sizeof(all));
        memcpy(all + len, got.data, got.count);
        len += got.count;
    }
    all[len] = '\0';
    assert_string_equal(all, text);
    /* Beyond what there is, and within the size. */
    expect_ok(ask_read(client, fh, len + 1, count, &got));
    assert_int_equal(got.count, 0);
    assert_true(got.eof);
}

TEST(a_fuse_file_that_is_always_shorter_than_its_size_ends)
{
    static const uint64_t sizes[] = {100, 4096, 10u << 20};
    struct mounted m;
    char name[32];

    test_skip_in_variant("user", "mounting needs root");
    host_private_mounts();
    server_prepare(&m.server, NULL);
    struct fuse_tree *tree = fuse_tree_mount(m.server.export_dir);
    for (unsigned i = 0; i < 6; i++) {
        snprintf(name, sizeof(name), "file-%u", i);
        uint32_t node = fuse_tree_add(tree, 0, name, i == 5 ? "" : "less than it says");
        tree->nodes[node].claims = sizes[i / 2];
        tree->nodes[node].direct = i % 2;
    }
    mounted_begin_prepared(&m);
    for (unsigned i = 0; i < 6; i++) {
        snprintf(name, sizeof(name), "file-%u", i);
        struct fh fh = mounted_walk(&m, name);
        for (unsigned c = 0; c < COUNTS; c++)
            expect_whole(&m.client, &fh, counts[c], i == 5 ? "" : "less than it says");
    }
    mounted_end(&m);
}

TEST(an_attribute_of_sysfs_ends_where_its_text_does)
{
    static const char *const names[] = {"devices/system/cpu/online", "kernel/mm/ksm/run",
                                        "devices/system/cpu/possible"};
    struct mounted m;
    struct mount_answer answer;
    char path[128], text[4096];
    unsigned found = 0;

    server_prepare(&m.server, NULL);
    server_add_arg(&m.server, "--export=/sys,ro,pseudo,insecure");
    mounted_begin_prepared(&m);
    assert_int_equal(ask_mnt(&m.client, 3, "/sys", &answer), MNT_OK);
    m.root = answer.fh;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "/sys/%s", names[i]);
        FILE *in = fopen(path, "re");
        if (!in)
            continue;
        text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
        fclose(in);
        found++;
        struct fh fh = mounted_walk(&m, names[i]);
        for (unsigned c = 0; c < COUNTS; c++)
            expect_whole(&m.client, &fh, counts[c], text);
    }
    assert_true(found > 0);
    mounted_end(&m);
}
