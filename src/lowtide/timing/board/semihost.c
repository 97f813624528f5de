/* semihost.c: the host's files, console and exit through semihosting. */
#include "board.h"

enum { OPEN = 1, WRITE0 = 4, WRITE = 5, READ = 6, EXIT_EXTENDED = 32 };

static int32_t host(uint32_t operation, const void *block)
{
#if defined __riscv
    register uint32_t a0 __asm("a0") = operation;
    register const void *a1 __asm("a1") = block;
    __asm volatile(".option push\n.option norvc\nslli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n.option pop" : "+r"(a0) : "r"(a1) : "memory");
    return (int32_t)a0;
#else
    register uint32_t r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = block;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
#endif
}

void board_print(const char *text) { host(WRITE0, text); }

void board_print_number(uint32_t value, uint32_t base)
{
    char digits[12], *at = digits + sizeof digits - 1;
    *at = 0;
    do *--at = "0123456789abcdef"[value % base];
    while (value /= base);
    board_print(at);
}

int board_open(const char *path, const char *mode)
{
    size_t length = 0;
    while (path[length]) length++;
    const uint32_t block[3] = {(uint32_t)path, mode[0] == 'w' ? 5 : 1, length};
    return (int)host(OPEN, block);
}

int board_read(int file, void *to, size_t bytes)
{
    const uint32_t block[3] = {(uint32_t)file, (uint32_t)to, bytes};
    const int32_t left = host(READ, block);         /* semihosting says what was not read */
    return left < 0 || (uint32_t)left > bytes ? -1 : (int)(bytes - (uint32_t)left);
}

int board_write(int file, const void *from, size_t bytes)
{
    const uint32_t block[3] = {(uint32_t)file, (uint32_t)from, bytes};
    return host(WRITE, block) == 0 ? (int)bytes : -1;
}

_Noreturn void board_exit(int status)
{
    const uint32_t block[2] = {0x20026, (uint32_t)status};
    for (;;) host(EXIT_EXTENDED, block);
}
