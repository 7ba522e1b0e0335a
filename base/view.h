/*
 * view.h - bytes that another part of the program owns.
 *
 * A view borrows: it is valid as long as the bytes that it points to. The function that hands over
 * a view says how long that is. Handles, names and file data of a request are views of the receive
 * buffer.
 */
#ifndef BASE_VIEW_H
#define BASE_VIEW_H

#include <stdint.h>

struct view {
    const uint8_t *data;
    uint32_t len;
};

#endif
