/* stack.c: how deep the stack got, by paint. */
#include "board.h"

#if defined __linux__
#define LOWEST(here) ((here) - (64 << 10) / 4)        /* the system has put more than this there */
#else
extern uint32_t board_stack_low[];
#define LOWEST(here) board_stack_low
#endif
#ifdef __riscv
#define MOVE "mv"
#else
#define MOVE "mov"
#endif
enum { PAINT = 0x5A5AA5A5 };
static uint32_t *from;                                /* where the caller's own bytes end */

__attribute__((noinline)) void board_stack_reset(void)
{
    uint32_t *here;
    from = __builtin_dwarf_cfa();
    __asm__ volatile(MOVE " %0, sp" : "=r"(here));
    for (volatile uint32_t *word = LOWEST(here); word < here; word++) *word = PAINT;
}

size_t board_stack_used(void)
{
    const volatile uint32_t *word = LOWEST(from);
    while (word < from && *word == (uint32_t)PAINT) word++;
    return (size_t)((uintptr_t)from - (uintptr_t)word);
}
