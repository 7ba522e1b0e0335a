/*
 * server.c - the control socket's server end (control.h): accepts connections, asks the kernel
 * which user connects, and gives each connection a thread.
 *
 * Started and ended by cmd/loopnfsd/main.c. Its threads are few and may be slow: no call of an NFS
 * client waits for them.
 */
#include "base/cred.h"
#include "base/log.h"
#include "ctl/control.h"
#include "ctl/message.h"
#include "ctl/request.h"
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX (64u * 1024)
/* Connections at one time: in all, for one user, and kept free for root and the server's own user.
 * When no more are free and a user asks that has fewer than another user, the other user's oldest
 * connection that is not running a command is ended. So no user locks another out. SLOTS also has
 * room for connections that are being ended. */
#define CONNECTIONS_MAX   32
#define CONNECTIONS_USER  8
#define CONNECTIONS_LEAVE 4
#define SLOTS             (2 * CONNECTIONS_MAX)
/* Seconds that a client may take to send its request, and again to receive the answer, even if it
 * does so byte by byte. */
#define PATIENCE_S 10
/* Seconds that control_finish() waits for requests in progress. */
#define FINISH_S 1

struct connection {
    int socket; /* -1: free */
    uid_t uid;
    time_t since; /* second of the monotonic clock when the client began to send or receive */
    bool busy;    /* its command is running, for which the client is not to blame */
    bool ending;  /* shut down, and not counted any more */
};

static struct {
    int socket, wake;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    struct connection connections[SLOTS]; /* guarded by lock, and so is count */
    unsigned count;
} control = {
    .socket = -1, .wake = -1, .lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

/* Asks the kernel for the user, groups and process at the other end. The caller frees *groups. */
static int peer_cred(int socket, struct cred *cred, pid_t *pid, gid_t **groups)
{
    struct ucred peer;
    socklen_t len = sizeof(peer), size = 0;

    *groups = NULL;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return errno;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) != 0 && errno == ERANGE) {
        *groups = malloc(size);
        if (*groups == NULL || getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, *groups, &size) != 0)
            size = 0;
    }
    *pid = peer.pid;
    *cred = (struct cred){.uid = peer.uid,
                          .gid = peer.gid,
                          .ngroups = (uint32_t)(size / sizeof(gid_t)),
                          .groups = size > 0 ? *groups : NULL};
    cred_seal(cred);
    return 0;
}

static time_t seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void connection_mark(struct connection *connection, bool busy)
{
    pthread_mutex_lock(&control.lock);
    connection->busy = busy;
    connection->since = seconds_now();
    pthread_mutex_unlock(&control.lock);
}

static void connection_serve(struct connection *connection)
{
    const int socket = connection->socket;
    struct json_object *request, *answer;
    struct cred cred;
    gid_t *groups = NULL;
    int fd = -1, reply_fd = -1;
    pid_t pid = 0;

    if (peer_cred(socket, &cred, &pid, &groups) == 0 &&
        message_receive(socket, REQUEST_MAX, &request, &fd) == 0) {
        connection_mark(connection, true);
        answer = request_run(request, &cred, pid, &fd, &reply_fd);
        connection_mark(connection, false);
        message_send(socket, answer, reply_fd);
        json_object_put(answer);
        json_object_put(request);
    }
    if (fd >= 0)
        close(fd);
    if (reply_fd >= 0)
        close(reply_fd);
    free(groups);
}

static void connection_end(struct connection *connection)
{
    pthread_mutex_lock(&control.lock);
    close(connection->socket); /* under the lock: the number may be reused */
    connection->socket = -1;
    control.count--;
    pthread_cond_broadcast(&control.ended);
    pthread_mutex_unlock(&control.lock);
}

static void *connection_main(void *arg)
{
    struct connection *connection = arg;

    connection_serve(connection);
    connection_end(connection);
    return NULL;
}

