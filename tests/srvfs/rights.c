/*
 * rights.c - owners and modes of posts, and posting by "PID FD".
 */
#include "tests/srvfs/scene.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void become(struct scene *s, uint32_t uid)
{
    s->client.who = caller_uid(uid, uid);
}

TEST(owner_and_mode_are_the_posters_and_hold)
{
    struct scene s;
    struct nfs3_read result;
    struct attr attr;
    struct answer answer;
    int ends[2];

    scene_needs_root();
    scene_begin(&s);
    pair_make(ends);
    assert_int_equal(TELL(&s, STRANGER, ends[0], "post", "conn").error, 0);
    become(&s, STRANGER);
    struct fh fh = look(&s, "conn");
    expect_ok(ask_getattr(&s.client, &fh, &attr));
    assert_int_equal(attr.uid, STRANGER);
    assert_int_equal(attr.mode, 0600);
    write_all(&s, &fh, 0, "mine");
    expect_arrives(ends[1], "mine");
    become(&s, STRANGER + 1);
    expect_status(ask_read(&s.client, &fh, 0, 10, &result), NFS_ACCES);
    expect_status(ask_write(&s.client, &fh, 0, "x", 1, S_UNSTABLE, NULL), NFS_ACCES);
    expect_status(ask_remove(&s.client, &s.root, "conn", NULL), NFS_PERM);
    expect_status(ask_rename(&s.client, &s.root, "conn", &s.root, "stolen", NULL, NULL), NFS_PERM);
    answer = TELL(&s, STRANGER + 1, -1, "take", "conn");
    assert_int_equal(answer.error, EACCES);
    assert_int_equal(answer.fd, -1);
    assert_int_equal(TELL(&s, STRANGER + 1, -1, "remove", "conn").error, EPERM);
    answer = TELL(&s, STRANGER, -1, "take", "conn");
    assert_true(answer.fd >= 0);
    scene_end(&s);
}

TEST(the_owner_hands_a_connection_to_another_user)
{
    struct scene s;
    int ends[2];

    scene_needs_root();
    scene_begin(&s);
    pair_make(ends);
    assert_int_equal(TELL(&s, STRANGER, ends[0], "post", "conn", "mode=0640").error, 0);
    become(&s, STRANGER);
    struct fh fh = look(&s, "conn");
    struct sattr open_mode = {.set_mode = true, .mode = 0666};
    struct sattr give = {.set_uid = true, .uid = STRANGER + 1};
    expect_status(ask_setattr(&s.client, &fh, &give, NULL, NULL), NFS_PERM);
    become(&s, STRANGER + 1);
    expect_status(ask_setattr(&s.client, &fh, &open_mode, NULL, NULL), NFS_PERM);
    expect_status(ask_write(&s.client, &fh, 0, "x", 1, S_UNSTABLE, NULL), NFS_ACCES);
    become(&s, STRANGER);
    expect_ok(ask_setattr(&s.client, &fh, &open_mode, NULL, NULL));
    become(&s, STRANGER + 1);
    write_all(&s, &fh, 0, "thanks");
    expect_arrives(ends[1], "thanks");
    test_note("root gives it away for good");
    s.client.who = caller_root;
    struct sattr all = {.set_uid = true, .uid = STRANGER + 1, .set_mode = true, .mode = 0600};
    expect_ok(ask_setattr(&s.client, &fh, &all, NULL, NULL));
    become(&s, STRANGER);
    expect_status(ask_write(&s.client, &fh, 0, "x", 1, S_UNSTABLE, NULL), NFS_ACCES);
    scene_end(&s);
}

TEST(a_write_takes_the_set_user_id_bit_away_as_the_writers_own_would)
{
    struct scene s;

    scene_needs_root();
    test_skip_in_variant("user", "the files are its own");
    scene_begin(&s);
    host_write(s.server.home, "program", "text");
    host_chmod(s.server.home, "program", 04777);
    int fd = open(host_path(s.server.home, "program").text, O_RDWR | O_CLOEXEC);
    assert_int_equal(TELL(&s, STRANGER, fd, "post", "file").error, 0);
    become(&s, STRANGER);
    struct fh fh = look(&s, "file");
    write_all(&s, &fh, 0, "evil");
    assert_int_equal(host_stat(s.server.home, "program").st_mode & 07777, 0777);
    scene_end(&s);
}

