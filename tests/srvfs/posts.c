/*
 * posts.c - posting, taking, listing and removing descriptors, and who may.
 */
#include "tests/srvfs/scene.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

static int listen_here(struct sockaddr_in *address)
{
    socklen_t len = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_return_code(bind(fd, (struct sockaddr *)address, len), errno);
    assert_return_code(listen(fd, 5), errno);
    assert_return_code(getsockname(fd, (struct sockaddr *)address, &len), errno);
    return fd;
}

static int dial_there(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_return_code(connect(fd, (const struct sockaddr *)address, sizeof(*address)), errno);
    return fd;
}

/* A process that sends back what it gets on one connection. */
static pid_t echo_start(struct sockaddr_in *address)
{
    int listening = listen_here(address);
    pid_t pid = fork();

    if (pid == 0) {
        char buf[4096];
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int fd = accept(listening, NULL, NULL);
        for (ssize_t n; (n = read(fd, buf, sizeof(buf))) > 0;)
            if (write(fd, buf, (size_t)n) != n)
                break;
        _exit(0);
    }
    close(listening);
    return pid;
}

TEST(a_connection_goes_on_when_its_poster_has_ended)
{
    struct scene s;
    struct sockaddr_in address;
    int status;

    scene_begin(&s);
    pid_t echo = echo_start(&address);
    pid_t poster = fork();
    if (poster == 0) {
        int fd = dial_there(&address);
        say_at(fd, "login");
        struct answer answer = TELL(&s, geteuid(), fd, "post", "conn");
        _exit(answer.error);
    }
    waitpid(poster, &status, 0);
    assert_int_equal(status, 0);
    struct fh fh = look(&s, "conn");
    wait_size(&s, &fh, 5);
    expect_read(&s, &fh, 0, "login");
    write_all(&s, &fh, 0, "question");
    wait_size(&s, &fh, 13);
    expect_read(&s, &fh, 5, "question");
    test_note("removed: the connection is closed, the echo server ends");
    expect_ok(ask_remove(&s.client, &s.root, "conn", NULL));
    waitpid(echo, &status, 0);
    scene_end(&s);
}

TEST(a_file_is_read_and_written_at_the_offset)
{
    struct scene s;
    struct answer answer;
    char text[20] = "";

    scene_begin(&s);
    host_write(s.server.home, "file", "0123456789");
    int fd = open(host_path(s.server.home, "file").text, O_RDWR | O_CLOEXEC);
    int mine = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    struct fh fh = post(&s, "file", fd);
    host_unlink(s.server.home, "file");
    expect_read(&s, &fh, 4, "456789");
    write_all(&s, &fh, 8, "abcd");
    assert_int_equal(pread(mine, text, sizeof(text), 0), 12);
    assert_string_equal(text, "01234567abcd");
    assert_int_equal(lseek(mine, 0, SEEK_CUR), 0);
    struct sattr cut = {.set_size = true, .size = 3};
    expect_ok(ask_setattr(&s.client, &fh, &cut, NULL, NULL));
    expect_read(&s, &fh, 0, "012");
    expect_ok(ask_commit(&s.client, &fh, 0, 0, NULL, NULL));
    answer = TELL(&s, geteuid(), -1, "list");
    assert_non_null(strstr(answer.lines, "file\tfile\t"));
    scene_end(&s);
}

TEST(a_descriptor_opened_to_read_refuses_writes)
{
    struct scene s;
    uint32_t granted;

    scene_begin(&s);
    host_write(s.server.home, "file", "text");
    struct fh fh =
        post(&s, "file", open(host_path(s.server.home, "file").text, O_RDONLY | O_CLOEXEC));
    expect_status(ask_write(&s.client, &fh, 0, "x", 1, S_UNSTABLE, NULL), NFS_ACCES);
    struct sattr cut = {.set_size = true};
    expect_status(ask_setattr(&s.client, &fh, &cut, NULL, NULL), NFS_ACCES);
    expect_ok(ask_access(&s.client, &fh, 0x3f, &granted, NULL));
    assert_int_equal(granted, A_READ);
    host_expect(s.server.home, "file", "text");
    scene_end(&s);
}

