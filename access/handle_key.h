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
/* Writes the key that is in use where its file is gone. EEXIST: there is another one by now, EINVAL
 * one that the next start would refuse, and *why says so; ENOENT: not even a directory. */
int handle_key_keep(const char *state_dir, const uint8_t key[HANDLE_KEY_SIZE],
                    struct handle_key_why *why);

#endif
