/*
 * boot.h - in which boot of the host we are.
 *
 * For what is kept in the state directory and holds only until the host starts again.
 */
#ifndef BASE_BOOT_H
#define BASE_BOOT_H

#include <stdbool.h>

#define BOOT_ID_SIZE 64

/* The kernel's name for this boot, with its newline, and zeros after it. false: it says none, and
 * all is zeros. */
bool boot_id(char id[BOOT_ID_SIZE]);

#endif
