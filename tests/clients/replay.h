/*
 * replay.h - plays a client's conversation with the server from a script, byte by byte.
 *
 * The tests of this folder call it. A script (scripts/NAME.rpc) holds the calls of one client as
 * the words that client sends, and the replies it must get; nothing of a message is made by code
 * that another client's test also uses, and nothing is decoded by the server's own XDR. Whatever
 * differs (a word, a length, a byte too many) fails the test with the script's line and both
 * messages in hexadecimal. docs of the language: scripts/README.md.
 */
#ifndef TESTS_CLIENTS_REPLAY_H
#define TESTS_CLIENTS_REPLAY_H

#include <stdint.h>

struct replay;

/* Talks to `server`, a numeric address. Never NULL. */
struct replay *replay_create(const char *server);
void replay_destroy(struct replay *replay);

/* What a script names $name: a word, or a counted string. */
void replay_set_word(struct replay *replay, const char *name, uint32_t value);
void replay_set_string(struct replay *replay, const char *name, const char *value);
/* What the script remembered as a word; fails the test where it did not. */
uint32_t replay_word(struct replay *replay, const char *name);

/* Plays scripts/`script_name`; fails the test at the first difference. */
void replay_run(struct replay *replay, const char *script_name);

#endif
