/*
 * hands.c - see hands.h.
 */
#include "tests/below/hands.h"
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
    in = fopen(ANSWER, "re");
    expect(in != NULL);
    expect(fgets(answer, sizeof(answer), in) != NULL);
    fclose(in);
    if (strcmp(answer, "ok\n") != 0)
        fail("the host could not do: %s", request);
}
