/*
 * test.h - a test is a sentence and a body.
 *
 *     TEST(a_name_of_256_bytes_is_too_long)
 *     {
 *         assert_int_equal(vop_lookup(...), ENAMETOOLONG);
 *     }
 *
 * Every test program of loopnfs includes this and is linked with test_main.c. CMake greps for
 * TEST( at the beginning of a line, so that each sentence is a ctest test, run in a process of its
 * own. The assertions are cmocka's; a failed one ends the test, without any clean-up: what must
 * not outlive a test (servers, directories) belongs to a helper that ends it with the process.
 */
#ifndef TESTS_LIB_TEST_H
#define TESTS_LIB_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What fail() and fail_msg() come down to: cmocka doesn't say that it never returns. */
void _fail(const char *file, int line) __attribute__((noreturn)); /* NOLINT */

struct test_case {
    const char *name;
    void (*run)(void **state);
    struct test_case *next;
};

/* Adds a test to the program's; called before main by what TEST() makes. The case is borrowed for
 * ever. */
void test_register(struct test_case *test);

#define TEST(sentence)                                                              \
    static void test_##sentence(void **state);                                      \
    __attribute__((constructor)) static void register_##sentence(void)              \
    {                                                                               \
        static struct test_case test = {.name = #sentence, .run = test_##sentence}; \
        test_register(&test);                                                       \
    }                                                                               \
    static void test_##sentence(void **state __attribute__((unused)))

/* The variant this run is of ("root", "user", ...); "" where the program has none. */
const char *test_variant(void);
bool test_variant_is(const char *variant);

/* Ends the test as skipped and says why. Where the environment has CI nothing may be skipped, and
 * the test fails. */
void test_skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* What is tested doesn't exist in `variant`. At the beginning of a test: CMake then has no such
 * test at all; who runs the program by hand sees it skipped, in CI too. */
void test_skip_in_variant(const char *variant, const char *reason);

/* Says what the test does: one line on stdout. */
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
