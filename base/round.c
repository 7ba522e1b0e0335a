/*
 * round.c - see round.h.
 */
#include "base/round.h"

_Thread_local uint64_t round_number;
_Thread_local bool round_last;
