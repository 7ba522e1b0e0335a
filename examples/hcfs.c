/*
 * hcfs.c - serves fs/hcfs, a list of files written in the program: hcfs [OPTION...]
 *
 * The file system is the source that loopnfsd has as fs=hcfs. These lines are all that is needed to
 * make a program of it.
 */
#include <loopnfs/loopnfs.h>

extern const struct vfs_type hcfs_type;

int main(int argc, char **argv)
{
    return loopnfs_serve(&hcfs_type, argc, argv);
}
