/*
 * view.h - bytes that belong to somebody else.
 *
 * A view borrows: it is valid as long as what it looks at, which whoever hands it over says.
 * Handles, names and file data of a request are views of the receive buffer.
 */
#ifndef BASE_VIEW_H
#define BASE_VIEW_H

#include <stdint.h>

struct view {
    const uint8_t *data;
    uint32_t len;
};

#endif
