/*
 * streams.c - what reading and writing a posted stream means: the log, its window, and writes that
 * go out in order and once.
 */
#include "tests/srvfs/scene.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

TEST(bytes_received_are_a_log_that_grows)
{
    struct scene s;
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    struct fh fh = post(&s, "conn", ends[0]);
    expect_read(&s, &fh, 0, "");
    say_at(ends[1], "hello ");
    assert_int_equal(wait_size(&s, &fh, 6), 6);
    expect_read(&s, &fh, 0, "hello ");
    say_at(ends[1], "world");
    assert_int_equal(wait_size(&s, &fh, 11), 11);
    test_note("an offset is the same byte again");
    expect_read(&s, &fh, 0, "hello world");
    expect_read(&s, &fh, 6, "world");
    expect_read(&s, &fh, 11, "");
    expect_read(&s, &fh, 5000, "");
    scene_end(&s);
}

TEST(a_pipe_is_read_to_its_end_and_its_flags_stay)
{
    struct scene s;
    int ends[2];

    scene_begin(&s);
    assert_return_code(pipe2(ends, O_CLOEXEC), errno);
    int mine = fcntl(ends[0], F_DUPFD_CLOEXEC, 0);
    int flags = fcntl(mine, F_GETFL);
    struct fh fh = post(&s, "pipe", ends[0]);
    say_at(ends[1], "in the pipe");
    wait_size(&s, &fh, 11);
    expect_read(&s, &fh, 0, "in the pipe");
    close(ends[1]);
    expect_read(&s, &fh, 3, "the pipe");
    expect_read(&s, &fh, 11, "");
    assert_int_equal(size_of(&s, &fh), 11);
    assert_int_equal(fcntl(mine, F_GETFL), flags);
    test_note("it was not open for writing");
    expect_status(ask_write(&s.client, &fh, 0, "x", 1, S_UNSTABLE, NULL), NFS_ACCES);
    uint32_t granted;
    expect_ok(ask_access(&s.client, &fh, A_READ | A_MODIFY | A_EXTEND, &granted, NULL));
    assert_int_equal(granted, A_READ);
    scene_end(&s);
}

TEST(the_writing_end_of_a_pipe_takes_writes_only)
{
    struct scene s;
    int ends[2];

    scene_begin(&s);
    assert_return_code(pipe2(ends, O_CLOEXEC), errno);
    struct fh fh = post(&s, "pipe", ends[1]);
    write_all(&s, &fh, 0, "into the pipe");
    expect_arrives(ends[0], "into the pipe");
    struct nfs3_read result;
    expect_status(ask_read(&s.client, &fh, 0, 10, &result), NFS_ACCES);
    test_note("without a reader it is an error, and no signal");
    close(ends[0]);
    expect_status(ask_write(&s.client, &fh, 13, "x", 1, S_UNSTABLE, NULL), NFS_IO);
    ask_null(&s.client);
    scene_end(&s);
}

TEST(a_terminal_can_be_posted)
{
    struct scene s;

    scene_begin(&s);
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave >= 0);
    struct termios raw;
    assert_return_code(tcgetattr(slave, &raw), errno);
    cfmakeraw(&raw);
    assert_return_code(tcsetattr(slave, TCSANOW, &raw), errno);
    struct fh fh = post(&s, "tty", slave);
    write_all(&s, &fh, 0, "login: ");
    expect_arrives(master, "login: ");
    say_at(master, "root");
    wait_size(&s, &fh, 4);
    expect_read(&s, &fh, 0, "root");
    scene_end(&s);
}

/*
 * A terminal in exclusive use can't be opened again by an ordinary user, and knows no RWF_NOWAIT.
 * With MIN and TIME it is ready from the first byte on, and a read of it waits for the others.
 */
