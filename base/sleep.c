/*
 * sleep.c - see sleep.h.
 */
#include "base/sleep.h"
#include <stddef.h>

static _Thread_local struct {
    void (*hook)(void *arg);
    void *arg;
} own;

void sleep_set_hook(void (*hook)(void *arg), void *arg)
{
    own.hook = hook;
    own.arg = arg;
}

void sleep_announce(void)
{
    if (own.hook != NULL)
        own.hook(own.arg);
}
