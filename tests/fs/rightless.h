/*
 * rightless.h - memfs as a file system that leaves rights to the library: it has no access
 * operation, and all its operations are root's. Called by tests.
 */
#ifndef TESTS_FS_RIGHTLESS_H
#define TESTS_FS_RIGHTLESS_H

/* Registers it as "rightless". */
void rightless_register(void);

#endif
