/*
 * boot.c - see boot.h.
 */
#include "base/boot.h"
#include <stdio.h>
#include <string.h>

bool boot_id(char id[BOOT_ID_SIZE])
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

    memset(id, 0, BOOT_ID_SIZE);
    bool known = file && fgets(id, BOOT_ID_SIZE, file);
    if (file)
        fclose(file);
    return known;
}
