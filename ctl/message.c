/*
 * message.c - see message.h.
 */
#include "ctl/message.h"
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The most descriptors that a message can bring. Only the first is used; the others are closed. */
#define FDS_MAX 8

static int send_all(int socket, const char *data, size_t len, int fd)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];

    while (len > 0) {
        struct iovec iov = {(void *)(size_t)data, len};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
        if (fd >= 0) {
            memset(control, 0, sizeof(control));
            msg.msg_control = control;
            msg.msg_controllen = sizeof(control);
            struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
            c->cmsg_level = SOL_SOCKET;
            c->cmsg_type = SCM_RIGHTS;
            c->cmsg_len = CMSG_LEN(sizeof(int));
            memcpy(CMSG_DATA(c), &fd, sizeof(int));
        }
        ssize_t n = sendmsg(socket, &msg, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        fd = -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

int message_send(int socket, struct json_object *message, int fd)
{
    size_t len;
    const char *text = json_object_to_json_string_length(message, JSON_C_TO_STRING_PLAIN, &len);

    if (text == NULL)
        return ENOMEM;
    int err = send_all(socket, text, len, fd);
    return err != 0 ? err : send_all(socket, "\n", 1, -1);
}

/* Keeps the first descriptor of a control message, closes all others. */
static void fds_take(struct msghdr *msg, int *fd)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int one;
            memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (*fd < 0)
                *fd = one;
            else
                close(one);
        }
    }
}

/* Receives into buf until a newline. *len is the line's length in bytes, without the newline. */
static int line_receive(int socket, char *buf, size_t size, size_t *len, int *fd)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_MAX * sizeof(int))];

    *len = 0;
    while (*len < size) {
        struct iovec iov = {buf + *len, size - *len};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
        ssize_t n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        fds_take(&msg, fd);
        if (n == 0)
            return ENODATA;
        char *newline = memchr(buf + *len, '\n', (size_t)n);
        *len += (size_t)n;
        if (newline != NULL) {
            *len = (size_t)(newline - buf);
            return 0;
        }
    }
    return EMSGSIZE;
}

int message_receive(int socket, size_t max, struct json_object **message, int *fd)
{
    size_t len;

    *message = NULL;
    *fd = -1;
    char *buf = malloc(max);
    if (buf == NULL)
        return ENOMEM;
    int err = line_receive(socket, buf, max, &len, fd);
    if (err == 0) {
        struct json_tokener *tokener = json_tokener_new();
        if (tokener != NULL) {
            *message = json_tokener_parse_ex(tokener, buf, (int)len);
            /* At the end of the text, a number or `null` might still go on: an empty text says that
             * it does not. */
            if (*message == NULL && json_tokener_get_error(tokener) == json_tokener_continue)
                *message = json_tokener_parse_ex(tokener, "", -1);
            json_tokener_free(tokener);
        }
        if (*message == NULL)
            err = EPROTO;
    }
    if (err != 0 && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    free(buf);
    return err;
}