TEST(where_a_post_leads_is_told_to_those_who_may_read_it)
{
    struct scene s;
    int fd;

    scene_needs_root();
    scene_begin(&s);
    host_write(s.server.home, "secret", "text");
    fd = open(host_path(s.server.home, "secret").text, O_RDWR | O_CLOEXEC);
    assert_int_equal(TELL(&s, STRANGER, fd, "post", "file").error, 0);
    assert_non_null(strstr(TELL(&s, STRANGER, -1, "list").lines, "/secret\t"));
    assert_non_null(strstr(TELL(&s, STRANGER + 1, -1, "list").lines, "file\tfile\t-\t1000:"));
    scene_end(&s);
}

TEST(who_connects_and_says_nothing_locks_nobody_out)
{
    struct scene s;
    int silent[40];

    scene_needs_root();
    scene_begin(&s);
    for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
        silent[i] = control_dial(&s, STRANGER);
    assert_int_equal(TELL(&s, STRANGER + 1, -1, "list").error, 0);
    assert_int_equal(TELL(&s, geteuid(), -1, "list").error, 0);
    for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
        close(silent[i]);
    scene_end(&s);
}

/* Each has as many connections as one user gets, and says a byte at a time. */
TEST(users_who_drip_bytes_lock_nobody_out)
{
    struct scene s;
    int drip[6][8];

    scene_needs_root();
    scene_begin(&s);
    for (uid_t user = 0; user < 6; user++)
        for (int i = 0; i < 8; i++)
            drip[user][i] = control_dial(&s, STRANGER + 1 + user);
    for (int round = 0; round < 5; round++) {
        for (uid_t user = 0; user < 6; user++)
            for (int i = 0; i < 8; i++)
                (void)!send(drip[user][i], " ", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        assert_int_equal(TELL(&s, STRANGER, -1, "list").error, 0);
        assert_int_equal(TELL(&s, geteuid(), -1, "list").error, 0);
    }
    for (uid_t user = 0; user < 6; user++)
        for (int i = 0; i < 8; i++)
            close(drip[user][i]);
    scene_end(&s);
}

/* Who goes on saying something has no more time than who says nothing. */
TEST(a_request_that_never_ends_is_ended)
{
    struct scene s;
    bool open = true;

    scene_needs_root();
    scene_begin(&s);
    int fd = control_dial(&s, STRANGER);
    for (int i = 0; i < 600 && open; i++) {
        open = send(fd, " ", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
        host_sleep_ms(100);
    }
    assert_false(open);
    close(fd);
    scene_end(&s);
}

TEST(what_is_exported_is_told_to_root_and_the_servers_user)
{
    struct scene s;

    scene_needs_root();
    scene_begin(&s);
    struct answer own = ask_status(&s, geteuid()), other = ask_status(&s, STRANGER);
    assert_int_equal(own.error, 0);
    assert_non_null(strstr(own.lines, "export\t/srv\t"));
    assert_int_equal(other.error, 0);
    assert_non_null(strstr(other.lines, "messages\t"));
    assert_null(strstr(other.lines, "export\t"));
    scene_end(&s);
}

TEST(names_are_not_opened_in_a_directory_that_may_not_be_searched)
{
    const struct sattr closed = {.set_mode = true, .mode = 0700};
    struct scene s;
    struct made made;
    int ends[2];

    scene_needs_root();
    scene_begin(&s);
    pair_make(ends);
    assert_int_equal(TELL(&s, geteuid(), ends[0], "post", "conn", "mode=0666").error, 0);
    expect_ok(ask_setattr(&s.client, &s.root, &closed, NULL, NULL));
    become(&s, STRANGER);
    expect_status(ask_create(&s.client, &s.root, "conn", H_UNCHECKED, NULL, NULL, &made),
                  NFS_ACCES);
    expect_status(ask_create(&s.client, &s.root, "new", H_UNCHECKED, NULL, NULL, &made), NFS_ACCES);
    close(ends[0]);
    close(ends[1]);
    scene_end(&s);
}

TEST(a_unix_peer_is_told_who_wrote)
{
    struct scene s;
    struct ucred who;
    char byte, control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    int ends[2], on = 1;

    test_skip_in_variant("user", "the server can't speak for others");
    scene_needs_root();
    scene_begin(&s);
    pair_make(ends);
    assert_return_code(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), errno);
    assert_int_equal(TELL(&s, STRANGER, ends[0], "post", "conn").error, 0);
    become(&s, STRANGER);
    struct fh fh = look(&s, "conn");
    write_all(&s, &fh, 0, "x");
    assert_int_equal(recvmsg(ends[1], &message, 0), 1);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header == NULL)
        fail_msg("no ids came along");
    memcpy(&who, CMSG_DATA(header), sizeof(who));
    assert_int_equal(who.uid, STRANGER);
    assert_int_equal(who.gid, STRANGER);
    scene_end(&s);
}

