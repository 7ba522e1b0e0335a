/*
 * wait_place.c - see wait_place.h.
 *
 * `lock` guards the list of places, the list of calls that sleep, and where each is counted. A call
 * takes the lock when it falls asleep and when it ends after sleeping; a call that does not sleep
 * never takes it.
 */
#include "base/wait_place.h"
#include "base/hash.h"
#include <loopnfs/errors.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One in RESERVE_PART of all calls is kept back: a place gets it only for its first call. */
#define RESERVE_PART 16
/* A place hangs when none of its sleeping calls came back for this time. */
#define HANGS_MS 1000
/* A call that has slept for this time keeps its connection waiting no longer, even where its place
 * works. */
#define PAUSE_MS 5000
/* A connection begins no more calls when one in PAUSE_LATE of all that may sleep are its own and
 * sleep in places that work. */
#define PAUSE_LATE 4
/* It also begins none when one of its calls sleeps in a working place that has this part of its
 * calls asleep, in sixteenths. */
#define PAUSE_PART 8
/* From this part on, in sixteenths, a place is shared out even though it works: it may begin to
 * hang, and the calls that one user has in it by then must leave room for other users. Larger than
 * PAUSE_PART, for calls that were under way when their connections were told to wait. */
#define FREE_PART 9
#define PARTS     16
#define HOSTS     256
#define USERS     256

struct wait_place {
    _Atomic uint32_t asleep; /* first: wait_asleep() */
    _Atomic int64_t moved;   /* ms of the clock: when a sleeping call last went on, or when the
                              * first fell asleep */
    _Atomic uint64_t refused;
    uint64_t key;
    uint32_t refs; /* guarded; 0: the struct is used again once no call sleeps there */
    bool impatient;
    char name[256];
    _Atomic uint16_t by_host[HOSTS], by_user[USERS];
    struct wait_place *next; /* the list of all places */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* The place of calls that use no file system and wait for something else: a name service, a full
 * log. */
static struct wait_place elsewhere = {.refs = 1, .name = "no file system"};
static struct wait_place *places = &elsewhere; /* guarded */
static struct wait_call *sleepers;             /* guarded */
static _Atomic uint32_t asleep_all;            /* in all places */
static uint32_t calls_max = WAIT_CALLS_DEFAULT;

_Thread_local struct wait_call wait_own;

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void wait_places_init(uint32_t calls)
{
    calls_max = calls;
}

uint32_t wait_calls_max(void)
{
    return calls_max;
}

/* --- places --- */

static struct wait_place *find(uint64_t key)
{
    for (struct wait_place *place = places; place != NULL; place = place->next)
        if (key != 0 && place->refs > 0 && place->key == key)
            return place;
    return NULL;
}

static struct wait_place *make(uint64_t key, const char *name)
{
    struct wait_place *place = places;