TEST(a_file_opened_to_append_grows_at_its_end)
{
    struct scene s;

    scene_begin(&s);
    host_write(s.server.home, "file", "log\n");
    struct fh fh = post(
        &s, "file", open(host_path(s.server.home, "file").text, O_WRONLY | O_APPEND | O_CLOEXEC));
    write_all(&s, &fh, 4, "one\n");
    host_append(s.server.home, "file", "host\n");
    write_all(&s, &fh, 8, "two\n");
    host_expect(s.server.home, "file", "log\none\nhost\ntwo\n");
    scene_end(&s);
}

TEST(a_listening_socket_is_taken_and_accepted_on)
{
    struct scene s;
    struct sockaddr_in address;
    struct answer answer;

    scene_begin(&s);
    struct fh fh = post(&s, "service", listen_here(&address));
    expect_status(ask_write(&s.client, &fh, 0, "x", 1, S_UNSTABLE, NULL), NFS_INVAL);
    answer = TELL(&s, geteuid(), -1, "take", "service");
    assert_int_equal(answer.error, 0);
    assert_true(answer.fd >= 0);
    int client = dial_there(&address);
    int served = accept(answer.fd, NULL, NULL);
    say_at(served, "welcome");
    expect_arrives(client, "welcome");
    test_note("it can be taken again");
    close(answer.fd);
    answer = TELL(&s, geteuid(), -1, "take", "service");
    assert_true(answer.fd >= 0);
    answer = TELL(&s, geteuid(), -1, "list");
    assert_non_null(strstr(answer.lines, "service\tlistening\tip 127.0.0.1:"));
    scene_end(&s);
}

TEST(a_program_finds_what_it_took_under_any_number)
{
    struct scene s;
    struct sockaddr_in address;
    char line[512];

    scene_begin(&s);
    post(&s, "service", listen_here(&address));
    for (int number = 3; number < 10; number++) {
        snprintf(line, sizeof(line),
                 "\"$LOOPNFS_BUILD_DIR/bin/loopnfs\" --control '%s' take --fd %d service "
                 "test -S /proc/self/fd/%d",
                 s.control, number, number);
        test_note("%d", number);
        assert_int_equal(system(line), 0);
    }
    scene_end(&s);
}

TEST(who_takes_a_stream_gets_what_nobody_has_read)
{
    struct scene s;
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    struct fh fh = post(&s, "conn", ends[0]);
    say_at(ends[1], "unread");
    assert_int_equal(wait_size(&s, &fh, 6), 6);
    struct answer answer = TELL(&s, geteuid(), -1, "take", "conn");
    assert_true(answer.fd >= 0);
    expect_arrives(answer.fd, "unread");
    scene_end(&s);
}

TEST(what_can_not_be_used_is_refused_with_the_reason)
{
    struct scene s;
    const struct {
        int fd;
        const char *why;
    } rows[] = {
        {epoll_create1(0), "of this kind"},
        {timerfd_create(CLOCK_MONOTONIC, 0), "of this kind"},
        {open("/tmp", O_RDONLY | O_DIRECTORY), "a directory"},
        {open("/tmp", O_PATH), "O_PATH"},
        {open("/dev/null", O_RDWR), "character device"},
        {open("/proc/self/oom_score_adj", O_RDWR), "proc"},
        {socket(AF_INET, SOCK_STREAM, 0), "not connected"},
        {socket(AF_NETLINK, SOCK_RAW, 0), "this family"},
    };

    scene_begin(&s);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(rows[i].fd >= 0);
        struct answer answer = TELL(&s, geteuid(), rows[i].fd, "post", "name");
        assert_int_equal(answer.error, EINVAL);
        test_note("%s", answer.message);
        assert_non_null(strstr(answer.message, rows[i].why));
    }
    assert_int_equal(TELL(&s, geteuid(), -1, "post", "name").error, EBADF);
    assert_int_equal(TELL(&s, geteuid(), 0, "post", "a/b").error, EINVAL);
    assert_int_equal(TELL(&s, geteuid(), 0, "post", "a", "mode=9").error, EINVAL);
    assert_int_equal(TELL(&s, geteuid(), -1, "take", "name").error, ENOENT);
    assert_int_equal(TELL(&s, geteuid(), -1, "juggle").error, EINVAL);
    expect_status(ask_lookup(&s.client, &s.root, "name", NULL, NULL, NULL), NFS_NOENT);
    scene_end(&s);
}

