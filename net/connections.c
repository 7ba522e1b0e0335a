/*
 * connections.c - open connections by their numbers; see connections.h.
 *
 * One lock guards the whole table. It is taken when a connection begins, when it ends, and when a
 * caller asks about one. It also keeps the descriptor that is asked about from being closed
 * meanwhile.
 */
#include "net/connections.h"
#include "net/loop.h"
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#define BUCKETS 1024 /* a power of 2 */

static struct {
    pthread_mutex_t lock;
    uint64_t last; /* guarded by lock, as the rest */
    struct source *buckets[BUCKETS];
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Numbers are given out in order. */
static struct source **bucket_of(uint64_t number)
{
    return &table.buckets[number & (BUCKETS - 1)];
}

void connections_add(struct source *source)
{
    pthread_mutex_lock(&table.lock);
    source->number = ++table.last;
    source->next_numbered = *bucket_of(source->number);
    *bucket_of(source->number) = source;
    pthread_mutex_unlock(&table.lock);
}

void connections_remove(struct source *source)
{
    if (source->number == 0)
        return;
    pthread_mutex_lock(&table.lock);
    for (struct source **at = bucket_of(source->number); *at != NULL; at = &(*at)->next_numbered)
        if (*at == source) {
            *at = source->next_numbered;
            break;
        }
    pthread_mutex_unlock(&table.lock);
}

static bool socket_is_open(int fd)
{
    struct pollfd ended = {.fd = fd, .events = POLLRDHUP};
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);

    if (poll(&ended, 1, 0) != 0)
        return false;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 || info.tcpi_backoff == 0;
}

bool net_connection_is_open(uint64_t number)
{
    bool open = false;

    pthread_mutex_lock(&table.lock);
    for (const struct source *at = *bucket_of(number); at != NULL; at = at->next_numbered)
        if (at->number == number)
            open = socket_is_open(at->fd);
    pthread_mutex_unlock(&table.lock);
    return open;
}
