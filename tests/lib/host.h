/*
 * host.h - what a test does to files on the server's host, beside the server.
 *
 * Paths are made by format: host_write("%s/file", ...) is so common that each function takes its
 * directory and a name. Errors fail the test.
 */
#ifndef TESTS_LIB_HOST_H
#define TESTS_LIB_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct host_path {
    char text[4096];
};
/* DIR/NAME, or DIR where name is NULL. */
struct host_path host_path(const char *dir, const char *name);

/* Makes or overwrites a file with this text; its content in all; more at its end. */
void host_write(const char *dir, const char *name, const char *text);
void host_append(const char *dir, const char *name, const char *text);
/* A file of `size` bytes that differ from place to place: host_pattern(). */
void host_write_pattern(const char *dir, const char *name, size_t size);
unsigned char host_pattern(size_t at);
/* That the file's content is this text. */
void host_expect(const char *dir, const char *name, const char *text);
void host_mkdir(const char *dir, const char *name, mode_t mode);
void host_unlink(const char *dir, const char *name);
void host_rename(const char *from_dir, const char *from, const char *to_dir, const char *to);
void host_symlink(const char *target, const char *dir, const char *name);
void host_chmod(const char *dir, const char *name, mode_t mode);
void host_chown(const char *dir, const char *name, uid_t uid, gid_t gid);
/* lstat. */
struct stat host_stat(const char *dir, const char *name);
bool host_exists(const char *dir, const char *name);
/* Whether this is a file system whose directories hostfs watches; and whether each file that is
 * made here gives the directory a ctime of its own, too, as newer kernels do (Linux 6.13). */
bool host_can_be_watched(const char *dir);
bool host_changes_have_times(const char *dir);

void host_remove_tree(const char *path);
void host_sleep_ms(int ms);
/* CLOCK_MONOTONIC. */
int64_t host_now_nsec(void);

/* Gives this process a mount namespace of its own, so that the test may mount things. Skips the
 * test where that is not allowed. */
void host_private_mounts(void);
/* A tmpfs of `size` ("2m") at an existing directory, in the private namespace. */
void host_mount_tmpfs(const char *at, const char *options);
/* Has the end of the test unmount what it mounted there by itself; unmounts it now. */
void host_mounted(const char *at);
void host_unmount(const char *at);
void host_mounted_no_more(const char *at); /* the test unmounted it itself */
void host_remount_read_only(const char *at);
/* Puts file `source` in the place of `target` (an /etc/passwd for one test). */
void host_mount_bind(const char *source, const char *target);

#endif