    while (place != NULL && (place->refs > 0 || place->asleep > 0))
        place = place->next;
    if (place == NULL) {
        place = calloc(1, sizeof(*place));
        if (place == NULL)
            return NULL;
        place->next = places;
        places = place;
    }
    place->key = key;
    place->refused = 0;
    place->impatient = false;
    snprintf(place->name, sizeof(place->name), "%s", name != NULL ? name : "");
    return place;
}

struct wait_place *wait_place_get(uint64_t key, const char *name)
{
    pthread_mutex_lock(&lock);
    struct wait_place *place = find(key);
    if (place == NULL)
        place = make(key, name);
    if (place != NULL)
        place->refs++;
    pthread_mutex_unlock(&lock);
    return place;
}

struct wait_place *wait_place_ref(struct wait_place *place)
{
    pthread_mutex_lock(&lock);
    if (place != NULL)
        place->refs++;
    pthread_mutex_unlock(&lock);
    return place;
}

void wait_place_put(struct wait_place *place)
{
    pthread_mutex_lock(&lock);
    if (place != NULL)
        place->refs--;
    pthread_mutex_unlock(&lock);
}

void wait_place_impatient(struct wait_place *place)
{
    place->impatient = true;
}

static bool hangs(const struct wait_place *place)
{
    return place->asleep > 0 && now_ms() - place->moved >= HANGS_MS;
}

/* How many calls may sleep in a place now. */
static uint32_t most_of(const struct wait_place *place)
{
    uint32_t own = place->asleep, all = asleep_all, most = calls_max - calls_max / RESERVE_PART;
    uint32_t others = all > own ? all - own : 0;

    most = others < most ? (most - others) / 2 : 0;
    return most > 0 ? most : 1;
}

void wait_place_stats_get(const struct wait_place *place, struct wait_place_stats *stats)
{
    *stats = (struct wait_place_stats){.asleep = place->asleep,
                                       .most = most_of(place),
                                       .hangs = hangs(place),
                                       .refused = place->refused};
}

void wait_places_walk(void (*each)(const char *name, const struct wait_place_stats *stats,
                                   void *arg),
                      void *arg)
{
    struct wait_place_stats stats;

    pthread_mutex_lock(&lock);
    for (const struct wait_place *place = places; place != NULL; place = place->next) {
        if (place->asleep == 0)
            continue;
        wait_place_stats_get(place, &stats);
        each(place->name, &stats, arg);
    }
    pthread_mutex_unlock(&lock);
}

/* --- entering --- */

static uint8_t user_of(uint8_t host, uint32_t uid)
{
    return (uint8_t)(hash_mix((uint64_t)host << 32 | uid) % USERS);
}

/* The part/of share of what the others leave of `most`; at least 1. */
static uint32_t left(uint32_t most, uint32_t others, uint32_t part, uint32_t of)
{
    uint32_t share = others < most ? (most - others) * part / of : 0;

    return share > 0 ? share : 1;
}

/* Whether one more call may sleep there. */
static bool has_room(const struct wait_place *place, uint8_t host, uint8_t user)
{
    uint32_t all = place->asleep, most = most_of(place);
    uint32_t by_host = place->by_host[host], by_user = place->by_user[user];

    if (all >= most)
        return false;
    if (!place->impatient && all < most * FREE_PART / PARTS && !hangs(place))
        return true;
    most = left(most, all > by_host ? all - by_host : 0, 3, 4);
    if (by_host >= most)
        return false;
    return by_user < left(most, by_host > by_user ? by_host - by_user : 0, 1, 2);
}

/* count() and its reverse are called with the lock held. */
static void count(struct wait_call *call, struct wait_place *place)
{
    if (place == NULL)
        place = &elsewhere;
    call->counted = place;
    call->since = now_ms();
    call->counted_host = call->host;
    call->counted_user = user_of(call->host, call->uid);
    if (place->asleep == 0)
        place->moved = call->since;
    place->by_host[call->counted_host]++;
    place->by_user[call->counted_user]++;
    place->asleep++;
    asleep_all++;
}

static void uncount(struct wait_call *call)
{
    struct wait_place *place = call->counted;

    place->by_host[call->counted_host]--;
    place->by_user[call->counted_user]--;
    place->moved = now_ms();
    place->asleep--;
    asleep_all--;
}

static void move_to(struct wait_call *call, struct wait_place *place)
{
    if (!call->asleep) {
        call->at = place;
        return;
    }
    pthread_mutex_lock(&lock);
    uncount(call);
    call->at = place;
    count(call, place);
    pthread_mutex_unlock(&lock);
}

int wait_enter_checked(struct wait_place *place)
{
    struct wait_call *call = &wait_own;

    if (!has_room(place, call->host, user_of(call->host, call->uid))) {
        place->refused++;
        return VFS_EJUKEBOX;
    }
    move_to(call, place);
    return 0;
}

void wait_return(struct wait_place *place)
{
    if (atomic_load_explicit(&wait_own.at, memory_order_relaxed) != place)
        move_to(&wait_own, place);
}

/* --- sleeping --- */

void wait_asleep_begin(struct wait_call *call, const void *source)
{
    pthread_mutex_lock(&lock);
    call->source = source;
    count(call, call->at);
    call->next = sleepers;
    sleepers = call;
    call->asleep = true;
    pthread_mutex_unlock(&lock);
}

void wait_asleep_end(void)
{
    struct wait_call *call = &wait_own;

    while (!call->asleep)
        sched_yield();
    pthread_mutex_lock(&lock);
    for (struct wait_call **at = &sleepers; *at != NULL; at = &(*at)->next) {
        if (*at == call) {
            *at = call->next;
            break;
        }
    }
    uncount(call);
    call->asleep = false;
    call->at = NULL;
    pthread_mutex_unlock(&lock);
}

/* Whether a connection should wait for this call to end. */
static bool goes_on(const struct wait_call *call, int64_t now)
{
    return !call->counted->impatient && !hangs(call->counted) && now - call->since < PAUSE_MS;
}

bool wait_should_pause(const void *source, uint32_t late)
{
    uint32_t slow = 0;
    bool full = false;

    /* The common case, without the lock: neither bound is near. */
    if (late < calls_max / PAUSE_LATE && (late == 0 || asleep_all < calls_max / 8))
        return false;
    int64_t now = now_ms();
    pthread_mutex_lock(&lock);
    for (const struct wait_call *call = sleepers; call != NULL; call = call->next) {
        if (call->source != source || !goes_on(call, now))
            continue;
        slow++;
        full |= call->counted->asleep >= most_of(call->counted) * PAUSE_PART / PARTS;
    }
    pthread_mutex_unlock(&lock);
    return slow >= calls_max / PAUSE_LATE || full;
}
