/*
 * loopnfs.c - libloopnfs: the server inside the program of a file system's author; see
 * loopnfs/loopnfs.h.
 *
 * A struct loopnfs has the author's settings, as the config of server/server.c. Between start and
 * stop it has a thread that does housekeeping; all other threads are net/'s. Authors call every
 * function here from one thread.
 */
#include "lib/internal.h"
#include "server/listen_option.h"
#include "server/server.h"
#include "server/state_dir.h"
#include "vfs/mount.h"
#include "vfs/type_check.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The server of this process, which can have one; see loopnfs.h. */
static struct loopnfs *current;

static int refuse(struct loopnfs *server, const char *what, const char *value)
{
    snprintf(server->message, sizeof(server->message), "%s: %s", what, value);
    return EINVAL;
}

/* --- the author's settings --- */

/* Writes a word of an export as --export reads it: characters that would end or change the word are
 * escaped. */
static void put_word(FILE *out, const char *key, const char *word)
{
    fputs(key, out);
    for (const char *c = word; *c != '\0'; c++) {
        if (strchr(",\\\"#", *c) != NULL || (unsigned char)*c <= ' ')
            fprintf(out, "\\%03o", (unsigned char)*c);
        else
            putc(*c, out);
    }
}

/* Makes the export "PATH,fs=TYPE,...". It is writable and root stays root, as in `loopnfsd DIR`,
 * unless the options say otherwise. */
static int spec_make(struct loopnfs *server, const struct loopnfs_config *config)
{
    size_t size;
    FILE *out = open_memstream(&server->spec, &size);

    if (out == NULL)
        return ENOMEM;
    put_word(out, config->path != NULL ? "" : "/",
             config->path != NULL ? config->path : server->type->name);
    put_word(out, ",fs=", server->type->name);
    if (config->source != NULL)
        put_word(out, ",source=", config->source);
    for (const char *const *client = config->clients; client != NULL && *client != NULL; client++)
        put_word(out, ",client=", *client);
    fputs(",rw,no_root_squash", out);
    if (config->options != NULL && config->options[0] != '\0')
        fprintf(out, ",%s", config->options);
    if (fclose(out) != 0)
        return ENOMEM;
    server->config.exports.specs = calloc(1, sizeof(char *));
    if (server->config.exports.specs == NULL)
        return ENOMEM;
    server->config.exports.specs[0] = server->spec;
    server->config.exports.nspecs = 1;
    server->config.exports.made_up = true;
    return 0;
}

static int listen_make(struct loopnfs *server, const struct loopnfs_config *config)
{
    struct server_config *made = &server->config;
    uint16_t port = config->port == 0 ? NFS_PORT : (uint16_t)config->port;
    struct listen_option listen = {0};
    const char *why = "";

    if (config->port == LOOPNFS_PORT_ANY)
        port = 0;
    else if (config->port < 0 || config->port > UINT16_MAX)
        return refuse(server, "port", "give 1 to 65535, or LOOPNFS_PORT_ANY");
    if (config->listen != NULL && config->listen[0] == NULL)
        return refuse(server, "listen", "no address in the list");
    for (const char *const *text = config->listen; text != NULL && *text != NULL; text++)
        if (listen_option_add(&listen, *text, &why) != 0)
            return refuse(server, *text, why);
    listen.has_common_port = config->port != 0;
    listen.common_port = port;
    if (listen_option_settle(&listen, made, &why) != 0)
        return refuse(server, "listen", why);
    return 0;
}

/* Makes the state directory's path. Without `given`, each type gets a folder of its own: two
 * programs may run at once. */
static int state_dir_make(struct loopnfs *server, const char *given)
{
    char path[PATH_MAX];
    int err = state_dir_choose(given, path, sizeof(path));

    if (err == ENOENT)
        return refuse(server, "state directory", "there is no home; name one");
    if (err != 0)
        return err;
    if (given != NULL)
        server->state_dir = strdup(path);
    else if (asprintf(&server->state_dir, "%s/%s", path, server->type->name) < 0)
        server->state_dir = NULL;
    server->config.state_dir = server->state_dir;
    return server->state_dir != NULL ? 0 : ENOMEM;
}

static int config_apply(struct loopnfs *server, const struct loopnfs_config *config)
{
    struct server_config *made = &server->config;
    const char *log_level = config->log_level != NULL ? config->log_level : "warning";
    const char *portmap = config->portmap != NULL ? config->portmap : "off";

    server_defaults(made);
    made->threads = config->threads;
    if (!log_level_parse(log_level, &server->log_level))
        return refuse(server, log_level, "give error, warning, info or debug as log level");
    if (!portmap_mode_parse(portmap, &made->portmap))
        return refuse(server, portmap, "give auto, builtin, system or off as portmap");
    if (config->path != NULL && config->path[0] != '/')
        return refuse(server, config->path, "the path that clients mount begins with '/'");
    int err = listen_make(server, config);
    if (err == 0)
        err = state_dir_make(server, config->state_dir);
    if (err == 0)
        err = spec_make(server, config);
    return err;
}

/* Copies the author's config into the form that this library has. Members that an older config
 * lacks are zero. */
static int config_whole(const struct loopnfs_config *given, size_t size,
                        struct loopnfs_config *config)
{
    *config = (struct loopnfs_config){0};
    if (given == NULL)
        return 0;
    if (size > sizeof(*config)) {
        log_error("the config of the server has %zu bytes, and this library knows %zu: it is made "
                  "for a newer loopnfs",
                  size, sizeof(*config));
        return EINVAL;
    }
    memcpy(config, given, size);
    return 0;
}