TEST(who_waits_for_a_terminal_keeps_nobody_from_looking)
{
    struct scene s;
    struct client second;
    struct reply reply;
    char rest[39];

    test_skip_in_variant("root", "it may open an exclusive terminal");
    scene_begin(&s);
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave >= 0);
    struct termios raw;
    assert_return_code(tcgetattr(slave, &raw), errno);
    cfmakeraw(&raw);
    raw.c_cc[VMIN] = 1 + sizeof(rest);
    raw.c_cc[VTIME] = 255;
    assert_return_code(tcsetattr(slave, TCSANOW, &raw), errno);
    assert_return_code(ioctl(slave, TIOCEXCL), errno);
    struct fh fh = post(&s, "tty", slave);

    say_at(master, "1");
    client_connect(&second, s.server.port, 0);
    struct bytes *call = nfs3_begin(&second, 6);
    put_fh(call, &fh);
    put_u64(call, 0);
    put_u32(call, 4096);
    client_send(&second);
    host_sleep_ms(100);
    assert_true(size_of(&s, &fh) <= 1);
    expect_read(&s, &fh, 0, "");
    struct answer answer = TELL(&s, geteuid(), -1, "list");
    assert_non_null(strstr(answer.lines, "tty"));
    test_note("and it gets what it waits for");
    memset(rest, '2', sizeof(rest));
    assert_int_equal(write(master, rest, sizeof(rest)), sizeof(rest));
    assert_true(client_receive(&second, &reply));
    assert_int_equal(get_u32(&reply.results), NFS_OK);
    assert_int_equal(size_of(&s, &fh), 1 + sizeof(rest));
    client_disconnect(&second);
    scene_end(&s);
}

TEST(bytes_before_the_window_are_an_error)
{
    struct scene s;
    struct nfs3_read result;
    static char block[WINDOW / 2];
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    struct fh fh = post(&s, "conn", ends[0]);
    for (uint64_t i = 0; i < 4; i++) {
        memset(block, 'a' + (int)i, sizeof(block));
        assert_int_equal(write(ends[1], block, sizeof(block)), sizeof(block));
        uint64_t at = i * sizeof(block);
        wait_size(&s, &fh, at + sizeof(block));
        for (size_t done = 0; done < sizeof(block); done += result.count) {
            expect_ok(ask_read(&s.client, &fh, at + done, 8192, &result));
            assert_true(result.count > 0);
            assert_int_equal(result.data[0], 'a' + (int)i);
        }
    }
    expect_status(ask_read(&s.client, &fh, 0, 100, &result), NFS_IO);
    expect_status(ask_read(&s.client, &fh, WINDOW - 1, 100, &result), NFS_IO);
    expect_ok(ask_read(&s.client, &fh, WINDOW, 100, &result));
    assert_int_equal(result.data[0], 'c');
    scene_end(&s);
}

TEST(what_nobody_reads_waits_at_the_sender)
{
    struct scene s;
    struct nfs3_read result;
    static char block[1024];
    uint64_t said = 0, at = 0;
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    struct fh fh = post(&s, "conn", ends[0]);
    for (ssize_t n = 1; n > 0; said += n > 0 ? (uint64_t)n : 0) {
        memset(block, (int)(said / sizeof(block)), sizeof(block));
        n = send(ends[1], block, sizeof(block), MSG_DONTWAIT);
    }
    test_note("%llu bytes are waiting, more than the window", (unsigned long long)said);
    assert_true(said > WINDOW);
    assert_true(size_of(&s, &fh) <= WINDOW);
    for (; at < said; at += result.count) {
        expect_ok(ask_read(&s.client, &fh, at, 1000, &result));
        assert_true(result.count > 0);
        size_t last = result.count - 1;
        assert_int_equal(result.data[last], (unsigned char)((at + last) / sizeof(block)));
    }
    expect_read(&s, &fh, said, "");
    scene_end(&s);
}

