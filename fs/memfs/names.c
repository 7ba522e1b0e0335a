/*
 * names.c - the names in a directory: found by name, listed by place.
 *
 * Entries are in an array of places, in the order in which they were added. Each has a cookie, and
 * cookies only grow along the array. A removed entry leaves its cookie in its place. So every
 * cookie that was ever given out leads back to a place by bisection, and a listing neither misses
 * nor repeats a name that did not change. When the array is full it is made anew, without the empty
 * places. A hash table with open addressing leads from a name's hash to its place; a directory of
 * few names has no table.
 *
 * All of this is guarded by the lock of the directory's node. The parent is also guarded by
 * rename_lock, so that a rename can walk up the tree.
 */
#include "base/hash.h"
#include "memfs.h"
#include <stdlib.h>
#include <string.h>

/* With at most this number of places there is no table. */
#define PLAIN_PLACES 8
#define NOWHERE      UINT32_MAX

struct slot {
    uint32_t hash;
    uint32_t place; /* NOWHERE: free */
};

struct memfs_names {
    struct memfs_node *parent; /* referenced, except the root, which is its own parent */
    uint64_t next_cookie;
    uint32_t live;
    uint32_t used; /* places that were used so far */
    uint32_t first;
    uint32_t room;    /* places that are allocated */
    uint64_t *places; /* an entry's address; or, for a removed one, twice its cookie plus 1 */
    struct slot *table;
    uint32_t mask;
};

struct memfs_names *memfs_names_create(struct memfs_node *parent)
{
    struct memfs_names *names = calloc(1, sizeof(*names));

    if (names != NULL) {
        names->parent = parent;
        names->next_cookie = VCOOKIE_FIRST;
    }
    return names;
}

static struct memfs_entry *entry_at(const struct memfs_names *names, uint32_t place)
{
    uint64_t word = names->places[place];
    return word & 1 ? NULL : (struct memfs_entry *)(uintptr_t)word;
}

static uint64_t cookie_at(const struct memfs_names *names, uint32_t place)
{
    uint64_t word = names->places[place];
    return word & 1 ? word >> 1 : entry_at(names, place)->cookie;
}

void memfs_names_destroy(struct memfs_names *names)
{
    for (uint32_t i = 0; i < names->used; i++)
        free(entry_at(names, i));
    free(names->places);
    free(names->table);
    free(names);
}

struct memfs_node *memfs_names_parent(const struct memfs_names *names)
{
    return names->parent;
}

struct memfs_node *memfs_names_set_parent(struct memfs_names *names, struct memfs_node *parent)
{
    struct memfs_node *before = names->parent;
    names->parent = parent;
    return before;
}

uint32_t memfs_names_count(const struct memfs_names *names)
{
    return names->live;
}

/* --- the table --- */

static void table_insert(struct slot *table, uint32_t mask, uint32_t hash, uint32_t place)
{
    uint32_t i = hash & mask;

    while (table[i].place != NOWHERE)
        i = (i + 1) & mask;
    table[i] = (struct slot){hash, place};
}

/* Frees slot i. An entry further on moves into the free slot where a search for it would pass that
 * slot. */
static void table_remove(struct memfs_names *names, uint32_t i)
{
    uint32_t mask = names->mask;

    for (uint32_t k = (i + 1) & mask; names->table[k].place != NOWHERE; k = (k + 1) & mask) {
        uint32_t own = names->table[k].hash & mask;
        if (((k - own) & mask) >= ((k - i) & mask)) {
            names->table[i] = names->table[k];
            i = k;
        }
    }
    names->table[i].place = NOWHERE;
}

/* Finds the slot of an entry that is in the table. */
static uint32_t table_slot(const struct memfs_names *names, const struct memfs_entry *entry)
{
    uint32_t i = entry->hash & names->mask;

    while (names->places[names->table[i].place] != (uintptr_t)entry)
        i = (i + 1) & names->mask;
    return i;
}

/* --- the array --- */

/* Makes an array of at least `room` places, and its table. Entries move there; removed ones are
 * dropped. ENOMEM. */
static int rebuild(struct memfs_names *names, uint32_t room)
{
    uint32_t slots = 2 * PLAIN_PLACES;
    struct slot *table = NULL;

    if (room <= PLAIN_PLACES) {
        room = room <= PLAIN_PLACES / 2 ? PLAIN_PLACES / 2 : PLAIN_PLACES;
    } else {
        while (slots / 3 * 2 < room)
            slots *= 2;
        room = slots / 3 * 2;
        table = malloc(slots * sizeof(*table));
        if (table == NULL)
            return ENOMEM;
        memset(table, 0xff, slots * sizeof(*table));
    }
    uint64_t *places = malloc(room * sizeof(*places));
    if (places == NULL) {
        free(table);
        return ENOMEM;
    }
    uint32_t used = 0;
    for (uint32_t i = names->first; i < names->used; i++) {
        const struct memfs_entry *entry = entry_at(names, i);
        if (entry == NULL)
            continue;
        if (table != NULL)
            table_insert(table, slots - 1, entry->hash, used);
        places[used++] = names->places[i];
    }
    free(names->places);
    free(names->table);
    names->places = places;
    names->table = table;
    names->mask = slots - 1;
    names->room = room;
    names->used = used;
    names->first = 0;
    return 0;
}

