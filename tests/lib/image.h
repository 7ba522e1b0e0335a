/*
 * image.h - file systems in image files, for tests that need a certain kind below the server.
 *
 * Images are made by the kinds' own mkfs programs and mounted by mount(8) over a loop device, in
 * the private mount namespace of the test (host_private_mounts), which ends with it.
 */
#ifndef TESTS_LIB_IMAGE_H
#define TESTS_LIB_IMAGE_H

#include <stdbool.h>

/* Makes an image, DIR/NAME, of this kind ("ext4", "xfs", "btrfs", "squashfs", "erofs"). `source`: a
 * directory whose content goes into it, or NULL; xfs takes none. Skips the test where there is no
 * such program. Images of a kind are as equal as the program can make them: one identity, one
 * time. */
void image_make(const char *kind, const char *dir, const char *name, const char *source);
/* Mounts it. Skips the test where the kernel does not know the kind. */
void image_mount(const char *dir, const char *name, const char *at, const char *options);
/* Mounts overlayfs at `at` with layers DIR/lower, DIR/upper, DIR/work, which must exist. `options`
 * begins with a comma or is empty. Skips the test where it can't. */
void image_overlay(const char *dir, const char *at, const char *options);
/* Runs a command line of the shell's; its exit status. Skips the test where it is 127. */
int image_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Has the kernel forget all names and inodes that nobody uses. */
void image_forget(void);

#endif
