/*
 * acl.h - registers the NFSACL program; used by nfsd_register() alone.
 */
#ifndef NFSD_ACL_H
#define NFSD_ACL_H

void acl_register(void);

#endif
