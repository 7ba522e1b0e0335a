/*
 * wire.h - between wire.c (the connection, and calls without names) and wire_names.c.
 */
#ifndef TESTS_CONFORMANCE_WIRE_H
#define TESTS_CONFORMANCE_WIRE_H

#include "tests/conformance/driver.h"
#include "tests/lib/nfs3client.h"
/* In this suite the word is conformance.h's, of errors instead of statuses. */
#undef expect_ok

/* The connection; one process has one. */
extern struct client wire_client;

/* What crosses the wire, and back. */
struct fh wire_fh(const struct object *object);
struct sattr wire_sattr(const struct vsetattr *set);
void wire_attr(const struct attr *from, struct vattr *to);
void wire_change(const struct wcc *from, struct vchange *to);
/* The errno that a status stands for. */
int wire_error(uint32_t status);

int wire_lookup(const struct object *dir, struct view name, struct object *out, struct vattr *attr);
int wire_create(const struct object *dir, struct view name, const struct vcreate *how,
                struct object *out, struct vattr *attr, struct vchange *change);
int wire_mkdir(const struct object *dir, struct view name, const struct vsetattr *set,
               struct object *out, struct vattr *attr, struct vchange *change);
int wire_symlink(const struct object *dir, struct view name, struct view target,
                 const struct vsetattr *set, struct object *out, struct vattr *attr,
                 struct vchange *change);
int wire_mknod(const struct object *dir, struct view name, enum vtype type, uint32_t rdev_major,
               uint32_t rdev_minor, const struct vsetattr *set, struct object *out,
               struct vattr *attr, struct vchange *change);
int wire_remove(const struct object *dir, struct view name, struct vchange *change);
int wire_rmdir(const struct object *dir, struct view name, struct vchange *change);
int wire_rename(const struct object *from_dir, struct view from, const struct object *to_dir,
                struct view to, struct vchange *from_change, struct vchange *to_change);
int wire_link(const struct object *node, const struct object *dir, struct view name,
              struct vattr *attr, struct vchange *change);

#endif
