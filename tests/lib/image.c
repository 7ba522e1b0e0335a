/*
 * image.c - see image.h.
 */
#include "tests/lib/image.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND_MAX 16384

int image_run(const char *format, ...)
{
    char command[COMMAND_MAX];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    assert_in_range(len, 1, sizeof(command) - 1);
    int status = system(command); /* NOLINT(cert-env33-c): mkfs and mount are commands */
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 127)
        test_skip("no such program: %s", command);
    return WEXITSTATUS(status);
}

void image_make(const char *kind, const char *dir, const char *name, const char *source)
{
    static const struct {
        const char *kind;
        const char *empty;  /* %s: the image */
        const char *filled; /* %1$s: the image, %2$s: the source */
    } programs[] = {
        {"ext4",
         "truncate -s 16M %1$s && mkfs.ext4 -q -F -U 01234567-89ab-cdef-0123-456789abcdef %1$s",
         "truncate -s 16M %1$s && mkfs.ext4 -q -F -d %2$s %1$s"},
        {"xfs", "truncate -s 300M %1$s && mkfs.xfs -q -f %1$s", NULL},
        {"btrfs", "truncate -s 120M %1$s && mkfs.btrfs -q -f %1$s", NULL},
        {"squashfs", NULL,
         "mksquashfs %2$s %1$s -noappend -no-progress -mkfs-time 1 -all-time 1 -quiet > /dev/null"},
        {"erofs", NULL,
         "mkfs.erofs -T 1 -U 01234567-89ab-cdef-0123-456789abcdef %1$s %2$s > /dev/null 2>&1"},
    };
    char command[COMMAND_MAX];
    struct host_path image = host_path(dir, name);

    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        const char *format = source ? programs[i].filled : programs[i].empty;
        if (strcmp(programs[i].kind, kind) != 0)
            continue;
        assert_non_null(format);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(command, sizeof(command), format, image.text, source);
#pragma GCC diagnostic pop
        assert_int_equal(image_run("%s", command), 0);
        return;
    }
    fail_msg("no images of %s are known", kind);
}

void image_mount(const char *dir, const char *name, const char *at, const char *options)
{
    struct host_path image = host_path(dir, name);
    int status = image_run("mount -o loop%s%s %s %s", *options ? "," : "", options, image.text, at);

    if (status != 0)
        test_skip("%s can't be mounted here", image.text);
    host_mounted(at);
}

void image_overlay(const char *dir, const char *at, const char *options)
{
    char text[COMMAND_MAX];

    snprintf(text, sizeof(text), "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work%s", dir, dir,
             dir, options);
    if (mount("overlay", at, "overlay", 0, text) != 0)
        test_skip("no overlayfs with %s here: %s", text, strerror(errno));
    host_mounted(at);
}

void image_forget(void)
{
    sync();
    FILE *file = fopen("/proc/sys/vm/drop_caches", "we");
    if (!file)
        test_skip("the kernel's caches can't be dropped: %s", strerror(errno));
    assert_int_equal(fputs("2\n", file) < 0, 0);
    assert_int_equal(fclose(file), 0);
}
