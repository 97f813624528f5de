/* board.h: what a program on an emulated board may ask of it, by semihosting; no libc needed. */
#ifndef BOARD_H
#define BOARD_H
#include <stddef.h>
#include <stdint.h>

void board_print(const char *text);
void board_print_number(uint32_t value, uint32_t base);

/* Files are the host's. All return -1 on failure. */
int board_open(const char *path, const char *mode);   /* "rb" or "wb" */
int board_read(int file, void *to, size_t bytes);     /* bytes read; less at the end */
int board_write(int file, const void *from, size_t bytes);
_Noreturn void board_exit(int status);                /* also what main returns; a fault exits with 70 */

/* The stack lies at the start of RAM, so that one too deep leaves it and faults. */
void board_stack_reset(void);                         /* paint what lies below its caller's own bytes */
size_t board_stack_used(void);                        /* bytes below there, down to the deepest that was written since */

/* Data of the test itself, which are neither RAM nor flash of the device. */
#define BOARD_HOST __attribute__((section(".host")))
#endif
