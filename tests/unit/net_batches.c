/*
 * net_batches.c - tests of what net/ tells the handler of a message's batch.
 *
 * The handler notes batch and tag of each message, sleeps where the message says so, and answers
 * with the tag.
 */
#include "base/sleep.h"
#include "net/net.h"
#include "tests/lib/test.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ECHO, SLEEP };

#define NOTES 512

struct note {
    uint32_t tag;
    uint64_t batch;
    bool last;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct note notes[NOTES]; /* guarded by lock, as count */
static unsigned count;

static size_t handler(struct net_message *message)
{
    uint32_t words[2];

    if (message->len != sizeof(words))
        return 0;
    memcpy(words, message->data, sizeof(words));
    pthread_mutex_lock(&lock);
    assert_true(count < NOTES);
    notes[count++] = (struct note){words[1], message->batch, message->last_in_batch};
    pthread_mutex_unlock(&lock);
    if (words[0] == SLEEP) {
        sleep_announce();
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    memcpy(message->reply, &words[1], 4);
    return 4;
}

static struct address start(unsigned loops)
{
    struct net_config config = {.loops = loops, .spin_usec = -1, .handler = handler};
    struct address address;

    alarm(25);
    assert_int_equal(address_parse("127.0.0.1", 0, &address), 0);
    assert_int_equal(net_init(&config), 0);
    assert_int_equal(net_listen(&address), 0);
    assert_int_equal(net_start(), 0);
    return address;
}

static int dial(const struct address *to, int type)
{
    struct timeval patience = {.tv_sec = 10};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, &to->any, address_len(to)), 0);
    return fd;
}

/* `messages` in one send, with the tags from `tag` on; the first does `what`, the others echo. */
static void ask(int fd, uint32_t what, uint32_t tag, unsigned messages)
{
    uint32_t words[3 * 16];

    assert_true(messages <= 16);
    for (uint32_t i = 0; i < messages; i++) {
        words[3 * i] = htonl(0x80000000u | 8);
        words[3 * i + 1] = i == 0 ? what : ECHO;
        words[3 * i + 2] = tag + i;
    }
    assert_int_equal(send(fd, words, messages * 12, MSG_NOSIGNAL), messages * 12);
}

static void answers(int fd, unsigned messages)
{
    uint32_t words[2];

    for (unsigned i = 0; i < messages; i++)
        assert_int_equal(recv(fd, words, sizeof(words), MSG_WAITALL), sizeof(words));
}

static struct note note_of(uint32_t tag)
{
    struct note note = {0};

    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < count; i++)
        if (notes[i].tag == tag)
            note = notes[i];
    pthread_mutex_unlock(&lock);
    assert_int_equal(note.tag, tag);
    return note;
}

TEST(messages_that_arrived_together_are_of_one_batch_and_the_last_says_so)
{
    struct address address = start(1);
    int fd = dial(&address, SOCK_STREAM);

    ask(fd, ECHO, 1, 8);
    answers(fd, 8);
    for (uint32_t tag = 1; tag <= 8; tag++) {
        assert_true(note_of(tag).batch != 0);
        assert_true(note_of(tag).batch == note_of(1).batch);
        assert_int_equal(note_of(tag).last, tag == 8);
    }
    ask(fd, ECHO, 9, 1);
    answers(fd, 1);
    assert_true(note_of(9).batch != note_of(1).batch);
    assert_true(note_of(9).last);
    close(fd);
    net_finish(1000);
}

TEST(a_message_behind_one_that_slept_is_of_another_batch)
{
    struct address address = start(1);
    int fd = dial(&address, SOCK_STREAM);

    ask(fd, SLEEP, 1, 2);
    answers(fd, 2);
    assert_true(note_of(1).batch != 0 && note_of(2).batch != 0);
    assert_true(note_of(2).batch != note_of(1).batch);
    close(fd);
    net_finish(1000);
}

TEST(a_datagram_has_a_batch_and_is_never_its_last)
{
    struct address address = start(1);
    int fd = dial(&address, SOCK_DGRAM);
    uint32_t words[2] = {ECHO, 1}, tag;

    assert_int_equal(send(fd, words, sizeof(words), 0), sizeof(words));
    assert_int_equal(recv(fd, &tag, sizeof(tag), 0), sizeof(tag));
    assert_true(note_of(1).batch != 0);
    assert_false(note_of(1).last);
    close(fd);
    net_finish(1000);
}

/* One message a batch, on connections of several loops, of one server after the other. */
TEST(no_two_batches_of_a_process_have_one_number)
{
    uint32_t tag = 1;
    int fds[8];

    for (unsigned server = 0; server < 2; server++) {
        struct address address = start(4);
        for (unsigned i = 0; i < 8; i++)
            fds[i] = dial(&address, SOCK_STREAM);
        for (unsigned i = 0; i < 64; i++) {
            ask(fds[i % 8], ECHO, tag++, 1);
            answers(fds[i % 8], 1);
        }
        for (unsigned i = 0; i < 8; i++)
            close(fds[i]);
        net_finish(1000);
    }
    assert_int_equal(count, 128);
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = 0; j < i; j++)
            assert_true(notes[i].batch != notes[j].batch);
}
