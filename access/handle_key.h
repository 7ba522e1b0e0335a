/*
 * handle_key.h - the secret with which file handles are sealed, and its file. For handle.c.
 */
#ifndef ACCESS_HANDLE_KEY_H
#define ACCESS_HANDLE_KEY_H

#include <stdint.h>

#define HANDLE_KEY_SIZE 16

/* Reads state_dir/handle.key, or makes it. See handle_init(). */
int handle_key_get(const char *state_dir, uint8_t key[HANDLE_KEY_SIZE]);
/* Writes the key that is in use where its file is gone. EEXIST: there is another one by now;
 * ENOENT: not even a directory. */
int handle_key_keep(const char *state_dir, const uint8_t key[HANDLE_KEY_SIZE]);

#endif