static bool is_privileged(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

/* count_of() and connection_shut() are called under the lock. */
static unsigned count_of(const uid_t *uid)
{
    unsigned count = 0;

    for (unsigned i = 0; i < SLOTS; i++) {
        const struct connection *connection = &control.connections[i];
        if (connection->socket >= 0 && !connection->ending &&
            (uid == NULL || connection->uid == *uid))
            count++;
    }
    return count;
}

static void connection_shut(struct connection *connection)
{
    connection->ending = true;
    shutdown(connection->socket, SHUT_RDWR);
}

/* Makes room for a user that has `same` connections, by ending one of a user that has more. Called
 * under the lock. */
static bool room_make(unsigned same)
{
    struct connection *victim = NULL;
    unsigned most = same + 1; /* counting the connection that the user asks for */

    for (unsigned i = 0; i < SLOTS; i++) {
        struct connection *connection = &control.connections[i];
        if (connection->socket < 0 || connection->ending || connection->busy ||
            is_privileged(connection->uid))
            continue;
        unsigned count = count_of(&connection->uid);
        if (count > most ||
            (victim != NULL && count == most && connection->since < victim->since)) {
            most = count;
            victim = connection;
        }
    }
    if (victim != NULL)
        connection_shut(victim);
    return victim != NULL;
}

/* A slot for a new connection; NULL: all that this user may have are taken. */
static struct connection *connection_new(int socket, uid_t uid)
{
    struct connection *found = NULL;

    pthread_mutex_lock(&control.lock);
    unsigned same = count_of(&uid), limit = CONNECTIONS_MAX;
    bool may = true;
    if (!is_privileged(uid)) {
        limit -= CONNECTIONS_LEAVE;
        may = same < CONNECTIONS_USER;
    }
    if (may && count_of(NULL) >= limit)
        may = room_make(same);
    for (unsigned i = 0; i < SLOTS && may && found == NULL; i++)
        if (control.connections[i].socket < 0)
            found = &control.connections[i];
    if (found != NULL) {
        *found = (struct connection){.socket = socket, .uid = uid, .since = seconds_now()};
        control.count++;
    }
    pthread_mutex_unlock(&control.lock);
    return found;
}

/* Ends connections whose client took too long. */
static void connections_hurry(void)
{
    time_t now = seconds_now();

    pthread_mutex_lock(&control.lock);
    for (unsigned i = 0; i < SLOTS; i++) {
        struct connection *connection = &control.connections[i];
        if (connection->socket >= 0 && !connection->ending && !connection->busy &&
            now - connection->since > PATIENCE_S)
            connection_shut(connection);
    }
    pthread_mutex_unlock(&control.lock);
}

static bool any_connection(void)
{
    pthread_mutex_lock(&control.lock);
    bool any = control.count > 0;
    pthread_mutex_unlock(&control.lock);
    return any;
}

/* Sends one line to a client that is turned away. The line fits into a socket whose reader takes
 * nothing, so the accepting thread does not wait. */
static void connection_refuse(int socket)
{
    struct json_object *answer = json_object_new_object();
    char text[160];

    snprintf(text, sizeof(text),
             "the control socket has all the requests that it takes; one that is not ended within "
             "%d s is dropped: try again then",
             PATIENCE_S);
    json_object_object_add(answer, "error", json_object_new_int(EBUSY));
    json_object_object_add(answer, "message", json_object_new_string(text));
    message_send(socket, answer, -1);
    json_object_put(answer);
}

static void connection_start(int socket)
{
    struct connection *connection = NULL;
    socklen_t len = sizeof(struct ucred);
    pthread_attr_t detached;
    struct ucred peer;
    pthread_t thread;

    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
        connection = connection_new(socket, peer.uid);
    if (connection == NULL) {
        connection_refuse(socket);
        close(socket);
        return;
    }
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &detached, connection_main, connection) != 0)
        connection_end(connection);
    pthread_attr_destroy(&detached);
}

static void *accept_main(void *arg)
{
    struct pollfd polls[2] = {{.fd = control.socket, .events = POLLIN},
                              {.fd = control.wake, .events = POLLIN}};

    (void)arg;
    while (polls[1].revents == 0) {
        int n = poll(polls, 2, any_connection() ? 1000 : -1);
        connections_hurry();
        if (n <= 0 || !(polls[0].revents & POLLIN))
            continue;
        int socket = accept4(control.socket, NULL, NULL, SOCK_CLOEXEC);
        if (socket >= 0)
            connection_start(socket);
        else if (errno == EMFILE || errno == ENFILE)
            nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    return NULL;
}

/* Whether a server listens at the path. */
static bool path_answers(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return true;
    bool answers = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
                   (errno != ECONNREFUSED && errno != ENOENT);
    close(fd);
    return answers;
}

static int socket_open(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path))
        return ENAMETOOLONG;
    strcpy(address.sun_path, path);
    control.socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control.socket < 0)
        return errno;
    int bound = bind(control.socket, (struct sockaddr *)&address, sizeof(address));
    struct stat st;
    if (bound != 0 && errno == EADDRINUSE && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
        !path_answers(&address) && unlink(path) == 0)
        bound = bind(control.socket, (struct sockaddr *)&address, sizeof(address));
    if (bound != 0)
        return errno;
    strcpy(control.path, path);
    /* Every user may connect; the answer depends on which user it is. */
    if (chmod(path, 0666) != 0 || listen(control.socket, CONNECTIONS_MAX) != 0)
        return errno;
    return 0;
}

int control_start(const char *path)
{
    sigset_t all, before;

    for (unsigned i = 0; i < SLOTS; i++)
        control.connections[i].socket = -1;
    int err = socket_open(path);
    if (err == 0) {
        control.wake = eventfd(0, EFD_CLOEXEC);
        err = control.wake < 0 ? errno : 0;
    }
    if (err == 0) {
        /* All signals are blocked in the new thread: only the main thread handles signals. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        err = pthread_create(&control.thread, NULL, accept_main, NULL);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    control.started = err == 0;
    if (err != 0)
        control_finish();
    return err;
}

void control_finish(void)
{
    if (control.started) {
        uint64_t one = 1;
        ssize_t n = write(control.wake, &one, sizeof(one));
        (void)n;
        pthread_join(control.thread, NULL);
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += FINISH_S;
        pthread_mutex_lock(&control.lock);
        while (control.count > 0 &&
               pthread_cond_timedwait(&control.ended, &control.lock, &until) == 0)
            ;
        pthread_mutex_unlock(&control.lock);
    }
    if (control.socket >= 0)
        close(control.socket);
    if (control.wake >= 0)
        close(control.wake);
    if (control.path[0] != '\0')
        unlink(control.path);
    control.socket = control.wake = -1;
    control.path[0] = '\0';
    control.started = false;
}

int control_default_path(const char *state_dir, char *path, size_t size)
{
    const char *runtime = getenv("RUNTIME_DIRECTORY");
    const char *dir = runtime != NULL && runtime[0] == '/' ? runtime : state_dir;
    int len = snprintf(path, size, "%s/control", dir);

    return len < 0 || (size_t)len >= size ? ENAMETOOLONG : 0;
}
