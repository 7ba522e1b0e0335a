/*
 * rights.c - what owner, group, others and root may do to files: what ACCESS says, and what then
 * happens. Directories are in rights_dir.c.
 */
#include "tests/conformance/conformance.h"

enum { OWNER = 1000, GROUP = 1001 };
static const uint32_t both_write = VACCESS_MODIFY | VACCESS_EXTEND;

static struct object file_of(uint32_t mode)
{
    struct object file = make_file(here, "file", "text");
    expect_ok(t_chown(file, OWNER, GROUP));
    expect_ok(t_chmod(file, mode));
    return file;
}

static int try_read(struct object file)
{
    char buf[8];
    size_t len = sizeof(buf);
    return t_read(file, 0, buf, &len, NULL);
}

static int try_write(struct object file)
{
    return t_write_text(file, 0, "T");
}

/* For each mode of the one digit at `shift`: ACCESS says what the digit says, and READ and WRITE
 * agree. (Who may execute may read, since he has to read what he executes.) */
static void expect_digit(struct object file, unsigned shift, void (*become)(void))
{
    for (uint32_t digit = 0; digit < 8; digit++) {
        as_myself();
        /* All other digits grant everything: they must not count. */
        expect_ok(t_chmod(file, (0777 & ~(7u << shift)) | digit << shift));
        become();
        uint32_t granted = access_of(file);
        expect_number(granted & VACCESS_READ, digit & 4 ? VACCESS_READ : 0);
        expect_number(granted & both_write, digit & 2 ? both_write : 0);
        expect_number(granted & VACCESS_EXECUTE, digit & 1 ? VACCESS_EXECUTE : 0);
        if (shift == 6)
            continue;
        expect_error_at(try_read(file), (const int[]){digit & 5 ? 0 : EACCES, 0}, "read", __FILE__,
                        __LINE__);
        expect_error_at(try_write(file), (const int[]){digit & 2 ? 0 : EACCES, 0}, "write",
                        __FILE__, __LINE__);
        expect_error_at(t_truncate(file, 4), (const int[]){digit & 2 ? 0 : EACCES, 0}, "truncate",
                        __FILE__, __LINE__);
    }
}

static void as_owner(void)
{
    as(OWNER, 4000);
}

static void as_group(void)
{
    as(2000, GROUP);
}

static void as_supplementary(void)
{
    as_member(3000, 3000, GROUP);
}

static void as_other(void)
{
    as_member(4000, 4000, 4001);
}

BODY(the_owner_has_the_owners_rights, PLAIN | USERS)
{
    expect_digit(file_of(0644), 6, as_owner);
}

BODY(the_group_has_the_groups_rights, PLAIN | USERS)
{
    expect_digit(file_of(0644), 3, as_group);
}

BODY(a_supplementary_group_has_the_groups_rights, PLAIN | USERS)
{
    expect_digit(file_of(0644), 3, as_supplementary);
}

BODY(others_have_the_others_rights, PLAIN | USERS)
{
    expect_digit(file_of(0644), 0, as_other);
}

BODY(sixteen_groups_are_all_looked_at, PLAIN | USERS)
{
    struct who who = {.uid = 3000, .gid = 3000, .ngroups = 16};
    struct object file = file_of(0040);
    for (uint32_t i = 0; i < 16; i++)
        who.groups[i] = 5000 + i;
    driver->become(&who);
    expect_error(try_read(file), EACCES);
    who.groups[15] = GROUP;
    driver->become(&who);
    expect_ok(try_read(file));
}

BODY(root_reads_and_writes_whatever_the_mode, PLAIN | USERS)
{
    struct object file = file_of(0);
    expect_number(access_of(file) & (VACCESS_READ | both_write), VACCESS_READ | both_write);
    expect_ok(try_read(file));
    expect_ok(try_write(file));
    expect_ok(t_truncate(file, 2));
}

BODY(root_executes_what_somebody_may_execute, PLAIN | USERS)
{
    struct object file = file_of(0644);
    expect_number(access_of(file) & VACCESS_EXECUTE, 0);
    expect_ok(t_chmod(file, 0654));
    expect_number(access_of(file) & VACCESS_EXECUTE, VACCESS_EXECUTE);
}

BODY(the_owner_writes_a_file_that_is_read_only, PLAIN)
{
    struct object file;
    expect_ok(t_create(here, "file", 0444, &file));
    expect_ok(t_write_text(file, 0, "text"));
    expect_text(file, "text");
    expect_ok(t_truncate(file, 2));
    expect_text(file, "te");
}

BODY(the_owner_uses_an_open_file_whatever_its_mode, PLAIN | USERS)
{
    struct object file = file_of(0);
    as_owner();
    expect_ok(try_write(file));
    expect_ok(try_read(file));
    expect_ok(t_truncate(file, 2));
    as_group();
    expect_error(try_read(file), EACCES);
    expect_error(try_write(file), EACCES);
}

BODY(rights_taken_away_are_gone_at_once, PLAIN | USERS)
{
    struct object file = file_of(0644);
    for (int i = 0; i < 20; i++) {
        as_other();
        expect_ok(try_read(file));
        as_myself();
        expect_ok(t_chmod(file, 0640));
        as_other();
        expect_error(try_read(file), EACCES);
        expect_number(access_of(file) & VACCESS_READ, 0);
        as_myself();
        expect_ok(t_chmod(file, 0644));
    }
}

