/* stack.c: how deep the stack got, by paint. */
#include "board.h"

extern uint32_t board_stack_low[], board_stack_top[];
enum { PAINT = 0x5A5AA5A5 };

__attribute__((noinline)) void board_stack_reset(void)
{
    uint32_t *here = __builtin_frame_address(0);
    for (volatile uint32_t *word = board_stack_low; word < here - 8; word++) *word = PAINT;
}

size_t board_stack_used(void)
{
    const uint32_t *word = board_stack_low;
    while (word < board_stack_top && *word == (uint32_t)PAINT) word++;
    uint32_t *here = __builtin_frame_address(0);
    return word < here ? (size_t)((char *)here - (char *)word) : 0;
}
