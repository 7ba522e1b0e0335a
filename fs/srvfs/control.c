/*
 * control.c - runs srvfs' commands: `loopnfs post|take|list|remove`.
 */
#include "base/text.h"
#include "fs/srvfs/srvfs.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int say(struct vcontrol *control, int err, const char *text)
{
    snprintf(control->message, sizeof(control->message), "%s", text);
    return err;
}

static int say_of(struct vcontrol *control, int err, const char *word, const char *text)
{
    snprintf(control->message, sizeof(control->message), "%.100s: %s", word, text);
    return err;
}

static bool name_ok(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= VNAME_MAX && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static bool mode_parse(const char *word, uint32_t *mode)
{
    char *end;

    if (strncmp(word, "mode=", 5) != 0 || word[5] < '0' || word[5] > '7')
        return false;
    unsigned long value = strtoul(word + 5, &end, 8);
    *mode = (uint32_t)value;
    return *end == '\0' && value <= 0777;
}

static int command_post(struct vfs *fs, struct vcontrol *control)
{
    struct srvfs *srv = srvfs_of(fs);
    uint32_t mode = 0600;

    if (control->argc < 2)
        return say(control, EINVAL, "post takes a name");
    if (!name_ok(control->argv[1]))
        return say_of(control, EINVAL, control->argv[1], "a name has 1 to 255 bytes, and no '/'");
    for (int i = 2; i < control->argc; i++)
        if (!mode_parse(control->argv[i], &mode))
            return say_of(control, EINVAL, control->argv[i],
                          "after the name, mode=0600 or such is all there is");
    if (control->fd < 0)
        return say(control, EBADF, "no descriptor came along");
    int err = srv_root_may(control->cred, srv, VACCESS_MODIFY | VACCESS_LOOKUP);
    if (err != 0)
        return say(control, err, "the directory may not be written by you");
    struct srv_entry *entry = srv_entry_new(srv, control->cred, mode);
    if (entry == NULL)
        return ENOMEM;
    err = srv_post(entry, control->fd, control->message, sizeof(control->message));
    if (err == 0) {
        control->fd = -1;
        err = srv_entry_name(srv, entry, control->argv[1]);
        if (err == EEXIST)
            say(control, err, "there is such a name already");
        else if (err == EMFILE)
            say(control, err, "too many names are posted here (posts=)");
    }
    srv_entry_put(srv, entry);
    return err;
}

/* Finds the entry that a command names; *entry has a reference. */
static int entry_named(struct vfs *fs, struct vcontrol *control, struct srv_entry **entry)
{
    struct srvfs *srv = srvfs_of(fs);

    if (control->argc != 2)
        return say(control, EINVAL, "take and remove have one name");
    int err = srv_root_may(control->cred, srv, VACCESS_LOOKUP);
    if (err != 0)
        return err;
    *entry = srv_find(srv, control->argv[1]);
    if (*entry == NULL)
        return say_of(control, ENOENT, control->argv[1], "nothing of this name is posted");
    return 0;
}

static int command_take(struct vfs *fs, struct vcontrol *control)
{
    struct srv_entry *entry;

    int err = entry_named(fs, control, &entry);
    if (err != 0)
        return err;
    if (!control->privileged)
        err = srv_entry_may(control->cred, entry, VACCESS_READ | VACCESS_MODIFY);
    if (err != 0) {
        say(control, err, "you may not read and write it");
    } else if (entry->kind == SRV_EMPTY) {
        err = say(control, ENODATA, "nothing is posted there yet");
    } else {
        control->reply_fd = fcntl(entry->fd, F_DUPFD_CLOEXEC, 0);
        err = control->reply_fd < 0 ? errno : 0;
    }
    srv_entry_put(srvfs_of(fs), entry);
    return err;
}

static int command_remove(struct vfs *fs, struct vcontrol *control)
{
    struct srvfs *srv = srvfs_of(fs);
    struct srv_entry *entry;

    int err = entry_named(fs, control, &entry);
    if (err != 0)
        return err;
    if (!control->privileged)
        err = srv_remove_may(control->cred, srv, entry);
    if (err == 0)
        err = srv_entry_unname(srv, entry, control->argv[1]);
    else
        say(control, err, "it is not yours");
    srv_entry_put(srv, entry);
    return err;
}

static void list_one(struct vcontrol *control, struct srv_entry *entry, const char *name)
{
    char named[TEXT_QUOTED(VNAME_MAX)], detail[600], quoted[TEXT_QUOTED(sizeof(detail))], since[40];
    struct tm tm;

    /* Only a user that may read the entry sees its path or address. */
    if (control->privileged || srv_entry_may(control->cred, entry, VACCESS_READ) == 0)
        srv_describe(entry, detail, sizeof(detail));
    else
        strcpy(detail, "-");
    text_quote(quoted, sizeof(quoted), detail);
    text_quote(named, sizeof(named), name);
    pthread_mutex_lock(&entry->lock);
    gmtime_r(&entry->since.tv_sec, &tm);
    strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", &tm);
    vcontrol_print(control, "%s\t%s\t%s\t%u:%u\t%04o\t%s\tin=%" PRIu64 "\tout=%" PRIu64, named,
                   srv_kind_row(entry->kind)->name, quoted, entry->uid, entry->gid, entry->mode,
                   since, entry->bytes_in, entry->bytes_out);
    pthread_mutex_unlock(&entry->lock);
}

static int command_list(struct vfs *fs, struct vcontrol *control)
{
    struct srvfs *srv = srvfs_of(fs);
    char name[VNAME_MAX + 1];
    struct srv_entry *entry;
    uint64_t cookie = 0;

    int err = srv_root_may(control->cred, srv, VACCESS_READ);
    while (err == 0 && (entry = srv_after(srv, cookie, &cookie, name)) != NULL) {
        list_one(control, entry, name);
        srv_entry_put(srv, entry);
    }
    return err;
}

int srv_control(struct vfs *fs, struct vcontrol *control)
{
    static const struct {
        const char *name;
        int (*run)(struct vfs *fs, struct vcontrol *control);
    } commands[] = {{"post", command_post},
                    {"take", command_take},
                    {"list", command_list},
                    {"remove", command_remove}};

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(control->argv[0], commands[i].name) == 0)
            return commands[i].run(fs, control);
    return say_of(control, EINVAL, control->argv[0], "srvfs knows post, take, list and remove");
}
