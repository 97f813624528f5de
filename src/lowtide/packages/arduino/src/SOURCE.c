/* The program lies above src/, as everything of the network does. */
#include <limits.h>

#if INT_MAX < 2147483647
#error "@source@ is for boards of 32 bits"
#endif
#ifndef @SOURCE@_WEIGHTS_FILE /* where there is one, the assembler looks for it from src/ */
#define @SOURCE@_WEIGHTS_FILE "../@source@_weights.bin"
#endif

#include "../@source@.c"
