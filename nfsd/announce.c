/*
 * announce.c - the mount commands; see announce.h. Called by main once the server answers.
 *
 * A client asks the portmapper for both ports unless it is told them: all of them where we are not
 * found that way; Linux needs both options to ask nobody, FreeBSD has none for mountd's port.
 */
#include "nfsd/announce.h"
#include "exports/exports.h"
#include "nfsd/options.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HOST_MAX 256

static bool is_wildcard(const struct address *a)
{
    size_t len;
    const uint8_t *bytes = address_bytes(a, &len);

    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* What clients may call this host: by an address they can reach, else by localhost. */
static void host_name(const struct address *listen, size_t count, char host[HOST_MAX])
{
    char text[ADDRESS_TEXT_MAX];

    snprintf(host, HOST_MAX, "localhost");
    for (size_t i = 0; i < count; i++) {
        if (is_wildcard(&listen[i])) {
            if (gethostname(host, HOST_MAX) != 0)
                snprintf(host, HOST_MAX, "localhost");
            host[HOST_MAX - 1] = '\0';
            return;
        }
        if (!address_is_loopback(&listen[i])) {
            snprintf(host, HOST_MAX, "%s", address_format(&listen[i], false, text));
            return;
        }
    }
    /* localhost may be ::1 first, or an address of 127/8 may have been asked for. */
    if (count == 1)
        snprintf(host, HOST_MAX, "%s", address_format(&listen[0], false, text));
}

/* For a shell: as it is, or in single quotes where that is needed. */
static void print_quoted(const char *host, const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "/._-+:@%,";

    if (path[strspn(path, plain)] == '\0' && strpbrk(host, "[]") == NULL) {
        printf("%s:%s", host, path);
        return;
    }
    printf("'%s:", host);
    for (const char *c = path; *c != '\0'; c++) {
        if (*c == '\'')
            printf("'\\''");
        else
            putchar(*c);
    }
    putchar('\'');
}

struct mount_command {
    const char *system, *command, *where;
    bool has_ports; /* it can be told both ports */
};

static const struct mount_command commands[] = {
    {"Linux", "sudo mount -t nfs -o vers=3,nolock", "/mnt", true},
    {"macOS", "sudo mount -t nfs -o vers=3,locallocks,resvport,rsize=1048576,wsize=1048576",
     "~/mnt", true},
    {"FreeBSD", "sudo mount -t nfs -o nfsv3,tcp,nolockd", "/mnt", false},
};

static void print_command(const struct mount_command *c, const char *host, const char *path,
                          unsigned port, bool found)
{
    if (!found && !c->has_ports) {
        printf("  %-8s needs the portmapper: run loopnfsd as root with --portmap=builtin\n",
               c->system);
        return;
    }
    printf("  %-8s %s", c->system, c->command);
    if (!found)
        printf(",port=%u,mountport=%u", port, port);
    printf(" ");
    print_quoted(host, path);
    printf(" %s\n", c->where);
}

void announce_ready(const struct address *listen, size_t count, bool found)
{
    char host[HOST_MAX], text[ADDRESS_TEXT_MAX];
    const struct exports *exports = exports_get();
    unsigned port = address_port(&listen[0]);

    host_name(listen, count, host);
    for (size_t i = 0; i < exports->count; i++) {
        const char *path = exports->list[i].path;
        printf("%s\n", path);
        for (size_t c = 0; c < sizeof(commands) / sizeof(commands[0]); c++)
            print_command(&commands[c], host, path, port, found);
    }
    exports_put();
    for (size_t i = 0; i < count; i++)
        printf("%s: ready on %s\n", program_invocation_short_name,
               address_format(&listen[i], true, text));
    fflush(stdout);
}
