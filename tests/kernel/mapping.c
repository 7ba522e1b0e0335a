/*
 * mapping.c - writes a file through a shared mapping, or checks it by reading.
 *
 *     mapping write FILE SIZE      makes it SIZE bytes long, fills the mapping, msync
 *     mapping check FILE SIZE      reads it; exit status 1 where a byte differs
 *
 * Run in the guest and on the host by the kernel tests.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The byte at an offset: no two pages are alike. */
static uint8_t pattern(size_t offset)
{
    return (uint8_t)((offset * 2654435761u) >> 13);
}

static int die(const char *what)
{
    perror(what);
    return 2;
}

static int write_mapped(const char *path, size_t size)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    uint8_t *map;

    if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
        return die(path);
    map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return die("mmap");
    /* Backwards, so that pages don't come in the order of the file. */
    for (size_t i = size; i-- > 0;)
        map[i] = pattern(i);
    if (msync(map, size, MS_SYNC) != 0 || munmap(map, size) != 0 || close(fd) != 0)
        return die("msync");
    return 0;
}

static int check(const char *path, size_t size)
{
    FILE *file = fopen(path, "r");
    size_t offset = 0;
    int byte;

    if (!file)
        return die(path);
    for (; (byte = getc(file)) != EOF; offset++) {
        if ((uint8_t)byte != pattern(offset)) {
            fprintf(stderr, "%s: offset %zu: %02x instead of %02x\n", path, offset, (unsigned)byte,
                    pattern(offset));
            return 1;
        }
    }
    fclose(file);
    printf("%s: %zu bytes as written\n", path, offset);
    return offset == size ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    size_t size = strtoul(argv[3], NULL, 10);
    return strcmp(argv[1], "write") == 0 ? write_mapped(argv[2], size) : check(argv[2], size);
}
