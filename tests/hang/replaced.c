/*
 * replaced.c - looking after exports that go and come, while one of them hangs.
 */
#include "tests/hang/fixture.h"
#include <signal.h>
#include <string.h>

TEST(an_export_that_hangs_hides_no_change_of_another)
{
    static struct hang h;
    struct mount_answer answer;
    struct fh fh;

    hang_prepare(&h);
    hang_begin(&h);
    h.fuse->hung = true;
    /* Whoever looks whether the exports are still there is held now. */
    hung_fuse_holds(h.fuse, 1);
    for (int i = 0; i < 3; i++) {
        host_remove_tree(h.m.dir);
        host_mkdir(h.m.server.home, strrchr(h.m.dir, '/') + 1, 0755);
        host_write(h.m.dir, "new", "new text");
        assert_int_equal(ask_mnt(&h.m.client, 3, h.m.dir, &answer), MNT_OK);
        expect_ok(ask_lookup(&h.m.client, &answer.fh, "new", &fh, NULL, NULL));
    }
    h.fuse->hung = false;
    hang_end(&h);
}
