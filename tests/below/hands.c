/*
 * hands.c - see hands.h.
 */
#include "tests/below/hands.h"
#include "tests/conformance/run.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define ASK    "/run/below/ask"
#define ANSWER "/run/below/answer"

void hands(const char *request)
{
    char answer[16] = "";
    FILE *out = fopen(ASK, "we"), *in;

    expect(out != NULL);
    fprintf(out, "%s\n", request);
    fclose(out);
    /* Nothing: it is still the end of the answer before. */
    while (answer[0] == '\0') {
        in = fopen(ANSWER, "re");
        expect(in != NULL);
        if (fgets(answer, sizeof(answer), in) == NULL)
            answer[0] = '\0';
        fclose(in);
    }
    if (strcmp(answer, "ok\n") != 0)
        fail("the host could not do: %s", request);
}

const char *on_host(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "/run/below/m/%s/%s", here_name_of(), name);
    return path;
}

void host_make(const char *name, const char *text)
{
    FILE *out = fopen(on_host(name), "we");

    if (out == NULL)
        fail("%s: %s", on_host(name), strerror(errno));
    fputs(text, out);
    expect(fclose(out) == 0);
}

void host_remove(const char *name)
{
    if (unlink(on_host(name)) != 0)
        fail("%s: %s", on_host(name), strerror(errno));
}

void mount_again(void)
{
    hands("again");
}

void mount_other(void)
{
    hands("other");
}
