/*
 * base_small.c - tests of what is small in base/: hashes, the log, the sleep hook, credentials.
 */
#include "base/cred.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/sleep.h"
#include "tests/lib/test.h"

#include <string.h>
#include <unistd.h>

TEST(a_hash_depends_on_every_byte_the_length_and_the_seed)
{
    uint8_t bytes[64] = {0};
    uint64_t plain = hash_bytes(bytes, sizeof(bytes), 1);

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = 1;
        assert_true(hash_bytes(bytes, sizeof(bytes), 1) != plain);
        bytes[i] = 0;
        assert_true(hash_bytes(bytes, i, 1) != plain);
    }
    assert_true(hash_bytes(bytes, sizeof(bytes), 2) != plain);
    assert_true(hash_bytes(bytes, sizeof(bytes), 1) == plain);
    assert_true(hash_mix(1) != hash_mix(2));
}

/* What `write_it` has the log print. */
static void log_capture(void (*write_it)(void), char *buf, size_t size)
{
    int pipe_fds[2];
    int saved = dup(STDERR_FILENO);

    assert_int_equal(pipe(pipe_fds), 0);
    dup2(pipe_fds[1], STDERR_FILENO);
    write_it();
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipe_fds[1]);
    ssize_t n = read(pipe_fds[0], buf, size - 1);
    close(pipe_fds[0]);
    buf[n > 0 ? n : 0] = '\0';
}

static void write_many_lines(void)
{
    for (int i = 0; i < 1000; i++)
        log_error("%0200d", i);
}

TEST(a_log_that_nobody_reads_stops_nobody_and_says_later_what_was_lost)
{
    static char text[1 << 20];
    int pipe_fds[2], saved = dup(STDERR_FILENO);

    assert_int_equal(pipe(pipe_fds), 0);
    dup2(pipe_fds[1], STDERR_FILENO);
    write_many_lines(); /* three times what the pipe holds */
    ssize_t taken = read(pipe_fds[0], text, sizeof(text));
    log_error("read again");
    ssize_t n = read(pipe_fds[0], text, sizeof(text) - 1);
    dup2(saved, STDERR_FILENO);
    assert_true(taken > 0 && n > 0);
    text[n] = '\0';
    assert_non_null(strstr(text, "lines were lost here"));
    assert_non_null(strstr(text, "read again"));
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    close(saved);
}

static void write_forged_line(void)
{
    log_warning("name '%s'", "a\nloopnfsd: forged\033[31m\177");
}

static void write_long_line(void)
{
    char text[8192];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    log_error("%s", text);
}

static void write_debug_line(void)
{
    log_debug("not to be seen");
}

TEST(a_clients_bytes_can_not_forge_a_line_of_the_log)
{
    char buf[8192];

    log_init(LOG_LEVEL_INFO);
    log_capture(write_forged_line, buf, sizeof(buf));
    test_note("%s", buf);
    assert_ptr_equal(strchr(buf, '\n'), buf + strlen(buf) - 1);
    assert_null(strchr(buf, '\033'));
    assert_non_null(strstr(buf, "'a?loopnfsd: forged?[31m?'"));
}

TEST(a_long_message_is_one_line_too)
{
    char buf[16384];

    log_init(LOG_LEVEL_INFO);
    log_capture(write_long_line, buf, sizeof(buf));
    assert_true(strlen(buf) > 100);
    assert_ptr_equal(strchr(buf, '\n'), buf + strlen(buf) - 1);
}

TEST(messages_above_the_level_are_dropped)
{
    char buf[256];

    log_init(LOG_LEVEL_INFO);
    assert_false(log_enabled(LOG_LEVEL_DEBUG));
    log_capture(write_debug_line, buf, sizeof(buf));
    assert_string_equal(buf, "");
    log_init(LOG_LEVEL_DEBUG);
    log_capture(write_debug_line, buf, sizeof(buf));
    assert_non_null(strstr(buf, "not to be seen\n"));
}

TEST(log_levels_have_names)
{
    enum log_level level = LOG_LEVEL_INFO;

    assert_true(log_level_parse("error", &level));
    assert_int_equal(level, LOG_LEVEL_ERROR);
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_false(log_level_parse("loud", &level));
    assert_false(log_level_parse("", &level));
}

TEST(ten_messages_a_minute_are_enough)
{
    struct log_limit limit = {0};
    int allowed = 0;

    /* A minute may end meanwhile: then there are up to twenty. */
    for (int i = 0; i < 1000; i++)
        allowed += log_limit_allows(&limit);
    test_note("%d of 1000 allowed", allowed);
    assert_in_range(allowed, 10, 20);
}

static void count(void *arg)
{
    ++*(int *)arg;
}

TEST(the_sleep_hook_is_run_while_it_is_installed)
{
    int times = 0;

    sleep_announce();
    sleep_set_hook(count, &times);
    sleep_announce();
    sleep_announce();
    sleep_set_hook(NULL, NULL);
    sleep_announce();
    assert_int_equal(times, 2);
}

TEST(equal_credentials_have_equal_seals_and_others_do_not)
{
    static const gid_t groups[] = {5, 6, 7};
    struct cred a = {.uid = 1, .gid = 2, .ngroups = 3, .groups = groups};

    cred_init();
    cred_seal(&a);
    struct cred b = a;
    cred_seal(&b);
    assert_true(a.hash == b.hash);
    b.ngroups = 2;
    cred_seal(&b);
    assert_true(a.hash != b.hash);
    b = a;
    b.uid = 2;
    cred_seal(&b);
    assert_true(a.hash != b.hash);
    b = a;
    b.gid = 1;
    cred_seal(&b);
    assert_true(a.hash != b.hash);
}
