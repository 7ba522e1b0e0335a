/*
 * net_payload_in.c - tests of messages whose end comes by a pipe (net/payload_in.h): what arrives,
 * whatever its shape and whatever the handler does with it. What goes wrong on the way is in
 * net_payload_in_trouble.c.
 */
#include "tests/unit/net_payload_in_fixture.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Of a thread that was kept from its CPU the loop is taken in the middle of a message, and then the
 * next one comes through memory: on a busy machine not all come by the pipe, but most do. */
static void most_came_by_pipe(unsigned before, unsigned sent)
{
    assert_in_range(rest_counts.by_pipe - before, sent / 2, sent);
}

TEST(a_rest_of_any_length_arrives_whole_by_the_pipe)
{
    static const uint32_t rests[] = {REST_LEAST, REST_LEAST + 1, REST_LEAST + 3, 150001, 200001,
                                     262143,     300000,         524288,         777777, MIB - 1,
                                     MIB};
    static const uint32_t begins[] = {8, 100, 1001, 2048};
    struct address address = rest_start();
    int fd = rest_dial_grown(&address);
    unsigned before = rest_counts.by_pipe, sent = 0;

    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        rest_teach(fd, begins[i]);
        for (size_t j = 0; j < sizeof(rests) / sizeof(rests[0]); j++) {
            for (uint32_t deal = 0; deal < DEALINGS; deal++) {
                struct question q = rest_long(deal, begins[i], rests[j]);
                /* Where it is only copied the next ones come through memory for a while. */
                if (deal == FILL)
                    continue;
                uint32_t tag = rest_ask(fd, q);
                struct outcome outcome = rest_answer_to(fd, tag);
                assert_true(outcome.rest == 0 || outcome.rest == rests[j]);
                sent++;
            }
        }
    }
    most_came_by_pipe(before, sent);
    for (size_t j = 0; j < 16 * sizeof(rests) / sizeof(rests[0]); j++) {
        rest_ask(fd, rest_long(FILL, 100, rests[j % (sizeof(rests) / sizeof(rests[0]))]));
        rest_answer(fd);
    }
    close(fd);
    rest_finish();
}

TEST(a_rest_of_less_than_128_KiB_comes_through_memory)
{
    struct address address = rest_start();
    int fd = rest_dial_grown(&address);

    rest_teach(fd, 100);
    for (uint32_t i = 0; i < 40; i++) {
        rest_ask(fd, rest_long(i % DEALINGS, 100, REST_LEAST - 1 - i * 3000));
        assert_int_equal(rest_answer(fd).rest, 0);
    }
    close(fd);
    rest_finish();
}

/* The handler counts them in what it has in memory. */
TEST(the_first_256_bytes_of_a_rest_are_in_memory_as_well)
{
    struct address address = rest_start();
    int fd = rest_dial_grown(&address);
    unsigned before = rest_counts.by_pipe;

    rest_teach(fd, 60);
    for (uint32_t i = 0; i < 40; i++) {
        rest_ask(fd, rest_long(i % 2 ? IGNORE : TAKE, 60 + i, REST_LEAST + i));
        rest_answer(fd);
    }
    most_came_by_pipe(before, 40);
    close(fd);
    rest_finish();
}

TEST(where_no_rest_is_wanted_the_message_comes_through_memory)
{
    struct address address = rest_start();
    int fd = rest_dial_grown(&address);

    rest_teach(fd, 0);
    for (uint32_t i = 0; i < 20; i++) {
        struct question q = rest_long(TAKE, 100, 200000);
        q.begins = i % 2 ? 4000 : 0; /* no call's arguments begin so far on */
        rest_ask(fd, q);
        assert_int_equal(rest_answer(fd).rest, 0);
    }
    close(fd);
    rest_finish();
}