TEST(a_reader_may_read_ahead_in_any_order)
{
    struct scene s;
    struct nfs3_read result;
    static char block[32768];
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    struct fh fh = post(&s, "conn", ends[0]);
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = (char)host_pattern(i);
    assert_int_equal(write(ends[1], block, sizeof(block)), sizeof(block));
    wait_size(&s, &fh, sizeof(block));
    for (size_t at = sizeof(block); at > 0; at -= 4096) {
        expect_ok(ask_read(&s.client, &fh, at - 4096, 4096, &result));
        assert_int_equal(result.count, 4096);
        assert_memory_equal(result.data, block + at - 4096, 4096);
    }
    scene_end(&s);
}

TEST(a_read_at_the_end_waits_as_long_as_it_is_told)
{
    struct scene s;
    struct nfs3_read result;
    int ends[2];

    scene_begin_with(&s, ",wait=5000");
    pair_make(ends);
    struct fh fh = post(&s, "conn", ends[0]);
    pid_t later = fork();
    if (later == 0) {
        host_sleep_ms(200);
        say_at(ends[1], "at last");
        _exit(0);
    }
    expect_ok(ask_read(&s.client, &fh, 0, 100, &result));
    assert_int_equal(result.count, 7);
    scene_end(&s);
}

TEST(a_closed_peer_is_the_end_for_readers_and_an_error_for_writers)
{
    struct scene s;
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    struct fh fh = post(&s, "conn", ends[0]);
    say_at(ends[1], "last words");
    close(ends[1]);
    expect_read(&s, &fh, 0, "last words");
    expect_read(&s, &fh, 10, "");
    expect_status(ask_write(&s.client, &fh, 0, "x", 1, S_UNSTABLE, NULL), NFS_IO);
    expect_read(&s, &fh, 0, "last words");
    scene_end(&s);
}

/* --- writes --- */

TEST(a_retransmitted_write_goes_out_once)
{
    struct scene s;
    struct reply reply;
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    struct fh fh = post(&s, "conn", ends[0]);
    write_all(&s, &fh, 0, "once");
    client_send(&s.client);
    assert_true(client_receive(&s.client, &reply));
    assert_int_equal(get_u32(&reply.results), NFS_OK);
    expect_arrives(ends[1], "once");
    scene_end(&s);
}

TEST(two_equal_messages_are_two_messages)
{
    struct scene s;
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    struct fh fh = post(&s, "conn", ends[0]);
    write_all(&s, &fh, 0, "ping\n");
    write_all(&s, &fh, 0, "ping\n");
    write_all(&s, &fh, 0, "pi");
    expect_arrives(ends[1], "ping\nping\npi");
    test_note("and at the size, as >> has it");
    say_at(ends[1], "pong");
    wait_size(&s, &fh, 4);
    write_all(&s, &fh, 4, "a");
    write_all(&s, &fh, 4, "ab");
    expect_arrives(ends[1], "aab");
    scene_end(&s);
}

TEST(writes_are_stable_so_that_no_client_sends_them_again)
{
    struct scene s;
    struct nfs3_write result;
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    struct fh fh = post(&s, "conn", ends[0]);
    expect_ok(ask_write(&s.client, &fh, 0, "x", 1, S_UNSTABLE, &result));
    assert_int_equal(result.committed, S_FILE_SYNC);
    scene_end(&s);
}