/* --- "PID FD" --- */

/* A process of this user that holds `fd` and does nothing. */
static pid_t holder_start(uid_t uid)
{
    int ready[2];
    char byte;

    assert_return_code(pipe2(ready, O_CLOEXEC), errno);
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
            _exit(1);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* As a program that was started by this user has it, so that he may trace it. */
        prctl(PR_SET_DUMPABLE, 1);
        if (write(ready[1], "", 1) == 1)
            pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    return pid;
}

static uint32_t post_text(struct scene *s, const char *name, const char *text, struct fh *fh)
{
    struct made made;
    struct sattr set = {.set_mode = true, .mode = 0644};

    expect_ok(ask_create(&s->client, &s->root, name, H_UNCHECKED, &set, NULL, &made));
    *fh = made.fh;
    return ask_write(&s->client, fh, 0, text, (uint32_t)strlen(text), S_UNSTABLE, NULL);
}

/* Whose processes the server may look into. */
static uid_t own_uid(void)
{
    return server_is_root() ? STRANGER : server_uid();
}

TEST(a_client_posts_a_descriptor_by_writing_pid_and_number)
{
    struct scene s;
    struct answer answer;
    char text[64];
    struct fh fh;
    int ends[2];

    scene_begin(&s);
    pair_make(ends);
    pid_t holder = holder_start(own_uid());
    become(&s, own_uid());
    snprintf(text, sizeof(text), "%d %d\n", holder, ends[0]);
    expect_ok(post_text(&s, "conn", text, &fh));
    close(ends[0]);
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    test_note("the text is not stored, and its process is gone");
    expect_read(&s, &fh, 0, "");
    write_all(&s, &fh, strlen(text), "through");
    expect_arrives(ends[1], "through");
    say_at(ends[1], "back");
    wait_size(&s, &fh, 4);
    expect_read(&s, &fh, 0, "back");
    answer = TELL(&s, geteuid(), -1, "list");
    assert_non_null(strstr(answer.lines, "conn\tsocket\tunix"));
    scene_end(&s);
}

TEST(processes_of_others_are_not_looked_into)
{
    struct scene s;
    char text[64];
    struct fh fh;
    int ends[2];

    scene_needs_root();
    scene_begin(&s);
    pair_make(ends);
    pid_t holder = holder_start(own_uid());
    become(&s, own_uid() + 1);
    snprintf(text, sizeof(text), "%d %d", holder, ends[0]);
    expect_status(post_text(&s, "theirs", text, &fh), NFS_ACCES);
    test_note("nor root's");
    snprintf(text, sizeof(text), "%d %d", getpid(), ends[0]);
    expect_status(post_text(&s, "roots", text, &fh), NFS_ACCES);
    test_note("nor the server's own");
    snprintf(text, sizeof(text), "%d 3", s.server.pid);
    expect_status(post_text(&s, "servers", text, &fh), NFS_ACCES);
    close(ends[0]);
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    assert_true(waits_for_close(ends[1], 1000));
    scene_end(&s);
}

/*
 * A network of its own, in which 192.0.2.0/24 leads back here, though nobody has an address in it:
 * to who connects there, the peer is a foreign host, and so is he to the peer.
 */
static void foreign_network_begin(void)
{
    if (geteuid() != 0)
        test_skip("needs a network of its own: run as root");
    assert_return_code(unshare(CLONE_NEWNET), errno);
    assert_int_equal(system("ip link set lo up && ip route add local 192.0.2.0/24 dev lo"), 0);
}

