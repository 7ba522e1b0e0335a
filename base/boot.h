/*
 * boot.h - which boot of the host this is.
 *
 * For files in the state directory that are valid only until the host starts again.
 */
#ifndef BASE_BOOT_H
#define BASE_BOOT_H

#include <stdbool.h>

#define BOOT_ID_SIZE 64

/* Fills `id` with the kernel's name for this boot, with its newline, and zeros after it. False: the
 * kernel gives no name, and all bytes are zero. */
bool boot_id(char id[BOOT_ID_SIZE]);

#endif
