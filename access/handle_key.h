/*
 * handle_key.h - the secret with which file handles are sealed, and its file. For handle.c.
 */
#ifndef ACCESS_HANDLE_KEY_H
#define ACCESS_HANDLE_KEY_H

#include <limits.h>
#include <stdint.h>

#define HANDLE_KEY_SIZE 16

/* What is wrong with the file, and what helps: one line, with the file's path. */
struct handle_key_why {
    char text[PATH_MAX + 200];
};

/* Reads state_dir/handle.key, or makes it. See handle_init(). Where it fails *why is set. */
int handle_key_get(const char *state_dir, uint8_t key[HANDLE_KEY_SIZE], struct handle_key_why *why);
/* Writes the key in use to its file where the file is gone. EEXIST: the file has another key by
 * now. ENOENT: the state directory is gone, too. */
int handle_key_keep(const char *state_dir, const uint8_t key[HANDLE_KEY_SIZE],
                    struct handle_key_why *why);

#endif
