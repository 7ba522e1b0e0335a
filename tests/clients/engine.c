/*
 * engine.c - the replay engine is tested itself: a reply that is not what a script says must fail
 * the test, or the clients' tests would say nothing.
 *
 * A child plays scripts/engine.rpc against a socket of this process, which answers with bytes that
 * are right or wrong; how the child ends is the result.
 */
#include "tests/clients/replay.h"
#include "tests/lib/test.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is right behind the xid: REPLY, a string of 5 and its padding, a word, 7. */
static const uint8_t right[] = {0,   0, 0, 1, 0, 0, 0, 5, 'a', 'b', 'c', 'd',
                                'e', 0, 0, 0, 9, 9, 9, 9, 0,   0,   0,   7};

static uint16_t socket_open(int *fd)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    *fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&at, &len), 0);
    return ntohs(at.sin_port);
}

/* Answers the next call with its xid, changed by `xid_error`, and these bytes. */
static void answer(int fd, uint8_t xid_error, const uint8_t *bytes, size_t len)
{
    uint8_t message[128];
    struct sockaddr_in peer;
    socklen_t peer_len = sizeof(peer);
    ssize_t got = recvfrom(fd, message, sizeof(message), 0, (struct sockaddr *)&peer, &peer_len);
    assert_int_equal(got, 8);
    message[3] ^= xid_error;
    memcpy(message + 4, bytes, len);
    sendto(fd, message, 4 + len, 0, (struct sockaddr *)&peer, peer_len);
}

/* Whether a child that plays the script is content with the answer. */
static bool is_content(uint8_t xid_error, const uint8_t *bytes, size_t len)
{
    int fd, status;
    uint16_t port = socket_open(&fd);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        struct replay *replay = replay_create("127.0.0.1");
        replay_set_word(replay, "port", port);
        replay_run(replay, "engine.rpc"); /* where it fails, this process exits with 1 */
        bool remembered = replay_word(replay, "word") == 0x09090909;
        replay_destroy(replay);
        _exit(remembered ? 0 : 2);
    }
    answer(fd, xid_error, bytes, len);
    close(fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) <= 1);
    return WEXITSTATUS(status) == 0;
}

TEST(a_replay_passes_with_the_reply_of_its_script)
{
    assert_true(is_content(0, right, sizeof(right)));
}

TEST(a_replay_notices_every_changed_byte)
{
    for (size_t i = 0; i < sizeof(right); i++) {
        uint8_t wrong[sizeof(right)];
        memcpy(wrong, right, sizeof(right));
        wrong[i] ^= 0x10;
        bool is_any = i >= 16 && i < 20;
        if (!is_any)
            assert_false(is_content(0, wrong, sizeof(wrong)));
    }
    assert_false(is_content(1, right, sizeof(right)));
}

TEST(a_replay_notices_bytes_that_are_missing_or_too_many)
{
    uint8_t longer[sizeof(right) + 4] = {0};
    memcpy(longer, right, sizeof(right));
    assert_false(is_content(0, longer, sizeof(longer)));
    assert_false(is_content(0, longer, sizeof(right) + 1));
    for (size_t len = 0; len < sizeof(right); len += 2)
        assert_false(is_content(0, right, len));
}
