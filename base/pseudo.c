/*
 * pseudo.c - see pseudo.h.
 */
#include "base/pseudo.h"
#include <linux/magic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/vfs.h>

bool file_is_pseudo(int fd)
{
    static const uint32_t magics[] = {PROC_SUPER_MAGIC,    SYSFS_MAGIC,         CGROUP_SUPER_MAGIC,
                                      CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC,       TRACEFS_MAGIC,
                                      SECURITYFS_MAGIC,    SELINUX_MAGIC,       BPF_FS_MAGIC,
                                      EFIVARFS_MAGIC,      ANON_INODE_FS_MAGIC, NSFS_MAGIC,
                                      BINFMTFS_MAGIC,      PSTOREFS_MAGIC};
    struct statfs st;

    if (fstatfs(fd, &st) != 0)
        return true;
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
        if ((uint32_t)st.f_type == magics[i])
            return true;
    return false;
}
