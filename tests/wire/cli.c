/*
 * cli.c - the command line: what is wrong with it is said in one line, with exit status 2; what
 * goes wrong when it is right, with 1.
 */
#include "tests/wire/wire.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Runs it; the output must be one line (a log line before it is none of it). */
static int run_line(const char *const *args, char *output, size_t size)
{
    int status = server_run_once(args, output, size);
    size_t len = strlen(output);

    assert_true(len > 0 && output[len - 1] == '\n');
    return status;
}

static size_t count_lines(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

TEST(usage_errors_are_one_line_and_exit_2)
{
    static const char *const cases[][5] = {
        {"--no-such-option", "/tmp"},
        {"--listen=nonsense", "/tmp"},
        {"--listen=127.0.0.1:99999", "/tmp"},
        {"--portmap=perhaps", "/tmp"},
        {"--threads=none", "/tmp"},
        {"--threads=0", "/tmp"},
        {"--spin=-5", "/tmp"},
        {"--log-level=loud", "/tmp"},
        {"--export=/tmp,no_such_option"},
        {"--handles=magic", "/tmp"},
        {NULL},
    };
    struct server server;
    char output[4096], state_arg[120];

    server_prepare(&server, NULL);
    snprintf(state_arg, sizeof(state_arg), "--state-dir=%s", server.state_dir);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *args[8] = {state_arg, "--portmap=off"};
        size_t n = cases[i][0] && strncmp(cases[i][0], "--portmap", 9) == 0 ? 1 : 2;
        for (size_t k = 0; cases[i][k]; k++)
            args[n++] = cases[i][k];
        int status = run_line(args, output, sizeof(output));
        test_note("%s: %d: %s", cases[i][0] ? cases[i][0] : "nothing", status, output);
        assert_int_equal(status, 2);
        assert_int_equal(count_lines(output), 1);
    }
}

/* Starts it, which fails, for a reason that one line names. */
static void expect_no_key(const struct server *server, const char *why)
{
    char state_arg[120], output[4096];

    snprintf(state_arg, sizeof(state_arg), "--state-dir=%s", server->state_dir);
    const char *args[] = {state_arg, "--portmap=off", "--listen=127.0.0.1:0", server->export_dir,
                          NULL};
    assert_int_equal(run_line(args, output, sizeof(output)), 1);
    test_note("%s", output);
    const char *first = strstr(output, "handle.key");
    assert_non_null(first);
    assert_null(strstr(first + 1, "handle.key"));
    assert_non_null(strstr(output, why));
}

TEST(a_handle_key_that_is_refused_is_told_in_one_line)
{
    struct server server;

    server_prepare(&server, NULL);
    host_write(server.state_dir, "handle.key", "sixteen bytes...");
    host_chmod(server.state_dir, "handle.key", 0644);
    expect_no_key(&server, "others may use it");
    host_write(server.state_dir, "handle.key", "short");
    host_chmod(server.state_dir, "handle.key", 0600);
    expect_no_key(&server, "its length is wrong");
    server_finish(&server);
}

