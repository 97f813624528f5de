/* stack.c: how deep the stack got, by paint. */
#include "board.h"

#if defined __linux__
#define LOWEST(here) ((here) - (64 << 10) / 4)        /* the system has put more than this there */
#else
extern uint32_t board_stack_low[];
#define LOWEST(here) board_stack_low
#endif
enum { PAINT = 0x5A5AA5A5 };

__attribute__((noinline)) void board_stack_reset(void)
{
    uint32_t *here = __builtin_frame_address(0);
    for (volatile uint32_t *word = LOWEST(here); word < here - 8; word++) *word = PAINT;
}

size_t board_stack_used(void)
{
    uint32_t *here = __builtin_frame_address(0);
    const volatile uint32_t *word = LOWEST(here);
    while (word < here && *word == (uint32_t)PAINT) word++;
    return word < here ? (size_t)((uintptr_t)here - (uintptr_t)word) : 0;
}
