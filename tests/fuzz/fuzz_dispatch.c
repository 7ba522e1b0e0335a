/*
 * fuzz_dispatch.c - the server in a process, driven by clang's libFuzzer.
 *
 *     cmake -S . -B build/libfuzzer -G Ninja -DCMAKE_C_COMPILER=clang -DLOOPNFS_TESTS=ON \
 *         -DLOOPNFS_SANITIZE=ON -DLOOPNFS_LIBFUZZER=ON -DLOOPNFS_TEST_GROUPS=fuzz
 *     ninja -C build/libfuzzer fuzz_dispatch
 *     mkdir -p build/corpus
 *     ASAN_OPTIONS=detect_leaks=0 build/libfuzzer/tests/fuzz/fuzz_dispatch \
 *         -max_len=2000 -timeout=20 -rss_limit_mb=4000 build/corpus
 *
 * An input is not a message but the choices by which generate.c makes up to eight calls: no fuzzer
 * can guess the MAC of a handle. The file of an input that fails, given as the only argument, makes
 * the same calls again. With LOOPNFS_FUZZ_TABLE set, handles are of the table. As root, in a mount
 * namespace of its own, it works on a tmpfs that goes away with it.
 */
#include "tests/fuzz/world.h"
#include "tests/lib/test.h"
#include <stdio.h>
#include <stdlib.h>

#define CALLS_PER_INPUT 8
/* Inputs between two restorations of the exports. */
#define INPUTS_PER_LIFE 400

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world world;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    world.table_handles = getenv("LOOPNFS_FUZZ_TABLE") != NULL;
    world_begin(&world);
    return 0;
}

/* What tests/lib/ needs of test_main.c, whose main() is libFuzzer's here. */
void test_note(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
}

void test_skip(const char *format, ...)
{
    fprintf(stderr, "can't fuzz here: %s\n", format);
    exit(1);
}

bool test_variant_is(const char *variant)
{
    return variant[0] == '\0';
}

static void one_call(struct generator *generator, struct bytes *message)
{
    size_t head;

    message->len = 0;
    generate_call(generator, generate_shape(generator->random), message, &head);
    if (!random_one_in(generator->random, 3))
        generate_mutation(generator->random, message, head);
    const char *wrong = world_call(&world, generator->random, message);
    if (wrong == NULL)
        return;
    world_print(message);
    fprintf(stderr, "%s\n", wrong);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned inputs;
    struct random random;
    struct generator generator = {&random, &world.handles, world.paths};
    struct bytes message = {0};

    random_from_bytes(&random, data, size);
    for (int i = 0; i < CALLS_PER_INPUT && random.left > 0; i++)
        one_call(&generator, &message);
    bytes_free(&message);
    if (++inputs % INPUTS_PER_LIFE == 0) {
        const char *wrong = world_check_canary(&world);
        if (wrong != NULL) {
            fprintf(stderr, "%s\n", wrong);
            abort();
        }
        world_restore(&world);
    }
    return 0;
}
