/*
 * hcfs.c - serves fs/hcfs, the list of files written in a program: hcfs [OPTION...]
 *
 * The file system is the same source that loopnfsd has as fs=hcfs; this is all that makes a program
 * of it.
 */
#include <loopnfs/loopnfs.h>

extern const struct vfs_type hcfs_type;

int main(int argc, char **argv)
{
    return loopnfs_serve(&hcfs_type, argc, argv);
}
