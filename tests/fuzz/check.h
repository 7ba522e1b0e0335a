/*
 * check.h - whether a reply is one that RFC 5531 and the program's own RFC allow.
 */
#ifndef TESTS_FUZZ_CHECK_H
#define TESTS_FUZZ_CHECK_H

#include "tests/fuzz/generate.h"

/*
 * NULL, or what is wrong with the reply (length 0: none) to this message. Handles in it are added
 * to `handles` (may be NULL). *done (may be NULL): the call was accepted and its status is 0.
 */
const char *check_reply(const uint8_t *message, size_t message_len, const uint8_t *reply,
                        size_t reply_len, struct handles *handles, bool *done);

#endif