TEST(a_page_that_is_written_again_sends_what_is_new_in_it)
{
    struct scene s;
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    struct fh fh = post(&s, "conn", ends[0]);
    write_all(&s, &fh, 0, "one ");
    write_all(&s, &fh, 0, "one two ");
    write_all(&s, &fh, 8, "three ");
    struct nfs3_write result;
    expect_ok(
        ask_write(&s.client, &fh, 0, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0four", 18, S_UNSTABLE, &result));
    assert_int_equal(result.count, 18);
    expect_arrives(ends[1], "one two three four");
    test_note("after a truncation it is a new message");
    struct sattr cut = {.set_size = true};
    expect_ok(ask_setattr(&s.client, &fh, &cut, NULL, NULL));
    write_all(&s, &fh, 0, "one ");
    expect_ok(ask_setattr(&s.client, &fh, &cut, NULL, NULL));
    write_all(&s, &fh, 0, "one two ");
    expect_arrives(ends[1], "one one two ");
    scene_end(&s);
}

TEST(pieces_that_overtake_each_other_go_out_in_order)
{
    struct scene s;
    struct client second;
    struct reply reply;
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    struct fh fh = post(&s, "conn", ends[0]);
    client_connect(&second, s.server.port, 0);
    write_all(&s, &fh, 0, "1");
    struct bytes *call = nfs3_begin(&second, 7);
    put_fh(call, &fh);
    put_u64(call, 2);
    put_u32(call, 1);
    put_u32(call, S_UNSTABLE);
    put_opaque(call, "3", 1);
    client_send(&second);
    host_sleep_ms(100);
    write_all(&s, &fh, 1, "2");
    assert_true(client_receive(&second, &reply));
    assert_int_equal(get_u32(&reply.results), NFS_OK);
    expect_arrives(ends[1], "123");
    client_disconnect(&second);
    scene_end(&s);
}

/* Everything that is there now. */
static size_t drain(int fd, char *buf, size_t room)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    size_t done = 0;

    while (done < room && poll(&poll_fd, 1, 100) == 1) {
        ssize_t n = read(fd, buf + done, room - done);
        assert_true(n > 0);
        done += (size_t)n;
    }
    return done;
}

TEST(a_full_connection_cuts_writes_short_and_loses_nothing)
{
    struct scene s;
    struct nfs3_write result = {0};
    static char block[1 << 20], got[2 << 20];
    uint64_t at = 0;
    uint32_t status;
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    struct fh fh = post(&s, "conn", ends[0]);
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = (char)host_pattern(i);
    expect_ok(ask_write(&s.client, &fh, 0, block, sizeof(block), S_UNSTABLE, &result));
    assert_true(result.count > 0 && result.count < sizeof(block));
    at = result.count;
    test_note("%u bytes went; others wait for the rest of it", result.count);
    status = ask_write(&s.client, &fh, 0, "!", 1, S_UNSTABLE, &result);
    expect_status(status, NFS_JUKEBOX);
    status = ask_write(&s.client, &fh, at, block + at, 1000, S_UNSTABLE, &result);
    expect_status(status, NFS_JUKEBOX);
    size_t done = drain(ends[1], got, sizeof(got));
    while (at < sizeof(block)) {
        size_t left = sizeof(block) - at;
        expect_ok(ask_write(&s.client, &fh, at, block + at, left < 65536 ? (uint32_t)left : 65536,
                            S_UNSTABLE, &result));
        at += result.count;
        done += drain(ends[1], got + done, sizeof(got) - done);
    }
    assert_int_equal(done, sizeof(block));
    assert_memory_equal(got, block, sizeof(block));
    scene_end(&s);
}

TEST(a_slow_peer_stops_nobody_else)
{
    struct scene s;
    static char block[1 << 20];
    struct reply reply;
    int ends[2], others[2];

    scene_begin(&s);
    pair_make(ends);
    pair_make(others);
    struct fh slow = post(&s, "slow", ends[0]), quick = post(&s, "quick", others[0]);
    struct client second;
    client_connect(&second, s.server.port, 0);
    struct bytes *call = nfs3_begin(&second, 7);
    put_fh(call, &slow);
    put_u64(call, 0);
    put_u32(call, sizeof(block));
    put_u32(call, S_UNSTABLE);
    put_opaque(call, block, sizeof(block));
    client_send(&second);
    host_sleep_ms(50);
    write_all(&s, &quick, 0, "quick");
    expect_arrives(others[1], "quick");
    assert_int_equal(size_of(&s, &slow), 0);
    assert_true(client_receive(&second, &reply));
    client_disconnect(&second);
    scene_end(&s);
}
