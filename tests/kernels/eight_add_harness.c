/* Sums of two rows of 8-bit numbers in one arena, where they may lie over each other. Per case on stdin: bytes
   of the arena, where both rows and their sum lie in it, struct eight, struct add8; then the arena. On stdout:
   the arena. On a board (BOARD), a file of the host for each. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#define MAY_ALIAS __attribute__((may_alias))
#include "kernels.c"

#ifdef BOARD
#include "board.h"
static int from, to;
static int8_t pool[2048];
#define NEW(n) ((n) <= sizeof pool ? pool : NULL)
#define FREE(p) ((void)(p))
#define TAKE(p, n) (board_read(from, p, n) == (int)(n))
#define GIVE(p, n) board_write(to, p, n)
#else
#include <stdio.h>
#define NEW(n) malloc(n)
#define FREE(p) free(p)
#define TAKE(p, n) (fread(p, 1, n, stdin) == (n))
#define GIVE(p, n) fwrite(p, 1, n, stdout)
#endif

int main(void)
{
    int32_t head[4];
    struct eight s;
    struct add8 numbers;
#ifdef BOARD
    from = board_open("cases.bin", "rb");
    to = board_open("made.bin", "wb");
#endif
    while (TAKE(head, sizeof head) && TAKE(&s, sizeof s) && TAKE(&numbers, sizeof numbers)) {
        const size_t bytes = (size_t)head[0];
        int8_t *const arena = NEW(bytes);
        if (arena == NULL || !TAKE(arena, bytes))
            return 2;
        const int8_t *const x[] = { arena + head[1], arena + head[2] };
        add_eight(&s, &numbers, x, arena + head[3]);
        GIVE(arena, bytes);
        FREE(arena);
    }
    return 0;
}
