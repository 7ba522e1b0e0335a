/*
 * wcc.c - the attributes of a directory right before a change that this server makes, where they
 * are certain.
 *
 * A client that learns `before`, and finds in it what it had, keeps its cache of the directory. A
 * change by a host process, or for another client, between `before` and `after` must therefore
 * never be hidden. The kernel has no call that changes a directory and tells its attributes from
 * before. But inotify reports every change of its names and rights, while the kernel holds the lock
 * of the directory's inode:
 *
 *     begin   all events so far are taken, then statx() gives `before`
 *     (the change; statx() gives `after`)
 *     end     a barrier; the events since then are taken: if there are others than this server's
 *             own, there is no `before`
 *
 * A change by others that is in neither statx(), or in both, does not matter. One that is in
 * `after` only, or half done at either statx(), has its event among the second ones. The barrier
 * waits for a process that has changed the times already and is about to queue its event. The
 * barrier is a renameat2() of a name to itself with RENAME_NOREPLACE, which takes the directory's
 * lock before it looks the name up, and then fails (EEXIST, ENOENT) without a change or an event.
 *
 * Equal times must also mean that nothing was changed, and often they don't. Kernels before 6.13
 * give all changes within some milliseconds one ctime, and tmpfs still gives a directory the ctime
 * of the file that is removed from it, which may be the one it has. A ctime is therefore doubted,
 * and not told as `before`, when a change that is not known to have moved it was made since then: a
 * change by others, or a change by this server after which the ctime was still equal. In the latter
 * case one caller may have made all of these changes; that caller knows them, and is told. The
 * ctime of a directory that was not watched until now is doubted during its tick; the ctime of one
 * that was no longer watched, always. One case is left that no NFSv3 server can detect: others
 * changed a directory twice within one tick before it was watched, and a client looked in between.
 * The client's copy was wrong already, and stays wrong until the next change.
 *
 * A watcher is an inotify instance with the directories that it watches. It belongs to one
 * operation at a time, which takes it by a flag and does not wait, so there is no lock. There is no
 * `before` where anything here fails, or where more calls have arrived on the caller's connection,
 * so that the client does not wait for this reply alone. Watches hold inodes, not mounts. A watcher
 * that is not used is closed (hostfs_wcc_tick), so that the host's work does not feed it. Called by
 * create.c and names.c around each change.
 */
#include "wcc.h"
#include "base/cred.h"
#include "fs/hostfs/locate/locate.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define WATCHERS    8
#define DIRECTORIES 64 /* of a watcher */
#define MASK                                                                            \
    (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | \
     IN_MOVE_SELF | IN_ONLYDIR)
/* bytes of the largest directory to watch: the kernel goes through all its cached names */
#define SIZE_MAX_TO_WATCH (256u * 1024)
#define IDLE_S            10
#define RETRY_S           5
/* With more than CHANGES_A_LOOK changes for each look, watching is mostly in vain, and each change
 * costs about as much as a system call. */
#define CHANGES_A_LOOK  4
#define CHANGES_ALLOWED 64
#define CROWDED_S       2

/* Bytes of an event with the longest name of a host file system, with the kernel's padding. */
#define EVENT_MAX (2 * sizeof(struct inotify_event) + VPATH_MAX)

struct watched {
    uint64_t ino;
    int64_t btime_sec;
    uint32_t btime_nsec;
    uint32_t serial; /* serial of its mount; 0: unused */
    int wd;          /* -1: it is not to be watched before rest_s */
    int allowed;     /* changes that are still allowed */
    int64_t rest_s;
    uint64_t used;
    bool fresh;    /* it was not looked at since it is watched */
    bool doubtful; /* the ctime that is seen next is doubted */
    struct statx_timestamp doubt;
    uint64_t doubt_by; /* vctx_caller() of the one caller whose changes make it doubted; or 0 */
};

/* All members but `taken` belong to the thread that has set `taken`. */
static struct watcher {
    _Atomic bool taken;
    bool open;
    int fd;
    int64_t last_s;  /* CLOCK_MONOTONIC, s: when it was taken last */
    int64_t retry_s; /* it is not to be opened before */
    int64_t full_s;  /* it is not to be given another directory before */
    uint64_t uses;
    struct watched dirs[DIRECTORIES];
} watchers[WATCHERS];

/* Each thread begins with the watcher that it had before, which knows its directories. */
static _Thread_local unsigned mine;

static int64_t seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec;
}

static void watcher_give(struct watcher *watcher)
{
    atomic_store_explicit(&watcher->taken, false, memory_order_release);
}

static bool watcher_try(struct watcher *watcher)
{
    return !atomic_load_explicit(&watcher->taken, memory_order_relaxed) &&
           !atomic_exchange_explicit(&watcher->taken, true, memory_order_acquire);
}

