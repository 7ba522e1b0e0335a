/*
 * memfs_export.c - a file system's own options on the command line, with memfs as the example.
 */
#include "exports/draft.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <string.h>

static char message[256];

static int parse(struct draft *draft, const char *spec)
{
    draft_init(draft, message, sizeof(message));
    return parse_spec(draft, spec);
}

static void refuse(const char *spec, const char *complaint)
{
    struct draft draft;

    assert_int_equal(parse(&draft, spec), EINVAL);
    if (strstr(message, complaint) == NULL)
        fail_msg("%s: '%s' does not say '%s'", spec, message, complaint);
    draft_finish(&draft);
}

TEST(memfs_exports_pass_its_options_on)
{
    struct draft draft;

    assert_int_equal(parse(&draft, "/no/such/path,size=1G,rw,fs=memfs,inodes=5K,async"), 0);
    const struct export *export = &draft.entries[0].export;
    assert_string_equal(export->type, "memfs");
    assert_string_equal(export->fs_options, "size=1G,inodes=5K");
    assert_true(export->clients[0].options.rw && export->clients[0].options.async);
    /* Further clients of it have to name the same. */
    assert_int_equal(parse_spec(&draft, "/no/such/path,fs=memfs,size=1G,inodes=5K,client=a"), 0);
    assert_int_equal(draft.count, 1);
    assert_int_equal(parse_spec(&draft, "/no/such/path,fs=memfs,size=2G,client=b"), EINVAL);
    assert_non_null(strstr(message, "is already exported, with other options of memfs"));
    draft_finish(&draft);
    assert_int_equal(parse(&draft, "/mem,fs=memfs"), 0);
    assert_null(draft.entries[0].export.fs_options);
    draft_finish(&draft);
}

TEST(memfs_exports_refuse_options_of_nobody)
{
    refuse("/mem,fs=memfs,bytes=1", ": unknown option 'bytes=1': neither an export's, nor one of "
                                    "memfs");
    refuse("/mem,fs=memfs,size\\0541=2", ": unknown option 'size,1=2'");
    refuse("/mem,fs=memfs,size=1\\054x", ": option 'size=1,x' has a comma");
    refuse("/tmp,size=1G", ": unknown option 'size=1G'");
}
