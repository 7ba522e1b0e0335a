/*
 * scene.c - see scene.h.
 */
#include "tests/srvfs/scene.h"
#include "ctl/message.h"
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void scene_prepare(struct scene *s, const char *options)
{
    static char control[120], export[200]; /* borrowed by the server's arguments */

    server_prepare(&s->server, NULL);
    snprintf(s->control, sizeof(s->control), "%s/control", s->server.home);
    snprintf(control, sizeof(control), "--control=%s", s->control);
    snprintf(export, sizeof(export),
             "--export=/srv,fs=srvfs,rw,no_root_squash,window=64K,linger=1,posts=120%s%s",
             geteuid() == 0 ? "" : ",insecure", options);
    server_add_arg(&s->server, control);
    server_add_arg(&s->server, export);
    s->server.no_plain_export = true;
}

void scene_start(struct scene *s)
{
    struct mount_answer answer;

    server_start(&s->server);
    client_connect(&s->client, s->server.port, 0);
    assert_int_equal(ask_mnt(&s->client, 3, "/srv", &answer), MNT_OK);
    s->root = answer.fh;
}

void scene_begin_with(struct scene *s, const char *options)
{
    scene_prepare(s, options);
    scene_start(s);
}

void scene_begin(struct scene *s)
{
    scene_begin_with(s, "");
}

void scene_end(struct scene *s)
{
    client_disconnect(&s->client);
    server_finish(&s->server);
}

void scene_needs_root(void)
{
    if (geteuid() != 0)
        test_skip("needs to be several users: run as root");
}

/* --- the control socket --- */

int control_dial(const struct scene *s, uid_t uid)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    uid_t before = geteuid();
    uid_t fs_before = (uid_t)setfsuid((uid_t)-1);

    strcpy(address.sun_path, s->control);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (uid != before)
        assert_return_code(seteuid(uid), errno);
    int err = connect(fd, (struct sockaddr *)&address, sizeof(address));
    assert_return_code(err, errno);
    if (uid != before) {
        assert_return_code(seteuid(before), errno);
        setfsuid(fs_before);
    }
    return fd;
}

static void answer_read(struct json_object *json, struct answer *answer)
{
    struct json_object *value;

    assert_true(json_object_object_get_ex(json, "error", &value));
    answer->error = json_object_get_int(value);
    assert_true(json_object_object_get_ex(json, "message", &value));
    snprintf(answer->message, sizeof(answer->message), "%s", json_object_get_string(value));
    if (!json_object_object_get_ex(json, "lines", &value))
        return;
    size_t used = 0;
    for (size_t i = 0; i < json_object_array_length(value); i++)
        used += (size_t)snprintf(answer->lines + used, sizeof(answer->lines) - used, "%s\n",
                                 json_object_get_string(json_object_array_get_idx(value, i)));
    assert_true(used < sizeof(answer->lines));
}

static struct answer ask(struct scene *s, uid_t uid, int fd, const char *fs,
                         const char *const *words)
{
    struct json_object *request = json_object_new_object(), *argv = json_object_new_array(), *json;
    struct answer answer = {.fd = -1};

    for (; *words != NULL; words++)
        json_object_array_add(argv, json_object_new_string(*words));
    json_object_object_add(request, "argv", argv);
    if (fs != NULL)
        json_object_object_add(request, "fs", json_object_new_string(fs));
    int socket = control_dial(s, uid);
    assert_int_equal(message_send(socket, request, fd), 0);
    assert_int_equal(message_receive(socket, MESSAGE_MAX, &json, &answer.fd), 0);
    close(socket);
    answer_read(json, &answer);
    json_object_put(json);
    json_object_put(request);
    return answer;
}

struct answer tell(struct scene *s, uid_t uid, int fd, const char *const *words)
{
    return ask(s, uid, fd, "srvfs", words);
}

struct answer ask_status(struct scene *s, uid_t uid)
{
    return ask(s, uid, -1, NULL, (const char *const[]){"status", NULL});
}

struct fh post(struct scene *s, const char *name, int fd)
{
    struct answer answer = TELL(s, geteuid(), fd, "post", name);

    if (answer.error != 0)
        fail_msg("post %s: %s (%s)", name, strerror(answer.error), answer.message);
    close(fd);
    return look(s, name);
}

/* --- the other end --- */

void pair_make(int ends[2])
{
    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), errno);
}

void expect_arrives(int fd, const char *text)
{
    size_t len = strlen(text), done = 0;
    char got[4096];
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    assert_true(len < sizeof(got));
    while (done < len && poll(&poll_fd, 1, 5000) == 1) {
        ssize_t n = read(fd, got + done, len - done);
        assert_true(n > 0);
        done += (size_t)n;
    }
    got[done] = '\0';
    assert_string_equal(got, text);
    assert_int_equal(poll(&poll_fd, 1, 50), 0);
}

bool waits_for_close(int fd, int ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    char byte;

    return poll(&poll_fd, 1, ms) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

void say_at(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* --- the file --- */

void write_all(struct scene *s, const struct fh *fh, uint64_t offset, const char *text)
{
    struct nfs3_write result;

    expect_ok(ask_write(&s->client, fh, offset, text, (uint32_t)strlen(text), S_UNSTABLE, &result));
    assert_int_equal(result.count, strlen(text));
}

void expect_read(struct scene *s, const struct fh *fh, uint64_t offset, const char *text)
{
    struct nfs3_read result;

    expect_ok(ask_read(&s->client, fh, offset, 4096, &result));
    assert_int_equal(result.count, strlen(text));
    assert_memory_equal(result.data, text, result.count);
    assert_true(result.eof);
}

uint64_t size_of(struct scene *s, const struct fh *fh)
{
    struct attr attr;

    expect_ok(ask_getattr(&s->client, fh, &attr));
    assert_int_equal(attr.type, T_REG);
    return attr.size;
}

uint64_t wait_size(struct scene *s, const struct fh *fh, uint64_t size)
{
    uint64_t now = 0;

    for (int i = 0; i < 6000 && (now = size_of(s, fh)) < size; i++)
        host_sleep_ms(10);
    assert_true(now >= size);
    return now;
}

struct fh look(struct scene *s, const char *name)
{
    struct fh fh;

    expect_ok(ask_lookup(&s->client, &s->root, name, &fh, NULL, NULL));
    return fh;
}
