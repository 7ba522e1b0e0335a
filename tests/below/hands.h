/*
 * hands.h - what bodies of tests/below have besides the words of tests/conformance: the host's
 * hands. A body knows the directory on the host that it sees through the server, and may have
 * root's part of this machine do things to the file system (inside.sh).
 */
#ifndef TESTS_BELOW_HANDS_H
#define TESTS_BELOW_HANDS_H

#include "tests/conformance/conformance.h"

/* The path of a name in `here` on the host; in a buffer that the next four calls leave alone. */
const char *on_host(const char *name);

/* Has inside.sh do this, and fails where it can't: "again" unmounts the file system and mounts it
 * anew, its daemon too; "other" does with another image, or another content, in its place; "forget"
 * has the kernel drop what it can of its caches. */
void hands(const char *request);
/* For driver->restart(): "again", "other". */
void mount_again(void);
void mount_other(void);
/* By this process, past the server: a file with this text, and one away. */
void host_make(const char *name, const char *text);
void host_remove(const char *name);

#endif