static int type_take(struct loopnfs *server, const struct vfs_type *type, size_t size)
{
    int err = type_whole(type, size, &server->type, server->message, sizeof(server->message));

    server->author = type;
    if (err == 0 && !type_check(server->type)) /* type_check() has said why */
        err = EINVAL;
    return err;
}

int loopnfs_create_sized(const struct vfs_type *type, size_t type_size,
                         const struct loopnfs_config *config, size_t config_size,
                         struct loopnfs **out)
{
    struct loopnfs_config said;

    *out = NULL;
    if (current != NULL)
        return EBUSY;
    int err = config_whole(config, config_size, &said);
    if (err != 0)
        return err;
    struct loopnfs *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return ENOMEM;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->wake, NULL);
    current = server;
    err = type_take(server, type, type_size);
    if (err == 0)
        err = config_apply(server, &said);
    if (err == 0 && said.flags & LOOPNFS_DISPATCH) {
        server->proxy = proxy_create(server->type);
        err = server->proxy == NULL ? ENOMEM : 0;
    }
    if (err != 0) {
        if (server->message[0] != '\0')
            log_error("%s", server->message);
        loopnfs_destroy(server);
        return err;
    }
    log_init(server->log_level);
    *out = server;
    return 0;
}

/* --- start and stop --- */

static void *housekeeper_main(void *arg)
{
    struct loopnfs *server = arg;
    struct timespec until;

    pthread_mutex_lock(&server->lock);
    while (!server->ending) {
        pthread_mutex_unlock(&server->lock);
        unsigned seconds = server_tick();
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += seconds;
        pthread_mutex_lock(&server->lock);
        while (!server->ending &&
               pthread_cond_timedwait(&server->wake, &server->lock, &until) == 0) {
        }
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

static int housekeeper_start(struct loopnfs *server)
{
    sigset_t all, before;

    server->ending = false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&server->housekeeper, NULL, housekeeper_main, server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

/* The type that is served: the author's, or the proxy that stands in front of it. */
static const struct vfs_type *served_type(const struct loopnfs *server)
{
    return server->proxy != NULL ? proxy_type(server->proxy) : server->type;
}

/* The part of stopping that may have to wait for the author's thread. */
static bool stop_all(struct loopnfs *server)
{
    pthread_mutex_lock(&server->lock);
    server->ending = true;
    pthread_cond_signal(&server->wake);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->housekeeper, NULL);
    return server_stop();
}

int loopnfs_start(struct loopnfs *server)
{
    const struct vfs_type *registered = vfs_type_find(server->type->name);

    if (server->running || server->stuck)
        return EALREADY;
    if (server->proxy != NULL)
        proxy_own(server->proxy);
    if (registered != served_type(server)) {
        vfs_unregister(registered);
        vfs_register(served_type(server));
    }
    server->message[0] = '\0';
    enum server_status status =
        server_start(&server->config, server->message, sizeof(server->message));
    if (status != SERVER_OK)
        return status == SERVER_USAGE ? EINVAL : EIO;
    int err = housekeeper_start(server);
    if (err != 0) {
        server_stop();
        return err;
    }
    server->running = true;
    return 0;
}

struct stopping {
    struct loopnfs *server;
    bool stopped;
    _Atomic bool ended;
};

static void *stopper_main(void *arg)
{
    struct stopping *stopping = arg;

    stopping->stopped = stop_all(stopping->server);
    stopping->ended = true;
    proxy_wake(stopping->server->proxy);
    return NULL;
}

int loopnfs_stop(struct loopnfs *server)
{
    struct stopping stopping = {.server = server};
    pthread_t stopper;

    if (!server->running)
        return 0;
    if (server->proxy == NULL) {
        stopping.stopped = stop_all(server);
    } else {
        /* Operations that have begun, and the unmount, need this thread until they are done. */
        int err = pthread_create(&stopper, NULL, stopper_main, &stopping);
        if (err != 0)
            return err;
        proxy_dispatch_until(server->proxy, &stopping.ended);
        pthread_join(stopper, NULL);
    }
    server->running = false;
    if (stopping.stopped)
        return 0;
    server->stuck = true;
    snprintf(server->message, sizeof(server->message), "some operations did not end in time");
    return ETIMEDOUT;
}

void loopnfs_destroy(struct loopnfs *server)
{
    if (server == NULL)
        return;
    loopnfs_stop(server);
    if (server->running || server->stuck)
        return; /* threads still use it, so the process keeps it */
    if (server->proxy != NULL)
        vfs_unregister(proxy_type(server->proxy));
    if (server->type != NULL && server->type != server->author)
        vfs_unregister(server->type);
    type_whole_free(server->author, server->type);
    proxy_destroy(server->proxy);
    free(server->config.exports.specs);
    free(server->spec);
    free(server->state_dir);
    pthread_cond_destroy(&server->wake);
    pthread_mutex_destroy(&server->lock);
    free(server);
    current = NULL;
}

/* --- looking at it --- */

const char *loopnfs_message(const struct loopnfs *server)
{
    return server->message;
}

unsigned loopnfs_port(const struct loopnfs *server)
{
    return server->running ? address_port(&server->config.listen[0]) : 0;
}

int loopnfs_fd(const struct loopnfs *server)
{
    return server->proxy != NULL ? proxy_fd(server->proxy) : -1;
}

unsigned loopnfs_dispatch(struct loopnfs *server)
{
    return server->proxy != NULL ? proxy_dispatch(server->proxy) : 0;
}
