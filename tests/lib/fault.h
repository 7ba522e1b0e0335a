/*
 * fault.h - a server whose system calls fail, wait or kill it when the test says so.
 *
 * By the preloaded library of tests/fault/fault.c, whose head comment has the language of rules.
 * The program's ctest entry has LOOPNFS_FAULT_LIBRARY in its environment (tests/CMakeLists.txt).
 */
#ifndef TESTS_LIB_FAULT_H
#define TESTS_LIB_FAULT_H

#include "tests/lib/server.h"

/* After server_prepare(), before server_start(): that start is with the library, and without rules.
 * fault_over() ends it for starts that follow. */
void fault_prepare(struct server *server);
void fault_over(void);
/* The rules from now on, "fsync:EIO:1"; "" for none. Counting begins anew where they differ. */
void fault_set(const struct server *server, const char *rules);
/* How often a call was made since the server's first start; NULL: all that are watched. */
unsigned fault_calls(const struct server *server, const char *call);

#endif
