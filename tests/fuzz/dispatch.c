/*
 * dispatch.c - every message to the server's programs, however mangled, gets a reply that is well
 * formed, and changes nothing outside of the exports.
 *
 * The server runs in this process (world.h), on buffers of exactly the sizes it is promised, so
 * that ASan sees the first byte too far. A failure prints the message; with the same seed it comes
 * again.
 */
#include "tests/fuzz/world.h"
#include "tests/lib/test.h"

/* Calls between two restorations of the exports. */
#define CALLS_PER_LIFE 1500
/* What malloc may have kept for itself, and what is made once in a process. */
#define HEAP_SLACK (256 * 1024)

static void fuzz_calls(struct world *world, struct fuzz *fuzz)
{
    struct generator generator = {&fuzz->random, &world->handles, world->paths};
    struct bytes message = {0};

    while (fuzz_goes_on(fuzz)) {
        const struct shape *shape = generate_shape(&fuzz->random);
        size_t head;

        message.len = 0;
        generate_call(&generator, shape, &message, &head);
        if (!random_one_in(&fuzz->random, 3))
            generate_mutation(&fuzz->random, &message, head);
        const char *wrong = world_call(world, &fuzz->random, &message);
        if (wrong == NULL && fuzz->rounds % 64 == 0)
            wrong = world_check_canary(world);
        if (wrong != NULL) {
            world_print(&message);
            fail_msg("round %llu: %s", (unsigned long long)fuzz->rounds, wrong);
        }
        if (fuzz->rounds % CALLS_PER_LIFE == 0)
            world_restore(world);
    }
    bytes_free(&message);
}

/* A world begins and ends twice: what the second leaves behind is a leak. */
static void fuzz_world(uint64_t seed, bool table_handles)
{
    struct world world = {.table_handles = table_handles};
    struct fuzz fuzz;
    uint64_t calls, done;

    world_begin(&world);
    world_finish(&world);
    const int fds = world_open_fds();
    const size_t heap = world_heap();
    world_begin(&world);
    fuzz_begin(&fuzz, seed);
    fuzz_calls(&world, &fuzz);
    calls = world.calls;
    done = world.done;
    world_finish(&world);
    test_note("%llu calls, %llu of them done; heap %zu before, %zu after",
              (unsigned long long)calls, (unsigned long long)done, heap, world_heap());
    assert_true(done > calls / 20); /* else the calls are not what they should be */
    assert_int_equal(world_open_fds(), fds);
    assert_true(world_heap() < heap + HEAP_SLACK);
}

TEST(mangled_calls_get_proper_replies_and_touch_nothing_outside)
{
    fuzz_world(20260101, false);
}

TEST(mangled_calls_get_proper_replies_with_table_handles_too)
{
    fuzz_world(20260102, true);
}

TEST(bytes_that_are_no_call_are_met_with_silence_or_an_error)
{
    struct world world = {.table_handles = false};
    struct bytes message = {0};
    uint8_t junk[600];
    struct fuzz fuzz;

    world_begin(&world);
    fuzz_begin(&fuzz, 20260103);
    while (fuzz_goes_on(&fuzz)) {
        uint32_t len = random_below(&fuzz.random, sizeof(junk));

        random_fill(&fuzz.random, junk, len);
        message.len = 0;
        put_raw(&message, junk, len);
        /* Right words, from the beginning on: the further, the rarer. */
        static const uint32_t words[] = {0, 2, PROGRAM_NFS, 3, 1, 1};
        for (size_t i = 0; i < 6 && 8 + 4 * i <= message.len; i++) {
            if (random_one_in(&fuzz.random, 4))
                break;
            bytes_patch_u32(&message, 4 + 4 * i, words[i]);
        }
        const char *wrong = world_call(&world, &fuzz.random, &message);
        if (wrong != NULL) {
            world_print(&message);
            fail_msg("%s", wrong);
        }
    }
    assert_null(world_check_canary(&world));
    bytes_free(&message);
    world_finish(&world);
}