TEST(a_client_on_another_host_posts_nothing_out_of_processes_of_this_one)
{
    struct sockaddr_in there = {.sin_family = AF_INET};
    struct scene s;
    struct answer answer;
    struct client local;
    char text[64];
    struct fh fh;
    int ends[2];

    foreign_network_begin();
    scene_prepare(&s, ",client=*");
    s.server.listen = "0.0.0.0";
    scene_start(&s);
    pair_make(ends);
    pid_t holder = holder_start(own_uid());
    snprintf(text, sizeof(text), "%d %d\n", holder, ends[0]);
    local = s.client;
    assert_int_equal(inet_pton(AF_INET, "192.0.2.7", &there.sin_addr), 1);
    there.sin_port = htons(s.server.port);
    assert_int_equal(
        client_connect_to(&s.client, (struct sockaddr *)&there, sizeof(there), local.flags), 0);

    expect_status(post_text(&s, "asroot", text, &fh), NFS_ACCES);
    become(&s, own_uid());
    expect_status(post_text(&s, "asowner", text, &fh), NFS_ACCES);
    answer = TELL(&s, geteuid(), -1, "list");
    assert_null(strstr(answer.lines, "socket"));
    test_note("the same by an address of this host");
    client_disconnect(&s.client);
    s.client = local;
    become(&s, own_uid());
    expect_ok(post_text(&s, "local", text, &fh));
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    scene_end(&s);
}

TEST(a_privileged_process_of_the_caller_is_not_looked_into)
{
    struct scene s;
    char text[64];
    struct fh fh;
    int ends[2];

    test_skip_in_variant("user", "the kernel refuses there");
    scene_needs_root();
    scene_begin(&s);
    pair_make(ends);
    pid_t holder = fork();
    if (holder == 0) {
        /* As a set-user-id program: the real user is the caller's alone. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (setresuid(STRANGER, 0, 0) == 0)
            pause();
        _exit(1);
    }
    host_sleep_ms(50);
    become(&s, STRANGER);
    snprintf(text, sizeof(text), "%d %d", holder, ends[0]);
    expect_status(post_text(&s, "conn", text, &fh), NFS_ACCES);
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    test_note("root may have any");
    snprintf(text, sizeof(text), "%d %d", getpid(), ends[0]);
    s.client.who = caller_root;
    expect_ok(post_text(&s, "roots", text, &fh));
    scene_end(&s);
}

TEST(what_is_no_pid_and_number_is_invalid)
{
    static const char *const texts[] = {"hello", "1",   "1 ", "-1 0",          "1 -1", "1x 2",
                                        "1 2x",  "0 1", " ",  "99999999999 1", "1 2 3"};
    struct scene s;
    struct fh fh;
    char name[20], text[64];

    scene_begin(&s);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        snprintf(name, sizeof(name), "name%zu", i);
        expect_status(post_text(&s, name, texts[i], &fh), NFS_INVAL);
        expect_read(&s, &fh, 0, "");
        expect_ok(ask_remove(&s.client, &s.root, name, NULL));
    }
    test_note("nor a process that is gone");
    pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    waitpid(gone, NULL, 0);
    snprintf(text, sizeof(text), "%d 0", gone);
    expect_status(post_text(&s, "gone", text, &fh), NFS_INVAL);
    expect_status(ask_write(&s.client, &fh, 5, "1 2", 3, S_UNSTABLE, NULL), NFS_INVAL);
    assert_int_equal(TELL(&s, geteuid(), -1, "take", "gone").error, ENODATA);
    scene_end(&s);
}

TEST(a_name_is_made_once_and_an_exclusive_retry_finds_it)
{
    struct scene s;
    struct made made, again;

    scene_begin(&s);
    expect_ok(ask_create(&s.client, &s.root, "x", H_EXCLUSIVE, NULL, "12345678", &made));
    expect_ok(ask_create(&s.client, &s.root, "x", H_EXCLUSIVE, NULL, "12345678", &again));
    assert_memory_equal(made.fh.data, again.fh.data, made.fh.len);
    expect_status(ask_create(&s.client, &s.root, "x", H_EXCLUSIVE, NULL, "87654321", &again),
                  NFS_EXIST);
    expect_status(ask_create(&s.client, &s.root, "x", H_GUARDED, NULL, NULL, &again), NFS_EXIST);
    expect_ok(ask_create(&s.client, &s.root, "x", H_UNCHECKED, NULL, NULL, &again));
    expect_ok(ask_rename(&s.client, &s.root, "x", &s.root, "y", NULL, NULL));
    expect_ok(ask_create(&s.client, &s.root, "x", H_GUARDED, NULL, NULL, NULL));
    expect_ok(ask_rename(&s.client, &s.root, "x", &s.root, "y", NULL, NULL));
    expect_status(ask_mkdir(&s.client, &s.root, "dir", NULL, NULL), NFS_NOTSUPP);
    expect_ok(ask_remove(&s.client, &s.root, "y", NULL));
    expect_status(ask_remove(&s.client, &s.root, "y", NULL), NFS_NOENT);
    scene_end(&s);
}
