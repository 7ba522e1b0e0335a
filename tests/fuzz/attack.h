/*
 * attack.h - clients that mean no good, each a process of its own; for server.c.
 *
 * An attacker works until it is killed, never speaks to the test, and calls from unprivileged
 * ports. It runs at the lowest priority: on a small machine it must not win by taking the CPU.
 */
#ifndef TESTS_FUZZ_ATTACK_H
#define TESTS_FUZZ_ATTACK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct attack {
    uint16_t port;
    const char *export_dir; /* one it may use */
    uint64_t seed;
    const char *name; /* its kind, and its process, while it runs */
    pid_t pid;
};

/* The number of kinds. */
extern const size_t attack_count;

/* Starts one of a kind; ends it. An attacker that ended by itself fails the test. */
void attack_start(struct attack *attack, size_t kind);
void attack_stop(struct attack *attack);

#endif
