/*
 * test_main.c - main() of every test program: all tests, or those named.
 *
 *     PROGRAM            runs all of its tests, in the order of the sources
 *     PROGRAM NAME...    runs these
 *     PROGRAM --list     prints their names
 *
 * Exit status: 0 all passed, 1 a test failed, 2 no such test, 77 nothing failed but everything
 * was skipped (ctest's SKIP_RETURN_CODE).
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_SKIPPED 77

/* All tests, in order of registration; filled before main, then only read. */
static struct test_case *first;
static struct test_case **last = &first;
static int skipped;

void test_register(struct test_case *test)
{
    *last = test;
    last = &test->next;
}

const char *test_variant(void)
{
    const char *variant = getenv("LOOPNFS_VARIANT");
    return variant ? variant : "";
}

bool test_variant_is(const char *variant)
{
    return strcmp(test_variant(), variant) == 0;
}

static void __attribute__((noreturn)) skip_now(const char *reason)
{
    printf("skipped: %s\n", reason);
    skipped++;
    skip();
    abort();
}

static void __attribute__((noreturn)) skip_unless_ci(const char *reason)
{
    if (getenv("CI")) {
        fail_msg("would be skipped, which CI doesn't allow: %s", reason);
        abort();
    }
    skip_now(reason);
}

void test_skip(const char *format, ...)
{
    char reason[256];
    va_list args;

    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    skip_unless_ci(reason);
}

/* tests/CMakeLists.txt leaves out the variants that a test names at its beginning. One that comes
 * here was named later, where CMake does not see it. */
void test_skip_in_variant(const char *variant, const char *reason)
{
    if (test_variant_is(variant))
        skip_unless_ci(reason);
}

void test_note(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static const struct test_case *find(const char *name)
{
    const struct test_case *test = first;

    while (test && strcmp(test->name, name) != 0)
        test = test->next;
    return test;
}

static int run(const struct test_case *test)
{
    const struct CMUnitTest unit = {.name = test->name, .test_func = test->run};

    return _cmocka_run_group_tests(test->name, &unit, 1, NULL, NULL);
}

int main(int argc, char **argv)
{
    int failed = 0;
    int count = 0;

    /* A test that dies must not take what it said with it. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (const struct test_case *test = first; test; test = test->next)
            puts(test->name);
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        if (!find(argv[i])) {
            fprintf(stderr, "%s: no test called %s\n", argv[0], argv[i]);
            return 2;
        }
    }
    for (int i = 1; i < argc; i++, count++)
        failed += run(find(argv[i])) != 0;
    if (argc == 1) {
        for (const struct test_case *test = first; test; test = test->next, count++)
            failed += run(test) != 0;
    }
    if (failed > 0)
        return 1;
    return count > 0 && skipped == count ? EXIT_SKIPPED : 0;
}
