/*
 * nfsbench.h - what the files of the load generator share.
 *
 * nfsbench.c (options, report) prepares a directory in the export (prepare.c), runs one work on it
 * and removes it. A work is a mix of kinds of calls (works.c), each of which builds a call and
 * judges its reply. load.c keeps so many calls in flight on so many connections; one thread does
 * all of it.
 */
#ifndef BENCH_NFSBENCH_H
#define BENCH_NFSBENCH_H

#include "bench/wire.h"
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#define NAMES       1000u       /* files that are looked up */
#define DATA_SIZE   (64u << 20) /* the file that is read and written */
#define BLOCK_SIZE  (1u << 20)  /* what is written: a word is its own place in the block */
#define DEPTH_MAX   512u
#define LISTING_MAX 65536u /* bytes of a READDIRPLUS reply, as clients ask for */
#define CALL_MAX    512u   /* a call without its data */
#define REPLY_HEAD  256u   /* of a reply, so much is looked at (but of listings all) */

enum kind {
    KIND_NULL,
    KIND_GETATTR,
    KIND_ACCESS,
    KIND_LOOKUP,
    KIND_READ,
    KIND_WRITE,
    KIND_CHURN, /* creates, and then removes what was created */
    KIND_LIST,
    KIND_FILL,  /* creates name after name in a directory */
    KIND_DRAIN, /* and removes them */
    KIND_STORE, /* writes the data file from its beginning to its end */
    KIND_SCAN,  /* lists by READDIR */
    KIND_FIND,  /* looks up any name of a directory of any size */
    KIND_TOUCH, /* asks for the attributes of all known files, in an order */
};

struct share {
    enum kind kind;
    unsigned percent;
};

/* What a run consists of. */
struct work {
    const char *name;
    uint32_t size;    /* of READ and WRITE */
    uint32_t entries; /* in the directory to be listed */
    struct share shares[8];
};

/* What is known of the file that fill_name() calls by its number. */
struct known {
    uint64_t fileid; /* 0: nothing */
    struct wire_fh fh;
};

/* The places in the export where works work. */
struct site {
    struct wire_fh root, top;          /* the export; our directory in it */
    struct wire_fh names, churn, list; /* directories in top */
    struct wire_fh data;
    struct wire_fh files[NAMES]; /* in `names` */
    char top_name[64];
    uint32_t entries; /* in `list` */
};

/* One call in flight, and what its place in the depth remembers between calls. */
struct slot {
    uint32_t xid;
    uint32_t unique; /* among all slots of the run */
    enum kind kind;
    uint64_t start;    /* ns */
    uint64_t argument; /* READ, WRITE: the offset; FILL, DRAIN, FIND, TOUCH: the file's number */
    uint64_t sequence; /* CHURN: how many names were made here */
    bool created;      /* CHURN: the last of them is there still */
    uint64_t cookie, verifier;
    uint32_t listed; /* entries of the listing that is under way */
};

/* A call that was built: its head in the caller's buffer, and its data elsewhere. */
struct message {
    size_t head_len;
    const uint8_t *data;
    size_t data_len;
};

struct run {
    const struct work *work;
    struct site *site;
    const struct wire_fh *directory; /* for FILL, DRAIN and FIND */
    uint64_t count;                  /* calls that are made; 0: until the time is up */
    uint64_t listings;               /* the run ends with so many complete ones; 0: see above */
    /* LIST notes here what it meets, FIND and TOUCH compare with it; by number, or NULL. */
    struct known *known;
    uint32_t files;        /* in `known`, and names that FIND chooses from */
    const uint32_t *order; /* TOUCH: numbers; all of them, again and again */
    uint64_t issued;
    uint64_t random;
    const uint8_t *block; /* BLOCK_SIZE bytes of data */
};

/* works.c */
const struct work *work_find(const char *name);
void work_list(FILE *to);
void block_fill(uint8_t *block);
/* Chooses the slot's next call and builds it. */
void call_build(struct run *run, struct slot *slot, uint8_t buf[CALL_MAX], struct message *out);
/* Whether the whole reply must be there to judge it. */
bool call_wants_whole(const struct slot *slot);
/* Judges a reply. 0, or an NFS status, or CALL_BAD. *units: bytes or entries it brought. */
#define CALL_BAD 0xffffffffu
uint32_t call_check(struct run *run, struct slot *slot, const uint8_t *reply, size_t len,
                    uint64_t *units);
void churn_name(const struct slot *slot, char name[64]);
void fill_name(uint64_t number, char name[64]);

/* load.c */
struct target {
    struct sockaddr_storage address;
    socklen_t address_len;
    uint32_t connections, depth;
    pid_t server;       /* whose CPU time is measured; 0: nobody's */
    uint32_t spin_usec; /* polls for so long before it sleeps */
};

struct outcome {
    uint64_t calls, units, errors;
    uint32_t first_error;
    double seconds, server_cpu; /* seconds */
    uint64_t p50, p99, max;     /* ns */
};

extern volatile sig_atomic_t load_stop;

/* A connected socket, from a reserved port where we may. Negative: errno. */
int load_connect(const struct sockaddr_storage *address, socklen_t len, bool reserved);
/* Runs until `seconds` are over (0: until run->count calls are done). 0 or an errno. */
int load_run(const struct target *target, struct run *run, double seconds, struct outcome *outcome);

/* prepare.c: 0, or an errno after a message. The directory is called as the site says, or, where it
 * says nothing, after the process. */
int site_mount(const struct target *target, uint16_t port, const char *path, struct wire_fh *root);
int site_prepare(struct site *site, const struct target *target, uint16_t mount_port,
                 const char *path, const struct work *work);
int site_remove(struct site *site, const struct target *target, const struct work *work);

#endif
