/*
 * generate.h - calls: valid ones of every procedure, and what becomes of them.
 */
#ifndef TESTS_FUZZ_GENERATE_H
#define TESTS_FUZZ_GENERATE_H

#include "tests/fuzz/random.h"
#include "tests/fuzz/shape.h"
#include "tests/lib/nfs3client.h"

/* Handles that the server gave, to be used in calls to come. The first are directories and stay, of
 * the others the oldest go first. */
#define HANDLES_MAX 48
struct handles {
    struct fh list[HANDLES_MAX];
    uint32_t dirs, count, next;
};
void handles_add_dir(struct handles *handles, const struct fh *fh);
void handles_add(struct handles *handles, const uint8_t *data, size_t len);

struct generator {
    struct random *random;
    struct handles *handles;
    const char *const *paths; /* for MNT; ended by NULL */
};

/* A call of a procedure, as a client would send it; *head is where its arguments begin, or what
 * follows a handle that they begin with. */
void generate_call(struct generator *generator, const struct shape *shape, struct bytes *out,
                   size_t *head);
/* Any procedure; NFS mostly. */
const struct shape *generate_shape(struct random *random);
/* Does one to four unkind things to a message; to the part from `head` on mostly. */
void generate_mutation(struct random *random, struct bytes *message, size_t head);

#endif