static struct memfs_entry *entry_make(const char *name, size_t len, uint32_t hash)
{
    struct memfs_entry *entry = malloc(sizeof(*entry) + len + 1);

    if (entry == NULL)
        return NULL;
    entry->hash = hash;
    entry->len = (uint8_t)len;
    memcpy(entry->name, name, len + 1);
    return entry;
}

static uint32_t hash_of(const struct memfs *m, const char *name, size_t len)
{
    return (uint32_t)hash_bytes(name, len, m->name_seed);
}

static bool is_called(const struct memfs_entry *entry, uint32_t hash, const char *name, size_t len)
{
    return entry != NULL && entry->hash == hash && entry->len == len &&
           memcmp(entry->name, name, len) == 0;
}

struct memfs_entry *memfs_names_find(const struct memfs *m, const struct memfs_names *names,
                                     const char *name)
{
    size_t len = strlen(name);
    uint32_t hash = hash_of(m, name, len);

    if (names->table == NULL) {
        for (uint32_t i = names->first; i < names->used; i++)
            if (is_called(entry_at(names, i), hash, name, len))
                return entry_at(names, i);
        return NULL;
    }
    for (uint32_t i = hash & names->mask; names->table[i].place != NOWHERE;
         i = (i + 1) & names->mask) {
        if (names->table[i].hash != hash)
            continue;
        struct memfs_entry *entry = entry_at(names, names->table[i].place);
        if (is_called(entry, hash, name, len))
            return entry;
    }
    return NULL;
}

int memfs_names_insert(const struct memfs *m, struct memfs_names *names, const char *name,
                       struct memfs_node *node)
{
    size_t len = strlen(name);

    if (names->used == names->room) {
        /* Grows by at least half, so that growing stays rare. */
        uint64_t room = (uint64_t)names->live + names->live / 2 + 1;
        if (room >= NOWHERE / 4)
            return ENOSPC;
        if (rebuild(names, (uint32_t)room) != 0)
            return ENOMEM;
    }
    struct memfs_entry *entry = entry_make(name, len, hash_of(m, name, len));
    if (entry == NULL)
        return ENOMEM;
    entry->node = node;
    entry->cookie = names->next_cookie++;
    if (names->table != NULL)
        table_insert(names->table, names->mask, entry->hash, names->used);
    names->places[names->used++] = (uintptr_t)entry;
    names->live++;
    return 0;
}

/* Finds the place of an entry by its cookie. */
static uint32_t place_of(const struct memfs_names *names, const struct memfs_entry *entry)
{
    return memfs_names_place(names, entry->cookie - 1);
}

void memfs_names_remove(struct memfs_names *names, struct memfs_entry *entry)
{
    uint32_t place;

    if (names->table != NULL) {
        uint32_t slot = table_slot(names, entry);
        place = names->table[slot].place;
        table_remove(names, slot);
    } else {
        place = place_of(names, entry);
    }
    names->places[place] = entry->cookie << 1 | 1;
    free(entry);
    names->live--;
    while (names->first < names->used && entry_at(names, names->first) == NULL)
        names->first++;
    /* A directory that has become much smaller gets a smaller array. Without memory it keeps the
     * old one. */
    if (names->room > 8 * PLAIN_PLACES && names->live < names->room / 8)
        rebuild(names, names->live * 2);
}

int memfs_names_change(const struct memfs *m, struct memfs_names *names, struct memfs_entry *entry,
                       const char *name)
{
    size_t len = strlen(name);
    struct memfs_entry *fresh = entry_make(name, len, hash_of(m, name, len));

    if (fresh == NULL)
        return ENOMEM;
    uint32_t place = place_of(names, entry);
    fresh->node = entry->node;
    fresh->cookie = entry->cookie;
    if (names->table != NULL) {
        table_remove(names, table_slot(names, entry));
        table_insert(names->table, names->mask, fresh->hash, place);
    }
    names->places[place] = (uintptr_t)fresh;
    free(entry);
    return 0;
}

uint32_t memfs_names_place(const struct memfs_names *names, uint64_t cookie)
{
    uint32_t low = names->first, high = names->used;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (cookie_at(names, middle) <= cookie)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct memfs_entry *memfs_names_at(const struct memfs_names *names, uint32_t *place)
{
    while (*place < names->used && entry_at(names, *place) == NULL)
        (*place)++;
    return *place < names->used ? entry_at(names, *place) : NULL;
}