static void watcher_close(struct watcher *watcher)
{
    if (watcher->open)
        close(watcher->fd);
    watcher->open = false;
    memset(watcher->dirs, 0, sizeof(watcher->dirs));
}

/* Takes a free watcher. NULL: none is free, or inotify can't be had. */
static struct watcher *watcher_take(void)
{
    struct watcher *watcher = NULL;
    int64_t now = seconds();

    for (int i = 0; i < WATCHERS && !watcher; i++) {
        if (watcher_try(&watchers[mine % WATCHERS]))
            watcher = &watchers[mine % WATCHERS];
        else
            mine++;
    }
    if (!watcher)
        return NULL;
    if (!watcher->open && now >= watcher->retry_s) {
        watcher->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        watcher->open = watcher->fd >= 0;
    }
    if (!watcher->open) {
        if (now >= watcher->retry_s)
            watcher->retry_s = now + RETRY_S;
        watcher_give(watcher);
        return NULL;
    }
    watcher->last_s = now;
    watcher->uses++;
    return watcher;
}

static void close_idle(int64_t seconds_idle)
{
    for (int i = 0; i < WATCHERS; i++) {
        struct watcher *watcher = &watchers[i];
        if (!watcher_try(watcher))
            continue;
        if (seconds() - watcher->last_s >= seconds_idle)
            watcher_close(watcher);
        watcher_give(watcher);
    }
}

void hostfs_wcc_tick(void)
{
    close_idle(IDLE_S);
}

void hostfs_wcc_finish(void)
{
    close_idle(0);
}

/* Notes what an event says of the directory of wd: it has changed, or is not watched any more. A
 * directory that is seen under several mounts has several places here, and one wd. */
static void watched_note(struct watcher *watcher, int wd, bool watched)
{
    for (struct watched *at = watcher->dirs; at < watcher->dirs + DIRECTORIES; at++) {
        if (!at->serial || at->wd != wd)
            continue;
        at->doubtful = true;
        at->allowed--;
        if (!watched)
            at->serial = 0;
    }
}

/* The place of dir among the watcher's directories, or the place that dir can take. */
static struct watched *watched_place(struct watcher *watcher, struct vnode *dir, bool *found)
{
    const struct hostfs_node *node = hostfs_node(dir);
    struct watched *oldest = watcher->dirs;

    *found = true;
    for (struct watched *at = watcher->dirs; at < watcher->dirs + DIRECTORIES; at++) {
        if (at->serial == node->mount->serial && at->ino == node->ino &&
            at->btime_sec == node->btime_sec && at->btime_nsec == node->btime_nsec)
            return at;
        if (oldest->serial && (!at->serial || at->used < oldest->used))
            oldest = at;
    }
    *found = false;
    return oldest;
}

/* Watches the directory; acts as the server where it was not watched yet. NULL: it can't be
 * watched. */
static struct watched *watched_get(struct watcher *watcher, struct vnode *dir, int fd)
{
    const struct hostfs_node *node = hostfs_node(dir);
    struct hostfs_proc_path path;
    struct statx st;
    bool found;
    struct watched *at = watched_place(watcher, dir, &found);

    if (found && at->wd < 0 && watcher->last_s < at->rest_s)
        return NULL;
    if (!found || at->wd < 0) {
        if (watcher->last_s < watcher->full_s || hostfs_statx(fd, "", &st) != 0 ||
            st.stx_size > SIZE_MAX_TO_WATCH || cred_assume_server() != 0)
            return NULL;
        hostfs_proc_path(&path, fd);
        int wd = inotify_add_watch(watcher->fd, path.text, MASK);
        if (wd < 0) {
            watcher->full_s = errno == EACCES ? 0 : watcher->last_s + RETRY_S;
            return NULL;
        }
        if (at->serial && at->wd >= 0 && at->wd != wd)
            inotify_rm_watch(watcher->fd, at->wd);
        *at = (struct watched){.ino = node->ino,
                               .btime_sec = node->btime_sec,
                               .btime_nsec = node->btime_nsec,
                               .serial = node->mount->serial,
                               .wd = wd,
                               .allowed = CHANGES_ALLOWED,
                               .fresh = true,
                               .doubtful = found}; /* changes made meanwhile were not seen */
    }
    at->used = watcher->uses;
    return at;
}

/* Whether the event is one that this operation causes, and was not seen yet. */
static bool is_own(struct hostfs_wcc *wcc, const struct inotify_event *event)
{
    for (int i = 0; i < wcc->count; i++) {
        struct hostfs_wcc_side *side = &wcc->side[i];
        if (side->seen || event->wd != side->watched->wd ||
            (event->mask & ~IN_ISDIR) != side->mask || event->len == 0 ||
            strcmp(event->name, side->name) != 0)
            continue;
        side->seen = true;
        return true;
    }
    return false;
}

