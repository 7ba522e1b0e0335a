/*
 * main.c - loopnfsd: starts the server, waits for signals, stops the server.
 *
 * server/server.c says what the server is made of, and in which order it starts. Any failure while
 * starting ends the program with one line and exit status 1 (2 for the command line). Afterwards
 * the main thread waits for signals and never touches a file system that is served. server/keeper.c
 * has threads for the work that does: reading the exports again, and housekeeping, once a second
 * while there is something to do.
 */
#include "base/log.h"
#include "cmd/loopnfsd/options.h"
#include "ctl/control.h"
#include "net/net.h"
#include "portmap/portmap.h"
#include "server/announce.h"
#include "server/keeper.h"
#include "server/process.h"
#include "server/server.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MESSAGE_MAX (PATH_MAX + 200)
/* Seconds in which the process ends, whatever hangs. Less than the unit's TimeoutStopSec. */
#define END_S 18

/* Starts the control socket. A failure is only a warning, since the server is useful without it. */
static void start_control(const struct options *options, const char *state_dir)
{
    char path[PATH_MAX];

    int err = 0;
    if (options->control != NULL)
        err = snprintf(path, sizeof(path), "%s", options->control) < PATH_MAX ? 0 : ENAMETOOLONG;
    else
        err = control_default_path(state_dir, path, sizeof(path));
    if (err == 0)
        err = control_start(path);
    if (err != 0)
        log_warning("no control socket at %s: %s; loopnfs(1) won't work (see --control)", path,
                    strerror(err));
}

/* Does housekeeping until SIGTERM or SIGINT. */
static void keep_house(struct options *options, const sigset_t *waited)
{
    struct timespec wait = {.tv_sec = 1};
    unsigned watchdog = process_watchdog_seconds();

    net_alive();
    for (;;) {
        int caught = sigtimedwait(waited, NULL, &wait);

        if (caught == SIGTERM || caught == SIGINT) {
            log_info("%s: ending", strsignal(caught));
            return;
        }
        if (caught == SIGHUP)
            keeper_reload(&options->server);
        if (caught > 0)
            continue;
        wait.tv_sec = keeper_tick();
        if (watchdog == 0)
            continue;
        if (wait.tv_sec > watchdog)
            wait.tv_sec = watchdog;
        if (net_alive())
            process_notify_alive();
    }
}

int main(int argc, char **argv)
{
    static struct options options;
    static char message[MESSAGE_MAX];
    enum server_status status;
    sigset_t waited;

    process_prepare(&waited);
    options_parse(argc, argv, &options);
    log_init(options.log_level);
    options.server.exports.apart = true;
    if (options.check) {
        status = server_check(&options.server, message, sizeof(message));
        if (status != SERVER_OK)
            fatal(status, "%s", message);
        if (options.running != 0 &&
            !process_runs_with(options.running, argv, message, sizeof(message)))
            fatal(1, "%s", message);
        options_finish(&options);
        return 0;
    }
    process_raise_files();
    process_set_io_flusher();
    status = server_start(&options.server, message, sizeof(message));
    if (status != SERVER_OK)
        fatal(status, "%s", message);
    start_control(&options, options.server.exports.state_dir);
    announce_ready(options.server.listen, options.server.nlisten, portmap_active());
    process_notify_ready();
    keep_house(&options, &waited);
    process_notify_stopping();
    process_end_within(END_S);
    control_finish();
    /* If a file system hangs, freeing it would hang, too. */
    if (!keeper_stop() || !server_stop()) {
        server_leave();
        process_leave();
    }
    options_finish(&options);
    return 0;
}