TEST(a_hundred_posts_are_listed_and_the_limit_is_told)
{
    struct scene s;
    struct listing listing = {0};
    struct answer answer;
    char name[20];
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    for (int i = 0; i < 120; i++) {
        snprintf(name, sizeof(name), "post%d", i);
        assert_int_equal(TELL(&s, geteuid(), ends[0], "post", name).error, 0);
    }
    answer = TELL(&s, geteuid(), ends[0], "post", "more");
    assert_int_equal(answer.error, EMFILE);
    assert_non_null(strstr(answer.message, "too many"));
    assert_int_equal(TELL(&s, geteuid(), ends[0], "post", "post7").error, EEXIST);
    expect_status(ask_create(&s.client, &s.root, "more", H_GUARDED, NULL, NULL, NULL), NFS_NOSPC);
    expect_ok(ask_readdir_all(&s.client, &s.root, 1024, true, &listing));
    assert_int_equal(listing.count, 242); /* with the twin of each, `.` and `..` */
    assert_non_null(listing_find(&listing, "post119"));
    listing_free(&listing);
    close(ends[0]);
    for (int i = 0; i < 120; i++) {
        assert_false(waits_for_close(ends[1], 0));
        snprintf(name, sizeof(name), "post%d", i);
        assert_int_equal(TELL(&s, geteuid(), -1, "remove", name).error, 0);
    }
    assert_true(waits_for_close(ends[1], 20000));
    scene_end(&s);
}

TEST(a_removed_descriptor_closes_when_its_handles_are_not_used_any_more)
{
    struct scene s;
    struct attr attr;
    int ends[2], others[2];

    scene_begin(&s);
    pair_make(ends);
    pair_make(others);
    assert_int_equal(TELL(&s, geteuid(), others[0], "post", "unused").error, 0);
    close(others[0]);
    struct fh fh = post(&s, "conn", ends[0]);
    assert_int_equal(TELL(&s, geteuid(), -1, "remove", "conn").error, 0);
    assert_int_equal(TELL(&s, geteuid(), -1, "remove", "unused").error, 0);
    test_note("nobody has a handle of the one: closed at once");
    assert_true(waits_for_close(others[1], 100));
    expect_status(ask_lookup(&s.client, &s.root, "conn", NULL, NULL, NULL), NFS_NOENT);
    write_all(&s, &fh, 0, "still here");
    expect_arrives(ends[1], "still here");
    assert_true(waits_for_close(ends[1], 8000));
    expect_status(ask_getattr(&s.client, &fh, &attr), NFS_STALE);
    scene_end(&s);
}

TEST(the_directory_is_there_after_a_restart_and_empty)
{
    struct scene s;
    struct attr attr;
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    struct fh fh = post(&s, "conn", ends[0]);
    server_stop(&s.server);
    assert_true(waits_for_close(ends[1], 1000));
    server_restart(&s.server);
    client_disconnect(&s.client);
    client_connect(&s.client, s.server.port, 0);
    expect_ok(ask_getattr(&s.client, &s.root, &attr));
    assert_int_equal(attr.mode, 01777);
    expect_status(ask_getattr(&s.client, &fh, &attr), NFS_STALE);
    expect_status(ask_lookup(&s.client, &s.root, "conn", NULL, NULL, NULL), NFS_NOENT);
    scene_end(&s);
}