static bool is_side(const struct hostfs_wcc *wcc, int wd)
{
    return wcc->side[0].watched->wd == wd || (wcc->count == 2 && wcc->side[1].watched->wd == wd);
}

/* Takes one event. False: `before` is not certain. */
static bool take_event(struct hostfs_wcc *wcc, const struct inotify_event *event, bool ending)
{
    bool gone = event->mask & IN_IGNORED;

    if (event->mask & IN_Q_OVERFLOW) {
        wcc->lost = true;
        return false;
    }
    /* Attributes of an object in the directory are not the directory's. */
    if (event->len > 0 && (event->mask & ~IN_ISDIR) == IN_ATTRIB)
        return true;
    if (ending && is_own(wcc, event))
        return true;
    watched_note(&watchers[wcc->watcher], event->wd, !gone);
    return !(ending || gone) || !is_side(wcc, event->wd);
}

/* Takes all events that there are. While ending, all of them must be this operation's own. */
static bool take_events(struct hostfs_wcc *wcc, bool ending)
{
    char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
    const struct inotify_event *event;
    bool certain = true;
    ssize_t n;

    do {
        n = read(watchers[wcc->watcher].fd, buf, sizeof(buf));
        if (n < 0)
            return errno == EAGAIN && certain;
        for (char *at = buf; at < buf + n; at += sizeof(*event) + event->len) {
            event = (const struct inotify_event *)(const void *)at;
            certain = take_event(wcc, event, ending) && certain;
        }
        /* No event is left where another one would have fitted into the buffer. */
    } while ((size_t)n + EVENT_MAX > sizeof(buf));
    return certain;
}

static void let_go(struct hostfs_wcc *wcc)
{
    struct watcher *watcher = &watchers[wcc->watcher];

    if (wcc->lost)
        watcher_close(watcher);
    watcher_give(watcher);
    wcc->begun = false;
}

static bool worth_while(const struct vctx *ctx, struct vnode *dir)
{
    return ctx->last_in_batch && hostfs_of(dir)->has_proc &&
           hostfs_node(dir)->mount->below->births != BIRTHS_UNKNOWN;
}