TEST(a_handler_that_leaves_bytes_in_the_pipe_spoils_nobodys_next_message)
{
    struct address address = rest_start();
    int one = rest_dial_grown(&address), other = rest_dial_grown(&address);
    unsigned before = rest_counts.by_pipe, sent = 0;

    rest_teach(one, 100);
    rest_teach(other, 200);
    for (uint32_t i = 0; i < 24; i++) {
        uint32_t left = i % 2 ? IGNORE : PART;
        /* One after the other; side by side; one that is short. */
        rest_ask(one, rest_long(left, 100, 140000 + i));
        if (i % 3 > 0)
            rest_answer(one);
        rest_ask(other, rest_long(i % 4 < 2 ? TAKE : FILL, 200, 150000 + i));
        if (i % 3 == 0)
            rest_answer(one);
        rest_answer(other);
        rest_ask(one, (struct question){.len = 300, .begins = 100});
        rest_answer(one);
        rest_ask(one, rest_long(left, 100, 140000 + i));
        rest_answer(one);
        rest_ask(one, rest_long(TAKE, 100, 190000 + i));
        rest_answer(one);
        sent += 4;
    }
    most_came_by_pipe(before, sent);
    close(one);
    close(other);
    rest_finish();
}

/* Sends them in one go, after one that has the connection expect a rest behind 1000 bytes. */
static void ask_all(int fd, struct question *questions, unsigned count, uint32_t fragment)
{
    uint8_t *stream = malloc(count * (size_t)STREAM_MAX);
    size_t len = 0;

    rest_teach(fd, 1000);
    for (unsigned i = 0; i < count; i++)
        len += rest_put(stream + len, &questions[i], fragment);
    rest_send(fd, stream, len);
    free(stream);
    rest_answers(fd, count);
}

TEST(messages_of_another_shape_than_expected_arrive_whole)
{
    struct address address = rest_start();
    int fd = rest_dial_grown(&address);
    struct question usual = rest_long(TAKE, 1000, 140000);

    for (uint32_t deal = 0; deal < DEALINGS; deal++) {
        struct question shorter = rest_long(deal, 200, 140000);
        struct question longer = rest_long(deal, 1999, 400000);
        struct question small = {.len = sizeof(small) + deal, .begins = 1000};
        struct question head = {.len = 999 + deal, .begins = 1000};
        struct question silent = rest_long(deal, 1000, 300000);
        silent.begins = 0;
        ask_all(fd, (struct question[]){shorter, usual}, 2, 0);
        ask_all(fd, (struct question[]){longer, usual}, 2, 0);
        ask_all(fd, (struct question[]){small}, 1, 0);
        ask_all(fd, (struct question[]){small, small, small, usual, small}, 5, 0);
        ask_all(fd, (struct question[]){head, usual, small, longer}, 4, 0);
        ask_all(fd, (struct question[]){silent, usual}, 2, 0);
        ask_all(fd, (struct question[]){usual, longer, usual, shorter}, 4, 0);
    }
    close(fd);
    rest_finish();
}

TEST(messages_in_several_fragments_arrive_whole)
{
    static const uint32_t fragments[] = {7,     100, 996, 1000, 1004, REST_LEAST, REST_LEAST + 1000,
                                         140999};
    struct address address = rest_start();
    int fd = rest_dial_grown(&address);
    struct question usual = rest_long(TAKE, 1000, 140000);
    struct question small = {.len = 1000, .begins = 1000};

    for (size_t i = 0; i < sizeof(fragments) / sizeof(fragments[0]); i++) {
        ask_all(fd, (struct question[]){usual}, 1, fragments[i]);
        ask_all(fd, (struct question[]){usual, small, usual}, 3, fragments[i]);
        ask_all(fd, (struct question[]){small, small}, 2, fragments[i]);
        rest_ask(fd, usual);
        rest_answer(fd);
    }
    close(fd);
    rest_finish();
}

/* Two messages, of which the first is sent with some bytes of the second, then the others. So the
 * second one does not begin at a multiple of 4 in what was received, but is moved to one. */
static void ask_behind(int fd, uint32_t odd, struct question q, uint32_t fragment)
{
    static uint8_t stream[2 * STREAM_MAX];
    struct question first = {.len = 300 + odd, .begins = 100};
    size_t first_len = rest_put(stream, &first, 0);
    size_t len = first_len + rest_put(stream + first_len, &q, fragment);

    rest_send(fd, stream, first_len + 50);
    rest_answer(fd);
    rest_send(fd, stream + first_len + 50, len - first_len - 50);
    rest_answer(fd);
}

