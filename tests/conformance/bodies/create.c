/*
 * create.c - CREATE in its three ways, and MKDIR.
 */
#include "tests/conformance/conformance.h"

static const uint8_t one[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static int exclusive(const char *name, const uint8_t verifier[8], struct object *out)
{
    struct vcreate how = {.mode = VCREATE_EXCLUSIVE};
    memcpy(how.verifier, verifier, sizeof(how.verifier));
    return t_create_how(here, name, &how, out);
}

static int unchecked(const char *name, const struct vsetattr *set, struct object *out)
{
    struct vcreate how = {.mode = VCREATE_UNCHECKED, .attr = *set};
    return t_create_how(here, name, &how, out);
}

BODY(a_created_file_is_empty_and_has_the_mode_asked_for, PLAIN)
{
    struct object file;
    expect_ok(t_create(here, "file", 0640, &file));
    struct vattr attr = attr_of(file);
    expect_number(attr.type, VREG);
    expect_number(attr.mode, 0640);
    expect_number(attr.size, 0);
    expect_number(attr.nlink, 1);
    expect_text(file, "");
}

BODY(a_created_file_belongs_to_who_asked, PLAIN)
{
    struct vattr attr = attr_of(make_file(here, "file", ""));
    expect_number(attr.uid, myself.uid);
    expect_number(attr.gid, myself.gid);
    attr = attr_of(make_dir(here, "dir"));
    expect_number(attr.uid, myself.uid);
    expect_number(attr.gid, myself.gid);
}

BODY(what_another_user_creates_belongs_to_him, PLAIN | USERS)
{
    struct object file, dir;
    expect_ok(t_chmod(here, 0777));
    as(1000, 1001);
    expect_ok(t_create(here, "file", 0644, &file));
    expect_ok(t_mkdir(here, "dir", 0755, &dir));
    expect_number(attr_of(file).uid, 1000);
    expect_number(attr_of(file).gid, 1001);
    expect_number(attr_of(dir).uid, 1000);
    expect_number(attr_of(dir).gid, 1001);
}

BODY(every_bit_of_a_mode_can_be_asked_for, PLAIN)
{
    struct object file;
    char name[] = "0";
    for (int bit = 0; bit < 9; bit++) {
        name[0] = (char)('a' + bit);
        expect_ok(t_create(here, name, 1u << bit, &file));
        expect_number(attr_of(file).mode, 1u << bit);
    }
    expect_ok(t_create(here, "none", 0, &file));
    expect_number(attr_of(file).mode, 0);
}

BODY(unchecked_makes_a_file, PLAIN)
{
    struct object file;
    expect_ok(unchecked("file", &(struct vsetattr){.set_mode = true, .mode = 0600}, &file));
    expect_number(attr_of(file).mode, 0600);
    expect_entry(here, "file", file);
}

BODY(unchecked_keeps_what_an_existing_file_has, PLAIN)
{
    struct object file = make_file(here, "file", "text"), again;
    expect_ok(unchecked("file", &(struct vsetattr){.set_mode = true, .mode = 0600}, &again));
    expect_same(again, file);
    expect_text(file, "text");
    expect_number(list_count(here), 1);
}

BODY(unchecked_with_size_0_truncates_an_existing_file, PLAIN)
{
    struct object file = make_file(here, "file", "text"), again;
    expect_ok(unchecked("file", &(struct vsetattr){.set_size = true}, &again));
    expect_same(again, file);
    expect_text(file, "");
}

BODY(unchecked_does_not_open_a_directory, PLAIN)
{
    struct object out, dir = make_dir(here, "dir");
    expect_error(unchecked("dir", &(struct vsetattr){.set_size = true}, &out), EISDIR, EEXIST,
                 EINVAL);
    expect_entry(here, "dir", dir);
}

BODY(unchecked_does_not_follow_a_symlink, PLAIN | SYMLINKS)
{
    struct object out, file = make_file(here, "file", "text");
    make_symlink(here, "link", "file");
    make_symlink(here, "dangling", "new");
    int err = unchecked("link", &(struct vsetattr){.set_size = true}, &out);
    expect(err != 0);
    err = unchecked("dangling", &(struct vsetattr){.set_mode = true, .mode = 0644}, &out);
    expect(err != 0);
    expect_text(file, "text");
    expect_missing(here, "new");
    expect_target(find(here, "link"), "file");
}

BODY(guarded_fails_where_the_name_is_taken, PLAIN)
{
    struct object out, file = make_file(here, "file", "text"), dir = make_dir(here, "dir");
    expect_error(t_create(here, "file", 0600, &out), EEXIST);
    expect_error(t_create(here, "dir", 0600, &out), EEXIST);
    expect_text(file, "text");
    expect_number(attr_of(file).mode, 0644);
    expect_entry(here, "dir", dir);
}

BODY(guarded_fails_where_a_symlink_has_the_name, PLAIN | SYMLINKS)
{
    struct object out, link = make_symlink(here, "link", "nowhere");
    expect_error(t_create(here, "link", 0600, &out), EEXIST);
    expect_entry(here, "link", link);
    expect_missing(here, "nowhere");
}

BODY(exclusive_makes_a_file_that_can_be_written, PLAIN)
{
    struct object file;
    expect_ok(exclusive("file", one, &file));
    struct vattr attr = attr_of(file);
    expect_number(attr.type, VREG);
    expect_number(attr.size, 0);
    expect_number(attr.nlink, 1);
    expect_number(attr.uid, myself.uid);
    expect_ok(t_write_text(file, 0, "text"));
    expect_text(file, "text");
}

BODY(exclusive_again_with_the_same_verifier_succeeds, PLAIN)
{
    struct object file, again;
    expect_ok(exclusive("file", one, &file));
    expect_ok(exclusive("file", one, &again));
    expect_same(again, file);
    expect_number(list_count(here), 1);
}

BODY(exclusive_with_another_verifier_fails, PLAIN)
{
    struct object file, again;
    expect_ok(exclusive("file", one, &file));
    for (int i = 0; i < 64; i++) {
        uint8_t other[8];
        memcpy(other, one, 8);
        other[i / 8] ^= (uint8_t)(1u << i % 8);
        expect_error(exclusive("file", other, &again), EEXIST);
    }
    expect_ok(exclusive("file", one, &again));
}

BODY(exclusive_remembers_any_verifier, PLAIN)
{
    static const uint8_t verifiers[][8] = {
        {0, 0, 0, 0, 0, 0, 0, 0},
        {255, 255, 255, 255, 255, 255, 255, 255},
        {0x80, 0, 0, 0, 0x80, 0, 0, 0},
        {0x7f, 255, 255, 255, 0x3b, 0x9a, 0xca, 0x00},
        {0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff},
    };
    char name[] = "0";
    for (size_t i = 0; i < sizeof(verifiers) / sizeof(verifiers[0]); i++) {
        struct object file, again;
        name[0] = (char)('0' + i);
        expect_ok(exclusive(name, verifiers[i], &file));
        expect_ok(exclusive(name, verifiers[i], &again));
        expect_same(again, file);
        attr_of(file);
    }
}

BODY(exclusive_on_a_file_made_otherwise_fails, PLAIN)
{
    static const uint8_t zero[8];
    struct object out, file = make_file(here, "file", "text");
    make_dir(here, "dir");
    expect_error(exclusive("file", one, &out), EEXIST);
    expect_error(exclusive("file", zero, &out), EEXIST);
    expect_error(exclusive("dir", one, &out), EEXIST);
    expect_text(file, "text");
}

BODY(after_exclusive_setattr_gives_mode_and_times, PLAIN)
{
    const struct timespec when = {.tv_sec = 1000000000, .tv_nsec = 123456789};
    struct object file;
    expect_ok(exclusive("file", one, &file));
    expect_ok(t_set(file, .set_mode = true, .mode = 0640, .set_atime = VTIME_GIVEN, .atime = when,
                    .set_mtime = VTIME_GIVEN, .mtime = when));
    struct vattr attr = attr_of(file);
    expect_number(attr.mode, 0640);
    expect(same_time(attr.mtime, when));
    expect(same_time(attr.atime, when));
}

BODY(exclusive_is_remembered_over_a_restart, PLAIN | RESTART | STABLE)
{
    static const uint8_t two[8] = {8, 7, 6, 5, 4, 3, 2, 1};
    struct object file, again;
    expect_ok(exclusive("file", one, &file));
    restart();
    expect_error(exclusive("file", two, &again), EEXIST);
    expect_ok(exclusive("file", one, &again));
    expect_same(again, file);
}

BODY(create_gives_size_and_times_asked_for, PLAIN)
{
    const struct timespec when = {.tv_sec = 1234567890, .tv_nsec = 5};
    struct object file;
    expect_ok(unchecked("file",
                        &(struct vsetattr){.set_mode = true,
                                           .mode = 0600,
                                           .set_size = true,
                                           .size = 1000,
                                           .set_mtime = VTIME_GIVEN,
                                           .mtime = when},
                        &file));
    struct vattr attr = attr_of(file);
    expect_number(attr.size, 1000);
    expect(same_time(attr.mtime, when));
}

BODY(create_by_root_gives_the_owner_asked_for, PLAIN | USERS)
{
    struct object file;
    struct vsetattr set = {
        .set_mode = true, .mode = 0600, .set_uid = true, .uid = 1000, .set_gid = true, .gid = 1001};
    expect_ok(unchecked("file", &set, &file));
    expect_number(attr_of(file).uid, 1000);
    expect_number(attr_of(file).gid, 1001);
}

BODY(nothing_is_created_in_a_file, PLAIN)
{
    struct object out, file = make_file(here, "file", "");
    expect_error(t_create(file, "a", 0644, &out), ENOTDIR);
    expect_error(t_mkdir(file, "a", 0755, &out), ENOTDIR);
}

BODY(nothing_is_created_in_a_removed_directory, PLAIN)
{
    struct object out, dir = make_dir(here, "dir");
    expect_ok(t_rmdir(here, "dir"));
    expect_error(t_create(dir, "a", 0644, &out), ESTALE, ENOENT);
    expect_error(t_mkdir(dir, "a", 0755, &out), ESTALE, ENOENT);
    expect_missing(here, "dir");
}

BODY(a_new_directory_is_empty_and_has_the_mode_asked_for, PLAIN)
{
    struct object dir;
    expect_ok(t_mkdir(here, "dir", 0751, &dir));
    struct vattr attr = attr_of(dir);
    expect_number(attr.type, VDIR);
    expect_number(attr.mode, 0751);
    expect_number(list_count(dir), 0);
}

BODY(a_directory_counts_its_subdirectories, PLAIN)
{
    struct object dir = make_dir(here, "dir");
    /* 2 and one for each subdirectory; or 1 for ever, where it does not count. */
    uint32_t empty = attr_of(dir).nlink, each = empty == 2 ? 1 : 0;
    expect(empty == 1 || empty == 2);
    make_dir(dir, "a");
    make_dir(dir, "b");
    make_file(dir, "c", "");
    expect_number(attr_of(dir).nlink, empty + 2 * each);
    expect_ok(t_rmdir(dir, "a"));
    expect_number(attr_of(dir).nlink, empty + each);
}

BODY(mkdir_fails_where_the_name_is_taken, PLAIN)
{
    struct object out, dir = make(A_FULL_DIR, here, "dir"), file = make_file(here, "file", "");
    expect_error(t_mkdir(here, "dir", 0700, &out), EEXIST);
    expect_error(t_mkdir(here, "file", 0700, &out), EEXIST);
    expect_entry(here, "file", file);
    expect_number(list_count(dir), 1);
    expect_number(attr_of(dir).mode, 0755);
}

BODY(directories_nest_deeply, PLAIN)
{
    struct object at = here, up[60];
    for (int i = 0; i < 60; i++) {
        up[i] = at;
        at = make_dir(at, "a rather long name, so that a path would be too long for most programs");
    }
    expect_text(make_file(at, "leaf", "text"), "text");
    for (int i = 59; i >= 0; i--) {
        at = find(at, "..");
        expect_same(at, up[i]);
    }
}
