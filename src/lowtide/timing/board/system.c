/* system.c: board.h on a system with files, whose program the emulator runs as it is. */
#include "board.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void board_print(const char *text) { board_write(1, text, strlen(text)); }

void board_print_number(uint32_t value, uint32_t base)
{
    char digits[12];
    snprintf(digits, sizeof digits, base == 16 ? "%x" : "%u", (unsigned)value);
    board_print(digits);
}

int board_open(const char *path, const char *mode)
{
    return mode[0] == 'w' ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644) : open(path, O_RDONLY);
}

int board_read(int file, void *to, size_t bytes)
{
    size_t done = 0;
    for (ssize_t n; done < bytes && (n = read(file, (char *)to + done, bytes - done)) != 0; done += (size_t)n)
        if (n < 0) return -1;
    return (int)done;
}

int board_write(int file, const void *from, size_t bytes)
{
    size_t done = 0;
    for (ssize_t n; done < bytes; done += (size_t)n)
        if ((n = write(file, (const char *)from + done, bytes - done)) < 0) return -1;
    return (int)done;
}

_Noreturn void board_exit(int status) { exit(status); }
