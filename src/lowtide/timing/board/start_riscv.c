/* start_riscv.c: a program under qemu-riscv32, which has put its data and zeros where they belong. */
#include "board.h"

int main(void);
__attribute__((used)) static void run(void) { board_exit(main()); }
__attribute__((naked)) void board_reset(void)
{
    __asm volatile(".option push\n .option norelax\n la gp, __global_pointer$\n .option pop\n la sp, board_stack_top\n j run");
}
