/*
 * pseudo.c - see pseudo.h.
 */
#include "base/pseudo.h"
#include <linux/magic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/vfs.h>

/* Magic numbers that linux/magic.h lacks. */
#define CONFIGFS_MAGIC   0x62656570
#define FUSECTL_MAGIC    0x65735543
#define MQUEUE_MAGIC     0x19800202
#define RPC_PIPEFS_MAGIC 0x67596969
#define FUNCTIONFS_MAGIC 0xa647361
#define GADGETFS_MAGIC   0xaee71ee7
#define RESCTRL_MAGIC    0x7655821
#define XENFS_MAGIC_     0xabba1974
#define PIDFS_MAGIC      0x50494446
#define DLMFS_MAGIC      0x76a9f425
#define SECRETMEM_FS     0x5345434d
#define OPROFILEFS       0x6f70726f
#define CPUSET_MAGIC     0x27e0eb
#define NFSD_FS          0x6e667364
#define APPARMORFS       0x5a3c69f0
#define HUGETLBFS        0x958458f6
#define SPUFS            0x23c9b64e
#define HYPFS            0x687970
#define IBMASMFS         0x67577637
#define QIBFS            0x726a77

bool file_is_pseudo(int fd)
{
    static const uint32_t magics[] = {PROC_SUPER_MAGIC,
                                      SYSFS_MAGIC,
                                      CGROUP_SUPER_MAGIC,
                                      CGROUP2_SUPER_MAGIC,
                                      CPUSET_MAGIC,
                                      DEBUGFS_MAGIC,
                                      TRACEFS_MAGIC,
                                      SECURITYFS_MAGIC,
                                      SELINUX_MAGIC,
                                      SMACK_MAGIC,
                                      CONFIGFS_MAGIC,
                                      BPF_FS_MAGIC,
                                      DEVPTS_SUPER_MAGIC,
                                      MQUEUE_MAGIC,
                                      BINFMTFS_MAGIC,
                                      PSTOREFS_MAGIC,
                                      EFIVARFS_MAGIC,
                                      FUSECTL_MAGIC,
                                      NSFS_MAGIC,
                                      PIDFS_MAGIC,
                                      AUTOFS_SUPER_MAGIC,
                                      RPC_PIPEFS_MAGIC,
                                      ANON_INODE_FS_MAGIC,
                                      SOCKFS_MAGIC,
                                      PIPEFS_MAGIC,
                                      FUNCTIONFS_MAGIC,
                                      GADGETFS_MAGIC,
                                      RESCTRL_MAGIC,
                                      XENFS_MAGIC_,
                                      DLMFS_MAGIC,
                                      SECRETMEM_FS,
                                      OPROFILEFS,
                                      USBDEVICE_SUPER_MAGIC,
                                      BINDERFS_SUPER_MAGIC,
                                      OPENPROM_SUPER_MAGIC,
                                      DEVMEM_MAGIC,
                                      DMA_BUF_MAGIC,
                                      BDEVFS_MAGIC,
                                      NFSD_FS,
                                      APPARMORFS,
                                      HUGETLBFS,
                                      SPUFS,
                                      HYPFS,
                                      IBMASMFS,
                                      QIBFS};
    struct statfs st;

    if (fstatfs(fd, &st) != 0)
        return true;
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
        if ((uint32_t)st.f_type == magics[i])
            return true;
    return false;
}