static bool same_time(struct statx_timestamp a, struct statx_timestamp b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Whether the next change falls into a later tick of the clock, and moves the ctime. */
static bool look_at(struct watcher *watcher, struct hostfs_wcc_side *side)
{
    struct watched *at = side->watched;

    if (at->allowed < 0) {
        inotify_rm_watch(watcher->fd, at->wd);
        at->wd = -1;
        at->rest_s = watcher->last_s + CROWDED_S;
        return false;
    }
    if (at->allowed < CHANGES_ALLOWED)
        at->allowed += CHANGES_A_LOOK;
    if (hostfs_statx(side->fd, "", &side->before) != 0)
        return false;
    if (at->doubtful || (at->fresh && !hostfs_ticked(&side->before))) {
        at->doubt = side->before.stx_ctime;
        at->doubt_by = 0;
    }
    at->doubtful = at->fresh = false;
    return true;
}

/* Watches the directories first, then takes events, then looks at the attributes. */
static bool look(struct hostfs_wcc *wcc)
{
    struct hostfs_wcc_side *side = wcc->side;

    for (int i = 0; i < wcc->count; i++) {
        side[i].seen = false;
        side[i].watched = watched_get(&watchers[wcc->watcher], side[i].dir, side[i].fd);
        if (!side[i].watched)
            return false;
    }
    if (!take_events(wcc, false))
        return false;
    for (int i = 0; i < wcc->count; i++)
        if (!look_at(&watchers[wcc->watcher], &side[i]))
            return false;
    return true;
}

static int begin(const struct vctx *ctx, struct hostfs_wcc *wcc)
{
    struct watcher *watcher = watcher_take();
    if (!watcher)
        return 0;
    wcc->begun = true;
    wcc->caller = vctx_caller(ctx);
    wcc->lost = false;
    wcc->watcher = (unsigned)(watcher - watchers);
    if (!look(wcc))
        let_go(wcc);
    int err = cred_assume(ctx->cred);
    if (err != 0 && wcc->begun)
        let_go(wcc);
    return err;
}

int hostfs_wcc_begin(const struct vctx *ctx, struct hostfs_wcc *wcc, struct vnode *dir, int fd,
                     uint32_t mask, const char *name)
{
    wcc->begun = false;
    if (!worth_while(ctx, dir))
        return 0;
    wcc->count = 1;
    wcc->side[0] = (struct hostfs_wcc_side){.dir = dir, .fd = fd, .mask = mask, .name = name};
    return begin(ctx, wcc);
}

int hostfs_wcc_begin_move(const struct vctx *ctx, struct hostfs_wcc *wcc, struct vnode *from_dir,
                          int from_fd, const char *from, struct vnode *to_dir, int to_fd,
                          const char *to)
{
    struct statx st;

    wcc->begun = false;
    if (!worth_while(ctx, from_dir) || !worth_while(ctx, to_dir))
        return 0;
    wcc->count = 2;
    wcc->side[0] = (struct hostfs_wcc_side){
        .dir = from_dir, .fd = from_fd, .mask = IN_MOVED_FROM, .name = from};
    wcc->side[1] =
        (struct hostfs_wcc_side){.dir = to_dir, .fd = to_fd, .mask = IN_MOVED_TO, .name = to};
    int err = begin(ctx, wcc);
    if (err == 0 && wcc->begun && hostfs_statx(from_fd, from, &st) == 0)
        wcc->moved_ino = st.stx_ino;
    return err;
}

/* Waits until no process is in the middle of a change of the directory. */
static bool barrier(const struct hostfs_wcc_side *side)
{
    return renameat2(side->fd, side->name, side->fd, side->name, RENAME_NOREPLACE) != 0 &&
           (errno == EEXIST || errno == ENOENT);
}

/* inotify merges equal events in a row. What another process moves to the name right after this
 * operation has no event of its own, but is another object (or the moved object again, and then
 * nothing was changed). */
static bool still_moved(const struct hostfs_wcc *wcc)
{
    struct statx st;

    return wcc->count == 1 || (hostfs_statx(wcc->side[1].fd, wcc->side[1].name, &st) == 0 &&
                               st.stx_ino == wcc->moved_ino);
}

/* Whether no other process is in the middle of a change, and only this operation's was made since
 * it began. */
static bool is_alone(struct hostfs_wcc *wcc)
{
    const struct hostfs_wcc_side *side = wcc->side;

    if (!barrier(&side[0]) || (wcc->count == 2 && side[1].dir != side[0].dir && !barrier(&side[1])))
        return false;
    return take_events(wcc, true) && side[0].seen && (wcc->count == 1 || side[1].seen) &&
           still_moved(wcc);
}

/* Notes that a change of the caller's left the ctime of wd's directory as it was. */
static void watched_doubt(struct watcher *watcher, int wd, struct statx_timestamp ctime,
                          uint64_t caller)
{
    for (struct watched *at = watcher->dirs; at < watcher->dirs + DIRECTORIES; at++) {
        if (!at->serial || at->wd != wd)
            continue;
        at->doubt_by = same_time(at->doubt, ctime) && at->doubt_by != caller ? 0 : caller;
        at->doubt = ctime;
    }
}

static void side_tell(const struct hostfs_wcc *wcc, int i, struct vchange *change)
{
    const struct statx *before = &wcc->side[i].before;
    const struct watched *at = wcc->side[i].watched;

    if (same_time(before->stx_ctime, at->doubt) &&
        (wcc->caller == 0 || at->doubt_by != wcc->caller))
        return;
    change->has_before = true;
    change->before_size = before->stx_size;
    change->before_mtime = (struct timespec){before->stx_mtime.tv_sec, before->stx_mtime.tv_nsec};
    change->before_ctime = (struct timespec){before->stx_ctime.tv_sec, before->stx_ctime.tv_nsec};
}

static void side_end(const struct hostfs_wcc *wcc, int i, bool certain,
                     const struct vchange *change)
{
    struct watcher *watcher = &watchers[wcc->watcher];
    const struct statx_timestamp before = wcc->side[i].before.stx_ctime;
    const int wd = wcc->side[i].watched->wd;

    if (!certain)
        watched_note(watcher, wd, true);
    else if (before.tv_sec == change->after.ctime.tv_sec &&
             before.tv_nsec == change->after.ctime.tv_nsec)
        watched_doubt(watcher, wd, before, wcc->caller);
}

void hostfs_wcc_end(struct hostfs_wcc *wcc, int err, struct vchange *change,
                    struct vchange *to_change)
{
    if (!wcc->begun)
        return;
    bool certain = err == 0 && change->after.type != VNON &&
                   (!to_change || to_change->after.type != VNON) && is_alone(wcc);
    /* Both may be one directory: what is doubted from now on was not doubted before. */
    if (certain)
        side_tell(wcc, 0, change);
    if (certain && to_change)
        side_tell(wcc, 1, to_change);
    side_end(wcc, 0, certain, change);
    if (to_change)
        side_end(wcc, 1, certain, to_change);
    let_go(wcc);
}
