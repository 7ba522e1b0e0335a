/*
 * attack.c - see attack.h.
 *
 * Everything here runs in a child process: no assertions but in attack_start() and attack_stop().
 */
#include "tests/fuzz/attack.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/generate.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAST_FRAGMENT 0x80000000u
/* Connections that one attacker has at a time. */
#define CROWD 60

struct attacker {
    struct random random;
    const struct attack *attack;
};

static int open_socket(const struct attacker *a, int type)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(a->attack->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    /* Neither waits for a server that has stopped reading. */
    const struct timeval patience = {.tv_usec = 200000};
    struct linger reset = {.l_onoff = 1};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (type == SOCK_STREAM)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        close(fd);
        host_sleep_ms(50);
        return -1;
    }
    return fd;
}

static void random_bytes_by_tcp(struct attacker *a)
{
    uint8_t junk[4096];
    int fd = open_socket(a, SOCK_STREAM);

    for (int i = 0; fd >= 0 && i < 20; i++) {
        uint32_t len = 1 + random_below(&a->random, sizeof(junk));
        random_fill(&a->random, junk, len);
        if (random_one_in(&a->random, 2))
            memcpy(junk, "\x80\x00\x00\x40", 4); /* a mark that is right */
        if (send(fd, junk, len, MSG_NOSIGNAL) < 0)
            break;
    }
    close(fd);
    host_sleep_ms(2);
}

static void random_bytes_by_udp(struct attacker *a)
{
    uint8_t junk[9000];
    int fd = open_socket(a, SOCK_DGRAM);

    for (int i = 0; fd >= 0 && i < 200; i++) {
        uint32_t len = random_below(&a->random, random_one_in(&a->random, 8) ? sizeof(junk) : 200);
        random_fill(&a->random, junk, len);
        if (len > 24 && random_one_in(&a->random, 2))
            memcpy(junk + 4, "\0\0\0\0\0\0\0\2\0\1\x86\xa3\0\0\0\3", 16);
        send(fd, junk, len, MSG_NOSIGNAL);
        if (i % 20 == 0)
            host_sleep_ms(2);
    }
    close(fd);
}

/* Connections that begin something and say no more; all are held until the next crowd comes. */
static void half_open(struct attacker *a)
{
    static const char *const beginnings[] = {"",
                                             "\x80",
                                             "\x80\x00\x10",
                                             "\x80\x00\x10\x00\x11\x22",
                                             "\x7f\xff\xff\xff",
                                             "\x00\x00\x00\x01x"};
    static const uint8_t lens[] = {0, 1, 3, 6, 4, 5};
    int fds[CROWD];

    for (int i = 0; i < CROWD; i++) {
        uint32_t kind = random_below(&a->random, 6);
        fds[i] = open_socket(a, SOCK_STREAM);
        if (fds[i] >= 0)
            send(fds[i], beginnings[kind], lens[kind], MSG_NOSIGNAL);
    }
    host_sleep_ms(300);
    for (int i = 0; i < CROWD; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* Marks of up to 4 GiB, with as many bytes as the server takes. */
static void endless_records(struct attacker *a)
{
    static uint8_t zeros[65536];
    static const uint32_t marks[] = {UINT32_MAX, 0x7fffffff, 0x80101000,
                                     0x00100000, 0x80101001, 0x80100000};
    const uint32_t mark = htonl(marks[random_below(&a->random, 6)]);
    int fd = open_socket(a, SOCK_STREAM);

    if (fd >= 0 && send(fd, &mark, 4, MSG_NOSIGNAL) == 4)
        for (int i = 0; i < 20; i++)
            if (send(fd, zeros, sizeof(zeros), MSG_NOSIGNAL) < 0)
                break;
    close(fd);
    host_sleep_ms(5);
}

/* Good calls of NULL in fragments of one byte and none, in sends of one byte. */
static void tiny_fragments(struct attacker *a)
{
    struct bytes call = {0}, stream = {0};
    int fd = open_socket(a, SOCK_STREAM), on = 1;

    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    client_put_header(&call, 1, PROGRAM_NFS, 3, 0, &caller_nobody);
    for (size_t i = 0; i < call.len; i++) {
        while (random_one_in(&a->random, 3))
            put_u32(&stream, 0);
        put_u32(&stream, (i + 1 == call.len ? LAST_FRAGMENT : 0) | 1);
        put_raw(&stream, call.data + i, 1);
    }
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < stream.len; i++)
            if (send(fd, stream.data + i, 1, MSG_NOSIGNAL) < 0)
                break;
        host_sleep_ms(1);
    }
    /* And empty ones, as many as go. */
    memset(stream.data, 0, stream.len);
    for (int i = 0; i < 500; i++)
        if (send(fd, stream.data, stream.len & ~(size_t)3, MSG_NOSIGNAL) < 0)
            break;
    bytes_free(&call);
    bytes_free(&stream);
    close(fd);
}

