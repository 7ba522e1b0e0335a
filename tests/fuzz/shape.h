/*
 * shape.h - every procedure's arguments and results as a line of letters.
 *
 * One table, written from RFC 1813, RFC 1094 appendix A and RFC 1833: by it generate.c makes valid
 * calls, and check.c takes replies apart to their last byte.
 *
 * Arguments:                                     Results:
 *   h handle   n name     s sattr3  g guard        F fattr3        P post_op_attr  W wcc_data
 *   w word     o offset   d WRITE's count, stable  h handle        H post_op_fh3   o opaque
 *   c count      and data   k createhow3           w word  b bool  l 64 bits
 *   m mknoddata3  t text of a link                 e entries of READDIR, E of READDIRPLUS
 *   C cookie   v verifier                          z handle of MOUNT v1   f flavors
 *   p path     G program  V version                m list of DUMP  x list of EXPORT
 *   i netid    u universal address                 2 list of mappings, 3 of rpcbs, 4 of
 * rpcb_entries a netbuf   T protocol                          S counts of one version of rpcbind
 */
#ifndef TESTS_FUZZ_SHAPE_H
#define TESTS_FUZZ_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shape {
    uint32_t program, version, procedure;
    const char *args;
    bool has_status;  /* the results begin with one */
    const char *ok;   /* behind a status of 0, or all there is */
    const char *fail; /* behind any other */
};

extern const struct shape shapes[];
extern const size_t shape_count;
/* NULL: there is no such procedure. */
const struct shape *shape_find(uint32_t program, uint32_t version, uint32_t procedure);

#endif