TEST(a_rest_behind_a_message_of_odd_length_arrives_whole)
{
    struct address address = rest_start();
    int fd = rest_dial_grown(&address);

    for (uint32_t odd = 0; odd < 4; odd++)
        for (uint32_t deal = 0; deal < DEALINGS; deal++)
            ask_behind(fd, odd, rest_long(deal, 100, 150000 + odd), 0);
    for (uint32_t odd = 0; odd < 4; odd++)
        for (uint32_t deal = 0; deal < DEALINGS; deal++)
            ask_behind(fd, odd, rest_long(deal, 100, 150000 + odd), 140000);
    close(fd);
    rest_finish();
}

/* --- slow ones --- */

TEST(who_sends_a_rest_slowly_keeps_nobody_waiting)
{
    static uint8_t stream[STREAM_MAX];
    struct address address = rest_start();
    int slow = rest_dial_grown(&address), other = rest_dial_grown(&address);
    struct question q = rest_long(TAKE, 100, 500000);

    rest_teach(slow, 100);
    rest_teach(other, 100);
    size_t len = rest_put(stream, &q, 0);
    for (size_t at = 0, step; at < len; at += step) {
        /* The head, some bytes, then larger pieces. */
        step = at == 0 ? 104 : at < 1000 ? 300 : 60000;
        if (step > len - at)
            step = len - at;
        rest_send(slow, stream + at, step);
        host_sleep_ms(10);
        rest_ask(other, rest_long(TAKE, 100, 140000));
        rest_answer(other);
    }
    rest_answer(slow);
    close(slow);
    close(other);
    rest_finish();
}

static int64_t cpu_msec(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

TEST(waiting_for_a_rest_takes_no_cpu)
{
    static uint8_t stream[STREAM_MAX];
    struct address address = rest_start();
    int fd = rest_dial_grown(&address);

    for (int i = 0; i < 3; i++) {
        struct question q = rest_long(FILL, 100, 400000);
        rest_teach(fd, 100);
        size_t len = rest_put(stream, &q, 0);
        size_t begun = i == 0 ? 104 : i == 1 ? 1000 : len - 1;
        rest_send(fd, stream, begun);
        rest_until_begun(fd, begun);
        int64_t before = cpu_msec();
        host_sleep_ms(300);
        assert_in_range(cpu_msec() - before, 0, 100);
        rest_send(fd, stream + begun, len - begun);
        rest_answer(fd);
    }
    close(fd);
    rest_finish();
}

/* Small pieces of two connections by turns: they lie in the sockets as they came, and each takes
 * as much of a pipe as a page does. */
static void send_in_pieces(const struct address *address, uint32_t deal, size_t step)
{
    static uint8_t streams[2][STREAM_MAX];
    const int yes = 1;
    int fds[2];
    size_t len = 0;

    for (int i = 0; i < 2; i++) {
        struct question q = rest_long(deal, 100, 140000);
        fds[i] = rest_dial_grown(address);
        setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        rest_teach(fds[i], 100);
        len = rest_put(streams[i], &q, 0);
    }
    for (size_t at = 0; at < len; at += step)
        for (int i = 0; i < 2; i++)
            rest_send(fds[i], streams[i] + at, len - at < step ? len - at : step);
    for (int i = 0; i < 2; i++) {
        rest_answer(fds[i]);
        rest_ask(fds[i], rest_long(TAKE, 100, 300000));
        rest_answer(fds[i]);
        close(fds[i]);
    }
}

TEST(a_rest_in_more_pieces_than_the_pipe_has_room_for_arrives_whole)
{
    /* The pipe has room for 256 pieces, or for four times as many: a small part, the larger one,
     * all. */
    static const size_t steps[] = {100, 150, 200, 400, 500, 4096};
    struct address address = rest_start();

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        for (uint32_t deal = 0; deal < DEALINGS; deal++)
            send_in_pieces(&address, deal, steps[i]);
    test_note("%u were in the pipe, %u of them not wholly", rest_counts.by_pipe,
              rest_counts.by_both);
    assert_true(rest_counts.by_both > 0);
    rest_finish();
}
