/*
 * announce.c - prints the mount commands; see announce.h. Called once the server answers.
 *
 * A command is printed only where it works: for this host, and for other hosts where the export has
 * them among its clients and they can reach an address that the server listens on. A client asks
 * the portmapper for both ports unless its command names them. So the command names all ports where
 * the portmapper does not know this server. Linux asks no portmapper only if its command names both
 * ports and the transport. FreeBSD has no option for mountd's port.
 */
#include "server/announce.h"
#include "exports/exports.h"
#include "server/config.h"
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HOST_MAX 256

struct announcement {
    const struct address *listen;
    size_t count;
    bool found; /* clients find the ports through a portmapper */
    const struct export *export;
};

static bool is_wildcard(const struct address *a)
{
    size_t len;
    const uint8_t *bytes = address_bytes(a, &len);

    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* Whether this host reaches the export by its loopback address `text`. */
static bool reached_by(const struct announcement *of, const char *text)
{
    struct address loopback;

    address_parse(text, 0, &loopback);
    if (!export_admits_us(of->export, &loopback))
        return false;
    for (size_t i = 0; i < of->count; i++) {
        const struct address *a = &of->listen[i];
        if (a->any.sa_family == loopback.any.sa_family &&
            (is_wildcard(a) || address_same_host(a, &loopback)))
            return true;
    }
    return false;
}

/* The name by which this host can mount the export. False: it can't mount it. */
static bool host_here(const struct announcement *of, char host[HOST_MAX])
{
    bool ipv4 = reached_by(of, "127.0.0.1"), ipv6 = reached_by(of, "::1");
    char text[ADDRESS_TEXT_MAX];

    if (ipv4 || ipv6) {
        /* with the option tcp, Linux takes localhost to be 127.0.0.1 */
        snprintf(host, HOST_MAX, "%s", ipv4 ? "localhost" : "[::1]");
        return true;
    }
    for (size_t i = 0; i < of->count; i++) {
        const struct address *a = &of->listen[i];
        if (is_wildcard(a) || !export_admits_us(of->export, a))
            continue;
        snprintf(host, HOST_MAX, "%s", address_format(a, false, text));
        return true;
    }
    return false;
}

/* One of this host's addresses that other hosts can use. near: one in the network of a client. */
static bool own_address(const struct announcement *of, int family, bool near, char host[HOST_MAX])
{
    char text[ADDRESS_TEXT_MAX];
    struct ifaddrs *all;
    bool done = false;

    if (getifaddrs(&all) != 0)
        return false;
    for (const struct ifaddrs *one = all; one != NULL && !done; one = one->ifa_next) {
        struct address a = {0};
        if (one->ifa_addr == NULL || one->ifa_addr->sa_family != family ||
            !(one->ifa_flags & IFF_UP) || one->ifa_flags & IFF_LOOPBACK)
            continue;
        memcpy(&a, one->ifa_addr, family == AF_INET ? sizeof(a.in) : sizeof(a.in6));
        if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&a.in6.sin6_addr))
            continue;
        done = export_admits_others(of->export, family, near ? &a : NULL);
        if (done)
            snprintf(host, HOST_MAX, "%s", address_format(&a, false, text));
    }
    freeifaddrs(all);
    return done;
}

/* The name by which other hosts can mount the export. False: none of them can. */
static bool host_elsewhere(const struct announcement *of, char host[HOST_MAX])
{
    char text[ADDRESS_TEXT_MAX];

    for (size_t i = 0; i < of->count; i++) {
        const struct address *a = &of->listen[i];
        int family = a->any.sa_family;
        if (address_is_loopback(a) || !export_admits_others(of->export, family, NULL))
            continue;
        if (!is_wildcard(a)) {
            snprintf(host, HOST_MAX, "%s", address_format(a, false, text));
            return true;
        }
        if (own_address(of, family, true, host) || own_address(of, family, false, host))
            return true;
    }
    return false;
}

/* Prints a text for a shell, in single quotes where the shell needs them. */
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
    bool has_ports;         /* the command can name both ports */
    const char *tcp, *tcp6; /* how the command names the transport, behind the ports */
};

static const struct mount_command linux_command = {
    "Linux", "sudo mount -t nfs -o vers=3,nolock", "/mnt", true, ",tcp", ",proto=tcp6"};

static const struct mount_command other_commands[] = {
    {"macOS",
     "mkdir -p ~/mnt && sudo mount -t nfs -o "
     "vers=3,locallocks,resvport,rsize=1048576,wsize=1048576",
     "~/mnt", true, ",tcp", ",tcp"},
    {"FreeBSD", "sudo mount -t nfs -o nfsv3,tcp,nolockd", "/mnt", false, "", ""},
};

static void print_command(const struct announcement *of, const struct mount_command *c,
                          const char *host)
{
    unsigned port = address_port(&of->listen[0]);

    if (!of->found && !c->has_ports) {
        printf("  %-8s needs the portmapper: run loopnfsd as root with --portmap=builtin\n",
               c->system);
        return;
    }
    printf("  %-8s %s", c->system, c->command);
    if (!of->found)
        printf(",port=%u,mountport=%u", port, port);
    printf("%s ", host[0] == '[' ? c->tcp6 : c->tcp);
    print_quoted(host, of->export->path);
    printf(" %s\n", c->where);
}

static void announce_export(const struct announcement *of)
{
    char here[HOST_MAX], elsewhere[HOST_MAX];
    bool has_here = host_here(of, here), has_elsewhere = host_elsewhere(of, elsewhere);

    printf("%s\n", of->export->path);
    if (of->export->fs == NULL) {
        printf("  (not there: %s; served as soon as it is)\n", strerror(of->export->absent));
        return;
    }
    if (has_here)
        print_command(of, &linux_command, here);
    if (has_elsewhere) {
        if (!has_here || strcmp(here, elsewhere) != 0)
            print_command(of, &linux_command, elsewhere);
        for (size_t c = 0; c < sizeof(other_commands) / sizeof(other_commands[0]); c++)
            print_command(of, &other_commands[c], elsewhere);
    } else if (has_here) {
        printf(
            "  (for this host only; macOS, FreeBSD and other hosts need --listen and a client)\n");
    } else {
        printf("  (no host that may mount it can reach an address that is listened on: "
               "see --listen)\n");
    }
}

void announce_ready(const struct address *listen, size_t count, bool found)
{
    char text[ADDRESS_TEXT_MAX];
    const struct exports *exports = exports_get();
    struct announcement of = {.listen = listen, .count = count, .found = found};

    for (size_t i = 0; i < exports->count; i++) {
        of.export = &exports->list[i];
        announce_export(&of);
    }
    exports_put();
    for (size_t i = 0; i < count; i++)
        printf("%s: ready on %s\n", program_invocation_short_name,
               address_format(&listen[i], true, text));
    fflush(stdout);
}
