/*
 * replay_internal.h - the parts of the replay engine as they see each other.
 *
 * replay.c reads scripts, replay_state.c keeps variables; replay_wire.c has the sockets;
 * replay_build.c turns the tokens of a call into bytes, replay_match.c holds a reply against its
 * tokens.
 */
#ifndef TESTS_CLIENTS_REPLAY_INTERNAL_H
#define TESTS_CLIENTS_REPLAY_INTERNAL_H

#include "tests/clients/replay.h"
#include "tests/lib/test.h"
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define REPLAY_MESSAGE_MAX ((size_t)1100 * 1024)
#define REPLAY_SOCKETS_MAX 8

/* A call, or the reply to it. */
struct replay_message {
    uint8_t *bytes; /* REPLAY_MESSAGE_MAX */
    size_t len;
};

/* Something remembered. A word and raw bytes are sent as they are, counted ones with their length
 * and padding. */
struct replay_variable {
    char name[288]; /* "entry/" and a name of 255 bytes */
    bool counted;
    size_t len;
    uint8_t bytes[1024];
};

struct replay_macro {
    char *name;
    char *tokens;
};

struct replay_name {
    char *name;
    uint32_t cookie; /* of a directory entry: the half that clients with 32-bit cookies keep */
};

struct replay_socket {
    char name[16];
    int fd;
    bool is_datagram;
};

struct replay {
    char server[INET6_ADDRSTRLEN];
    struct replay_variable *variables;
    size_t nvariables;
    struct replay_macro macros[64];
    size_t nmacros;
    struct replay_socket sockets[REPLAY_SOCKETS_MAX];
    size_t nsockets;
    struct replay_socket *current;
    bool reserved_source; /* sockets opened from now on have a source port below 1024 */
    size_t fragment;      /* bytes a record fragment of a TCP call; 0: all in one */

    struct replay_message call, reply;
    uint32_t xid;
    struct replay_name *listed; /* what the lists of replies have collected */
    size_t nlisted;

    const char *script; /* where we are, for messages */
    int line;
};

/* Fails the test with the place in the script and both messages. */
void replay_fail(const struct replay *replay, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

struct replay_variable *replay_find(struct replay *replay, const char *name);
/* As replay_find, but fails the test where there is none. */
struct replay_variable *replay_need(struct replay *replay, const char *name);
void replay_remember(struct replay *replay, const char *name, bool counted, const void *bytes,
                     size_t len);
/* Adds a name to the listing; fails the test where it, or its cookie, is there already. Cookie 0:
 * it has none. */
void replay_list_name(struct replay *replay, const char *name, uint32_t cookie);
void replay_list_clear(struct replay *replay);
void replay_macros_clear(struct replay *replay);
/* The definition of @name; fails the test where there is none. */
const char *replay_macro_find(struct replay *replay, const char *name);

/* Copies the next token to `token`, in quotes as it is; returns what follows, NULL at the end. */
const char *replay_token(const struct replay *replay, const char *text, char *token, size_t size);
/* Byte `offset` of the pattern that files of the tests hold. */
uint8_t replay_pattern(uint64_t offset);
uint32_t replay_get_word(const uint8_t *bytes);
void replay_put_word(uint8_t *bytes, uint32_t word);

/* Appends the tokens' bytes to the call. */
void replay_build(struct replay *replay, const char *tokens);
/* Holds the reply against the tokens, to its last byte. */
void replay_match(struct replay *replay, const char *tokens);

void replay_open(struct replay *replay, const char *name, bool is_datagram, uint16_t port);
void replay_use(struct replay *replay, const char *name);
void replay_send(struct replay *replay);
/* Receives the reply; where `wanted` is false, fails if one comes within 200 ms. */
void replay_receive(struct replay *replay, bool wanted);
/* The peer must have closed the connection. */
void replay_expect_closed(struct replay *replay);
void replay_close_all(struct replay *replay);

#endif