TEST(a_full_disk_below_the_state_directory_is_no_reason_to_remove_the_key)
{
    static const char block[4096];
    struct server server;

    test_skip_in_variant("user", "only root may mount a small file system");
    server_prepare(&server, NULL);
    host_private_mounts();
    host_mount_tmpfs(server.state_dir, "size=4k,mode=700");
    int fd = open(host_path(server.state_dir, "full").text, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
    close(fd);
    expect_no_key(&server, "No space left on device; make room there");
    server_finish(&server);
}

TEST(a_relative_path_is_below_where_the_server_was_started)
{
    struct server server;
    char state_arg[120], output[4096];

    server_prepare(&server, NULL);
    snprintf(state_arg, sizeof(state_arg), "--state-dir=%s", server.state_dir);
    assert_int_equal(chdir(server.home), 0);
    const char *missing[] = {"--check", state_arg, "--export=no-such-thing,rw", NULL};
    assert_int_equal(run_line(missing, output, sizeof(output)), 1);
    assert_non_null(strstr(output, "/no-such-thing: No such file"));
    const char *there[] = {"--check", state_arg, "--export=export,rw",
                           "--export=/x,source=./export", NULL};
    assert_int_equal(server_run_once(there, output, sizeof(output)), 0);
    server_finish(&server);
}

TEST(a_directory_that_the_server_may_not_enter_is_not_served)
{
    struct server server;
    char state_arg[120], output[4096];

    test_skip_in_variant("root", "root may enter everything");
    server_prepare(&server, NULL);
    snprintf(state_arg, sizeof(state_arg), "--state-dir=%s", server.state_dir);
    host_mkdir(server.home, "closed", 0644);
    struct host_path path = host_path(server.home, "closed");
    const char *closed = path.text;
    const char *args[] = {"--portmap=off", state_arg, closed, NULL};
    assert_int_equal(run_line(args, output, sizeof(output)), 1);
    assert_int_equal(count_lines(output), 1);
    assert_non_null(strstr(output, "can't enter it"));
    assert_non_null(strstr(output, closed));
    server_finish(&server);
}

TEST(run_time_errors_exit_1_and_say_what)
{
    struct server server;
    char state_arg[120], output[4096];

    server_prepare(&server, NULL);
    host_write(server.home, "file", "");
    snprintf(state_arg, sizeof(state_arg), "--state-dir=%s/file", server.home);
    const char *bad_state[] = {"--portmap=off", "--listen=127.0.0.1:0", state_arg,
                               server.export_dir, NULL};
    assert_int_equal(run_line(bad_state, output, sizeof(output)), 1);
    assert_non_null(strstr(output, "file"));

    snprintf(state_arg, sizeof(state_arg), "--state-dir=%s", server.state_dir);
    const char *missing[] = {"--portmap=off", "--listen=127.0.0.1:0", state_arg,
                             "/no/such/directory", NULL};
    assert_int_equal(run_line(missing, output, sizeof(output)), 1);
    assert_non_null(strstr(output, "/no/such/directory"));

    const char *foreign[] = {"--portmap=off", "--listen=192.0.2.77:0", state_arg, server.export_dir,
                             NULL};
    assert_int_equal(run_line(foreign, output, sizeof(output)), 1);
    assert_non_null(strstr(output, "192.0.2.77"));
    server_finish(&server);
}

/* There are sockets for TCP and UDP, and the portmapper's. */
TEST(an_address_that_is_to_come_is_told_of_once)
{
    struct server server;
    char line[512];
    unsigned told = 0;

    server_prepare(&server, NULL);
    server_add_arg(&server, "--freebind");
    server_add_arg(&server, "--udp");
    server_add_arg(&server, "--listen=192.0.2.77:0");
    server_start(&server);
    FILE *log = fopen(server.log, "re");
    assert_non_null(log);
    while (fgets(line, sizeof(line), log))
        told += strstr(line, "192.0.2.77 is not an address of this host yet") != NULL;
    fclose(log);
    assert_int_equal(told, 1);
    server_finish(&server);
}

TEST(what_is_not_there_and_not_served_later_is_told_in_one_line)
{
    struct server server;
    char state_arg[120], output[4096];

    server_prepare(&server, NULL);
    host_write(server.home, "file", "");
    snprintf(state_arg, sizeof(state_arg), "--state-dir=%s", server.state_dir);
    struct host_path file = host_path(server.home, "file");
    const char *const wrong[] = {"/no/such/directory", file.text, "--export=/no/such/directory,rw"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const char *args[] = {"--portmap=off", "--listen=127.0.0.1:0", state_arg, wrong[i], NULL};
        assert_int_equal(run_line(args, output, sizeof(output)), 1);
        test_note("%s", output);
        assert_int_equal(count_lines(output), 1);
        assert_null(strstr(output, "as soon as"));
    }
    server_finish(&server);
}

TEST(another_server_is_looked_at_only_with_check)
{
    struct server server;
    char state_arg[120], output[4096];

    server_prepare(&server, NULL);
    snprintf(state_arg, sizeof(state_arg), "--state-dir=%s", server.state_dir);
    const char *alone[] = {"--running=1", state_arg, server.export_dir, NULL};
    assert_int_equal(run_line(alone, output, sizeof(output)), 2);
    assert_int_equal(count_lines(output), 1);
    assert_non_null(strstr(output, "--check"));
    const char *nobody[] = {"--check", "--running=2147483647", state_arg, server.export_dir, NULL};
    assert_int_equal(run_line(nobody, output, sizeof(output)), 1);
    assert_non_null(strstr(output, "there is no such process"));
    server_finish(&server);
}

TEST(an_exports_file_that_can_not_be_read_exits_2)
{
    struct server server;
    char state_arg[120], exports_arg[120], output[4096];

    server_prepare(&server, NULL);
    snprintf(state_arg, sizeof(state_arg), "--state-dir=%s", server.state_dir);
    const char *const files[] = {".", "missing/file"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(exports_arg, sizeof(exports_arg), "--exports=%s/%s", server.home, files[i]);
        const char *args[] = {"--portmap=off", "--listen=127.0.0.1:0", state_arg, exports_arg,
                              NULL};
        assert_int_equal(run_line(args, output, sizeof(output)), 2);
        assert_int_equal(count_lines(output), 1);
        assert_non_null(strstr(output, files[i]));
    }
    server_finish(&server);
}

TEST(an_exports_file_that_is_not_there_exits_2)
{
    struct server server;
    char state_arg[120], exports_arg[120], output[4096];

    server_prepare(&server, NULL);
    snprintf(state_arg, sizeof(state_arg), "--state-dir=%s", server.state_dir);
    snprintf(exports_arg, sizeof(exports_arg), "--exports=%s/missing", server.home);
    const char *no_file[] = {"--portmap=off", "--listen=127.0.0.1:0", state_arg, exports_arg, NULL};
    assert_int_equal(run_line(no_file, output, sizeof(output)), 2);
    assert_int_equal(count_lines(output), 1);
    assert_non_null(strstr(output, "missing: No such file"));
    server_finish(&server);
}

TEST(check_looks_and_exits)
{
    struct server server;
    char exports_arg[120], state_arg[120], line[200], output[4096];

    server_prepare(&server, NULL);
    snprintf(exports_arg, sizeof(exports_arg), "--exports=%s/exports", server.home);
    snprintf(state_arg, sizeof(state_arg), "--state-dir=%s", server.state_dir);
    const char *args[] = {"--check", "--portmap=off", state_arg, exports_arg, NULL};
    snprintf(line, sizeof(line), "%s 127.0.0.1(rw)\n", server.export_dir);
    host_write(server.home, "exports", line);
    assert_int_equal(server_run_once(args, output, sizeof(output)), 0);
    host_append(server.home, "exports", "/tmp 127.0.0.1(rw,tpyo)\n");
    assert_int_not_equal(server_run_once(args, output, sizeof(output)), 0);
    assert_non_null(strstr(output, "exports:2:"));
    assert_non_null(strstr(output, "tpyo"));

    const char *mem[] = {"--check", "--portmap=off", state_arg,
                         "--export=/mem,fs=memfs,size=banana", NULL};
    assert_int_equal(server_run_once(mem, output, sizeof(output)), 2);
    assert_non_null(strstr(output, "size=banana: size= takes bytes"));
    server_finish(&server);
}

TEST(help_and_version_exit_0)
{
    const char *help[] = {"--help", NULL}, *version[] = {"--version", NULL};
    char output[8192];

    assert_int_equal(server_run_once(help, output, sizeof(output)), 0);
    assert_non_null(strstr(output, "--exports"));
    assert_non_null(strstr(output, "--manage-gids"));
    assert_int_equal(server_run_once(version, output, sizeof(output)), 0);
    assert_non_null(strstr(output, "loopnfsd"));
}

/* What the server prints on becoming ready, with these arguments; freed by the caller. */
static char *announced(const char *const *args)
{
    struct server server;
    char text[8192] = "", *line = NULL;
    size_t size = 0, used = 0;

    server_prepare(&server, NULL);
    server.no_plain_export = true;
    server.listen = args[0];
    for (size_t i = 1; args[i] != NULL; i++)
        server_add_arg(&server, args[i]);
    server_start(&server);
    FILE *in = fopen(server.log, "re");
    assert_non_null(in);
    while (getline(&line, &size, in) > 0)
        if (strncmp(line, "  ", 2) == 0 && used + strlen(line) < sizeof(text))
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s", line);
    fclose(in);
    free(line);
    server_finish(&server);
    test_note("%s", text);
    return strdup(text);
}

TEST(a_host_of_its_own_is_told_its_own_command_only)
{
    const char *args[] = {"127.0.0.1", "--export=/tmp,rw", NULL};
    char *text = announced(args);

    assert_non_null(strstr(text, "  Linux    sudo mount -t nfs -o vers=3,nolock,port="));
    assert_non_null(strstr(text, ",tcp localhost:/tmp /mnt\n"));
    assert_null(strstr(text, "  macOS "));
    assert_null(strstr(text, "  FreeBSD "));
    free(text);
}

TEST(the_command_says_over_which_ip_where_linux_has_to_be_told)
{
    const char *args[] = {"[::1]", "--export=/tmp,rw", NULL};
    char *text = announced(args);

    assert_non_null(strstr(text, ",proto=tcp6 '[::1]:/tmp' /mnt\n"));
    free(text);
}

TEST(other_hosts_are_told_an_address_that_they_can_reach)
{
    const char *args[] = {"0.0.0.0", "--export=/tmp,client=*", NULL};
    char *text = announced(args);

    /* A host without a network has nobody to tell. */
    assert_null(strstr(text, "macOS    mkdir -p ~/mnt && sudo mount -t nfs -o localhost"));
    for (const char *at = text; (at = strstr(at, "  macOS ")) != NULL; at++) {
        const char *end = strchr(at, '\n');
        assert_non_null(memmem(at, (size_t)(end - at), ",tcp ", 5));
        assert_null(memmem(at, (size_t)(end - at), "localhost", 9));
        assert_null(memmem(at, (size_t)(end - at), "127.0.0.1", 9));
    }
    free(text);
}

TEST(who_would_be_refused_is_told_no_command)
{
    /* A network that can't reach the address; a host of its own on an address that is not its. */
    const char *far[] = {"127.0.0.1", "--export=/tmp,client=192.0.2.0/24", NULL};
    char *text = announced(far);

    assert_null(strstr(text, "mount -t nfs"));
    assert_non_null(strstr(text, "--listen"));
    free(text);
    const char *family[] = {"0.0.0.0", "--export=/tmp,client=2001:db8::/32", NULL};
    text = announced(family);
    assert_null(strstr(text, "mount -t nfs"));
    free(text);
    /* All addresses are listened on, but only this host may come. */
    const char *own[] = {"0.0.0.0", "--export=/tmp,client=127.0.0.0/8", NULL};
    text = announced(own);
    assert_non_null(strstr(text, "  Linux "));
    assert_null(strstr(text, "  macOS "));
    free(text);
}