BODY(rights_are_each_callers_own, PLAIN | USERS)
{
    struct object file = file_of(0640);
    for (int i = 0; i < 10; i++) {
        as_group();
        expect_ok(try_read(file));
        as_other();
        expect_error(try_read(file), EACCES);
        as_supplementary();
        expect_ok(try_read(file));
        as(3000, 3000);
        expect_error(try_read(file), EACCES);
    }
}

BODY(only_the_owner_changes_the_mode, PLAIN | USERS)
{
    struct object file = file_of(0666);
    as_group();
    expect_error(t_chmod(file, 0777), EPERM, EACCES);
    as_other();
    expect_error(t_chmod(file, 0777), EPERM, EACCES);
    expect_number(attr_of(file).mode, 0666);
    as_owner();
    expect_ok(t_chmod(file, 0600));
    as_myself();
    expect_ok(t_chmod(file, 0640));
    expect_number(attr_of(file).mode, 0640);
}

BODY(only_root_gives_files_away, PLAIN | USERS)
{
    struct object file = file_of(0666);
    as_owner();
    expect_error(t_set(file, .set_uid = true, .uid = 2000), EPERM, EACCES);
    as_other();
    expect_error(t_set(file, .set_uid = true, .uid = 4000), EPERM, EACCES);
    expect_number(attr_of(file).uid, OWNER);
    as_owner();
    expect_ok(t_set(file, .set_uid = true, .uid = OWNER));
}

BODY(the_owner_gives_a_file_to_his_groups_only, PLAIN | USERS)
{
    struct object file = file_of(0644);
    as_member(OWNER, 1000, 1002);
    expect_ok(t_set(file, .set_gid = true, .gid = 1002));
    expect_number(attr_of(file).gid, 1002);
    expect_ok(t_set(file, .set_gid = true, .gid = 1000));
    expect_number(attr_of(file).gid, 1000);
    expect_error(t_set(file, .set_gid = true, .gid = 1003), EPERM, EACCES);
    expect_number(attr_of(file).gid, 1000);
    as(2000, 1002);
    expect_error(t_set(file, .set_gid = true, .gid = 1002), EPERM, EACCES);
}

BODY(who_may_write_sets_times_to_now_only, PLAIN | USERS)
{
    const struct timespec when = {.tv_sec = 1000000000, .tv_nsec = 0};
    struct object file = file_of(0664);
    expect_ok(t_times(file, when, when));
    as_group();
    expect_error(t_times(file, when, when), EPERM, EACCES);
    expect_ok(t_set(file, .set_atime = VTIME_NOW, .set_mtime = VTIME_NOW));
    expect(before(when, attr_of(file).mtime));
    as_other();
    expect_error(t_set(file, .set_atime = VTIME_NOW, .set_mtime = VTIME_NOW), EPERM, EACCES);
    as_owner();
    expect_ok(t_times(file, when, when));
    expect(same_time(attr_of(file).mtime, when));
}

BODY(a_write_by_another_clears_suid_and_sgid, PLAIN | USERS)
{
    struct object file = file_of(06777);
    expect_number(attr_of(file).mode, 06777);
    as_other();
    expect_ok(try_write(file));
    expect_number(attr_of(file).mode, 0777);
}

BODY(a_truncation_by_another_clears_suid_and_sgid, PLAIN | USERS)
{
    struct object file = file_of(06777);
    as_other();
    expect_ok(t_truncate(file, 1));
    expect_number(attr_of(file).mode, 0777);
}

BODY(a_change_of_owner_clears_suid_and_sgid, PLAIN | USERS)
{
    struct object file = file_of(06755);
    expect_ok(t_chown(file, 2000, 2000));
    expect_number(attr_of(file).mode, 0755);
    expect_ok(t_chmod(file, 06755));
    expect_ok(t_chown(file, OWNER, GROUP));
    expect_ok(t_chmod(file, 04755));
    as_member(OWNER, 1000, GROUP);
    expect_ok(t_set(file, .set_gid = true, .gid = 1000));
    expect_number(attr_of(file).mode, 0755);
}

BODY(a_read_leaves_suid_and_sgid, PLAIN | USERS)
{
    struct object file = file_of(06755);
    as_other();
    expect_ok(try_read(file));
    expect_number(attr_of(file).mode, 06755);
}

BODY(sgid_is_not_set_for_a_group_one_is_not_in, PLAIN | USERS)
{
    struct object file = file_of(0755);
    as(OWNER, 1000);
    expect_ok(t_chmod(file, 02755));
    expect_number(attr_of(file).mode, 0755);
    as_member(OWNER, 1000, GROUP);
    expect_ok(t_chmod(file, 02755));
    expect_number(attr_of(file).mode, 02755);
}

BODY(attributes_may_be_asked_for_by_anybody, PLAIN | USERS)
{
    struct object file = file_of(0);
    as_other();
    expect_number(attr_of(file).size, 4);
    expect_number(access_of(file) & (VACCESS_READ | both_write), 0);
}
