/*
 * fault.c - see fault.h. HOME/fault holds the library, the rules and the log.
 */
#include "tests/lib/fault.h"
#include "tests/lib/host.h"
#include "tests/lib/test.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

static int library = -1;

/* The server's user, which a test may have become already, need not reach the folder where the
 * library was built. */
static void __attribute__((constructor)) library_open(void)
{
    const char *path = getenv("LOOPNFS_FAULT_LIBRARY");

    if (path)
        library = open(path, O_RDONLY | O_CLOEXEC);
}

static void copy_library(const char *home)
{
    int to = open(host_path(home, "fault/fault.so").text, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

    off_t from = 0;

    assert_true(library >= 0 && to >= 0);
    while (sendfile(to, library, &from, 1 << 20) > 0)
        continue;
    close(to);
}

void fault_prepare(struct server *server)
{
    char rules[128];

    if (library < 0)
        fail_msg("LOOPNFS_FAULT_LIBRARY is not set: it names the library of tests/fault");
    host_mkdir(server->home, "fault", 0777);
    copy_library(server->home);
    host_write(server->home, "fault/log", "");
    host_chmod(server->home, "fault/log", 0666);
    fault_set(server, "");
    snprintf(rules, sizeof(rules), "@%s/fault/rules", server->home);
    setenv("LOOPNFS_FAULT", rules, 1);
    setenv("LOOPNFS_FAULT_LOG", host_path(server->home, "fault/log").text, 1);
    setenv("LD_PRELOAD", host_path(server->home, "fault/fault.so").text, 1);
    setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
}

void fault_over(void)
{
    unsetenv("LD_PRELOAD");
    unsetenv("LOOPNFS_FAULT");
}

void fault_set(const struct server *server, const char *rules)
{
    host_write(server->home, "fault/new", rules);
    host_chmod(server->home, "fault/new", 0644);
    host_rename(server->home, "fault/new", server->home, "fault/rules");
}

unsigned fault_calls(const struct server *server, const char *call)
{
    FILE *log = fopen(host_path(server->home, "fault/log").text, "re");
    char line[64];
    unsigned count = 0;

    assert_non_null(log);
    while (fgets(line, sizeof(line), log)) {
        line[strcspn(line, "\n")] = '\0';
        count += !call || strcmp(line, call) == 0;
    }
    fclose(log);
    return count;
}
