/*
 * scale_dirs.c - nfsscale dirs: do listings and look-ups take longer in a larger directory?
 *
 * Directories of all sizes are there at the same time and take turns, so that a machine that drifts
 * does so for all of them. A round lists as many entries of each: a small directory is listed so
 * much more often. One client that lists has one call in flight. Called by scale.c.
 */
#include "bench/scale.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SIZES 8

static int list_round(const struct scale *scale, struct site *site, uint32_t most, enum kind kind)
{
    const struct work work = {.shares = {{kind, 100}}};
    struct run run = {.work = &work, .site = site, .listings = most / site->entries};
    struct outcome outcome;
    char key[32];

    snprintf(key, sizeof(key), "%s.%u", kind == KIND_LIST ? "list" : "scan", site->entries);
    int err = scale_run(scale, &run, 1, 0, key, &outcome);
    if (err == 0)
        scale_report(key, &outcome, outcome.units);
    return err;
}

/* LOOKUP of random names in the small directory, or in the large one. */
static int find_round(const struct scale *scale, struct site *site, const struct memory *memory)
{
    const struct work work = {.shares = {{KIND_FIND, 100}}};
    struct run run = {.work = &work, .site = site, .directory = &site->names, .files = NAMES};
    struct outcome outcome;
    char key[32] = "find.small";

    if (memory != NULL) {
        run.directory = &site->list;
        run.known = memory->known;
        run.files = memory->files;
        snprintf(key, sizeof(key), "find.%u", memory->files);
    }
    int err = scale_run(scale, &run, SCALE_DEPTH, scale->seconds, key, &outcome);
    if (err == 0)
        scale_report(key, &outcome, outcome.calls);
    return err;
}

static int measure(const struct scale *scale, struct site *sites, int count)
{
    struct site *largest = &sites[count - 1];
    struct memory memory;
    struct outcome outcome;
    int err = memory_create(&memory, largest->entries);

    if (err == 0)
        err = memory_learn(scale, largest, &memory, &outcome);
    if (err == 0 && scale->file != NULL)
        err = memory_save(&memory, scale->file);
    for (unsigned round = 0; err == 0 && round < scale->rounds; round++) {
        for (int i = 0; err == 0 && i < count; i++)
            err = list_round(scale, &sites[i], largest->entries, KIND_LIST);
        for (int i = 0; err == 0 && i < count && !scale->plus_only; i++)
            err = list_round(scale, &sites[i], largest->entries, KIND_SCAN);
        if (err == 0)
            err = find_round(scale, largest, NULL);
        if (err == 0)
            err = find_round(scale, largest, &memory);
    }
    memory_destroy(&memory);
    return err;
}

int scale_dirs(const struct scale *scale, int argc, char **argv)
{
    static struct site sites[SIZES];
    char name[64];
    int err = argc > SIZES ? EINVAL : 0;

    for (int i = 0; err == 0 && i < argc; i++) {
        uint32_t entries = (uint32_t)strtoul(argv[i], NULL, 10);
        if (entries == 0 || (i > 0 && entries < sites[i - 1].entries))
            err = EINVAL;
        snprintf(name, sizeof(name), "scale.%u", entries);
        if (err == 0)
            err = scale_site(scale, name, entries, &sites[i]);
    }
    if (err == EINVAL)
        fprintf(stderr, "nfsscale: dirs: give up to %d sizes, the largest last\n", SIZES);
    return err != 0 ? err : measure(scale, sites, argc);
}