/* A record's message; false at the end of patience or of the stream. */
static bool receive_record(int fd, uint8_t *to, size_t room, size_t *len)
{
    uint32_t mark;
    size_t have = 0;

    if (recv(fd, &mark, 4, MSG_WAITALL) != 4)
        return false;
    *len = ntohl(mark) & ~LAST_FRAGMENT;
    while (*len <= room && have < *len) {
        ssize_t n = recv(fd, to + have, *len - have, 0);
        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    return have == *len;
}

/* Calls by the generator, some of them mangled, into the attacker's own export; it reads replies,
 * and uses the handles in them, but on every fourth connection reads nothing at all. */
static void mangled_calls(struct attacker *a, int type)
{
    static uint8_t reply[2 * 1024 * 1024];
    static struct handles handles;
    const char *const paths[] = {a->attack->export_dir, NULL};
    struct generator generator = {&a->random, &handles, paths};
    struct bytes call = {0}, stream = {0};
    const bool deaf = random_one_in(&a->random, 4);
    int fd = open_socket(a, type);

    for (int i = 0; fd >= 0 && i < 100; i++) {
        size_t head, len = 0;
        bool ask_root = handles.count < 4 && i % 2 == 0;

        call.len = stream.len = 0;
        const struct shape *shape =
            ask_root ? shape_find(PROGRAM_MOUNT, 3, 1) : generate_shape(&a->random);
        generate_call(&generator, shape, &call, &head);
        if (!ask_root && random_one_in(&a->random, 2))
            generate_mutation(&a->random, &call, head);
        if (type == SOCK_STREAM)
            put_u32(&stream, LAST_FRAGMENT | (uint32_t)call.len);
        put_raw(&stream, call.data, call.len);
        if (send(fd, stream.data, stream.len, MSG_NOSIGNAL) < 0 && type == SOCK_STREAM)
            break;
        if (deaf)
            continue;
        if (type == SOCK_DGRAM) {
            ssize_t n = recv(fd, reply, sizeof(reply), MSG_DONTWAIT);
            len = n > 0 ? (size_t)n : 0;
        } else if (call.len >= 8 && memcmp(call.data + 4, "\0\0\0", 4) == 0 &&
                   !receive_record(fd, reply, sizeof(reply), &len)) {
            break;
        }
        check_reply(call.data, call.len, reply, len, &handles, NULL); /* for its handles */
    }
    close(fd);
    bytes_free(&call);
    bytes_free(&stream);
    host_sleep_ms(2);
}

static void mangled_calls_by_tcp(struct attacker *a)
{
    mangled_calls(a, SOCK_STREAM);
}

static void mangled_calls_by_udp(struct attacker *a)
{
    mangled_calls(a, SOCK_DGRAM);
}

static const struct {
    const char *name;
    void (*round)(struct attacker *a);
} kinds[] = {
#define KIND(name)  \
    {               \
#name, name \
    }
    KIND(random_bytes_by_tcp),  KIND(random_bytes_by_udp), KIND(half_open),
    KIND(endless_records),      KIND(tiny_fragments),      KIND(mangled_calls_by_tcp),
    KIND(mangled_calls_by_udp),
};
const size_t attack_count = sizeof(kinds) / sizeof(kinds[0]);

void attack_start(struct attack *attack, size_t kind)
{
    struct attacker a = {.attack = attack};

    attack->name = kinds[kind].name;
    attack->pid = fork();
    assert_true(attack->pid >= 0);
    if (attack->pid > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpriority(PRIO_PROCESS, 0, 19);
    alarm(0);
    random_seed(&a.random, attack->seed + kind);
    for (;;)
        kinds[kind].round(&a);
}

void attack_stop(struct attack *attack)
{
    int status;

    if (waitpid(attack->pid, &status, WNOHANG) != 0)
        fail_msg("the attacker %s did not last (status %#x)", attack->name, (unsigned)status);
    kill(attack->pid, SIGKILL);
    waitpid(attack->pid, &status, 0);
}
