/*
 * list.h - intrusive, circular, doubly linked lists.
 *
 * A `struct list` is both the head and the member embedded in an element. The element's owner
 * also owns the lock that guards the list.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(name)  \
    {                    \
        &(name), &(name) \
    }

/* The element of type `type` whose member `member` is at `ptr`. */
#define list_entry(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Walk a list. With the safe form the body may remove the current element. */
#define list_for_each(pos, head) for (pos = (head)->next; pos != (head); pos = pos->next)
#define list_for_each_safe(pos, tmp, head) \
    for (pos = (head)->next, tmp = pos->next; pos != (head); pos = tmp, tmp = pos->next)

static inline void list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_insert_after(struct list *where, struct list *item)
{
    item->prev = where;
    item->next = where->next;
    where->next->prev = item;
    where->next = item;
}

static inline void list_append(struct list *head, struct list *item)
{
    list_insert_after(head->prev, item);
}

/* Removes an element. The element becomes an empty list of its own, so removing it again does
 * nothing. */
static inline void list_remove(struct list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    list_init(item);
}

/* Removes the first element and returns it; NULL where the list is empty. */
static inline struct list *list_pop(struct list *head)
{
    if (list_empty(head))
        return NULL;
    struct list *first = head->next;
    list_remove(first);
    return first;
}

#endif
