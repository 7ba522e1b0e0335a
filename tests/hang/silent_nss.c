/*
 * silent_nss.c - a user database that does not answer: the service "silent" of nsswitch.conf.
 *
 * The C library of a server loads it (tests/hang/groups.c puts it into its LD_LIBRARY_PATH). While
 * the file that SILENT_NSS names is there, who asks waits; afterwards every uid from 4242 on is a
 * user, "late", and there are no groups here.
 */
#include <errno.h>
#include <nss.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIRST 4242

enum nss_status _nss_silent_getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size,
                                       int *err);

enum nss_status _nss_silent_getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size,
                                       int *err)
{
    static const char text[] = "late";
    const char *while_there = getenv("SILENT_NSS");

    while (while_there && access(while_there, F_OK) == 0)
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    if (uid < FIRST) {
        *err = ENOENT;
        return NSS_STATUS_NOTFOUND;
    }
    if (size < sizeof(text)) {
        *err = ERANGE;
        return NSS_STATUS_TRYAGAIN;
    }
    memcpy(buffer, text, sizeof(text));
    *entry = (struct passwd){.pw_name = buffer,
                             .pw_passwd = buffer + sizeof(text) - 1,
                             .pw_gecos = buffer + sizeof(text) - 1,
                             .pw_dir = buffer + sizeof(text) - 1,
                             .pw_shell = buffer + sizeof(text) - 1,
                             .pw_uid = uid,
                             .pw_gid = FIRST};
    return NSS_STATUS_SUCCESS;
}
