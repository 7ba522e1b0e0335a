/*
 * read.c - reads a file of a server with libnfs and prints it: framework_read PORT EXPORT PATH
 *
 * For outside.sh. A directory is listed instead, a name a line.
 */
#include <fcntl.h>
#include <nfsc/libnfs.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(struct nfs_context *nfs, const char *what)
{
    fprintf(stderr, "%s: %s\n", what, nfs_get_error(nfs));
    return 1;
}

int main(int argc, char **argv)
{
    struct nfs_context *nfs = nfs_init_context();
    struct nfsfh *fh;
    struct nfsdir *dir;
    char buf[65536], url[512];

    if (argc != 4 || nfs == NULL)
        return 2;
    snprintf(url, sizeof(url), "nfs://127.0.0.1%s/?version=3&nfsport=%s&mountport=%s", argv[2],
             argv[1], argv[1]);
    struct nfs_url *parsed = nfs_parse_url_dir(nfs, url);
    if (parsed == NULL || nfs_mount(nfs, "127.0.0.1", argv[2]) != 0)
        return failed(nfs, "mount");
    nfs_destroy_url(parsed);
    if (nfs_opendir(nfs, argv[3], &dir) == 0) {
        const struct nfsdirent *entry;
        while ((entry = nfs_readdir(nfs, dir)) != NULL)
            puts(entry->name);
        nfs_closedir(nfs, dir);
        nfs_destroy_context(nfs);
        return 0;
    }
    if (nfs_open(nfs, argv[3], O_RDONLY, &fh) != 0)
        return failed(nfs, "open");
    int n = nfs_read(nfs, fh, sizeof(buf), buf);
    if (n < 0)
        return failed(nfs, "read");
    fwrite(buf, 1, (size_t)n, stdout);
    nfs_close(nfs, fh);
    nfs_destroy_context(nfs);
    return 0;
}
