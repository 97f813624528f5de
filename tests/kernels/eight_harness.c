/* Runs kernels of 8-bit numbers on rows of exactly the size they may touch, each from malloc, so that
   AddressSanitizer sees every element too far; without it the page behind each may not be touched, and
   on a board the 32 bytes behind four of them by turns. Per case on stdin: int32 kernel (0 convolution, 1 of each
   channel by itself, 2 added up, 3 a dense layer, 4 of each channel in steps), bytes of weights, of endings and of scratch; struct eight; whether each input row exists; then the rows that exist, the
   weights, the endings, the output row as it is before. On stdout: the output row. On a board
   (BOARD), a file of the host for each, named on the command line. */
#define _DEFAULT_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#define MAY_ALIAS __attribute__((may_alias))
#include "kernels.c"

enum { BEHIND = 32 };
#ifdef BOARD
#include "board.h"
static unsigned char pool[1 << 20] BOARD_HOST __attribute__((aligned(BEHIND)));
static size_t used;
static int from, to;
#define exit(status) board_exit(status)
#define TAKE(p, n) (board_read(from, p, n) == (int)(n))
#define GIVE(p, n) board_write(to, p, n)
#ifdef __ARM_ARCH
/* The MPU's regions behind those of start.c: from v8-M on a byte of two regions may not be touched.
   Of nothing: a region is free again. */
static void forbid(const unsigned char *at, uint32_t number)
{
    volatile uint32_t *const mpu = (volatile uint32_t *)0xE000ED98;
    mpu[0] = 4 + number;
    mpu[1] = (uint32_t)at;
    mpu[2] = at == NULL ? 0 : __ARM_ARCH >= 8 ? (uint32_t)at | 1 : 1u << 28 | 4 << 1 | 1;
    __asm volatile("dsb\n isb" ::: "memory");
}
#else
#define forbid(at, number) (void)(at)
#endif
static void *new(size_t count)
{
    used = (used + count + BEHIND - 1) / BEHIND * BEHIND + BEHIND;
    return pool + used - BEHIND - count;
}
#else
#include <stdio.h>
#define TAKE(p, n) (fread(p, 1, n, stdin) == (n))
#define GIVE(p, n) fwrite(p, 1, n, stdout)
#define forbid(at, number) (void)(at)
#if defined __linux__ && !defined __SANITIZE_ADDRESS__
#include <sys/mman.h>
static void *new(size_t count)
{
    const size_t page = 1 << 12, whole = (count + page - 1) / page * page;
    char *p = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p + whole, page, PROT_NONE))
        exit(2);
    return p + whole - count;
}
#define free(p) (void)(p)
#else
#define new(count) malloc(count)
#endif
#endif

enum { MOST = 16 };
static void *held[MOST + 4];
static size_t sizes[MOST + 4];
static int kept;

static void *bytes(size_t count, int read)
{
    sizes[kept] = count + !count;
    void *p = held[kept] = new(sizes[kept]);
    kept++;
    if (!p || (read && !TAKE(p, count)))
        exit(2);
    return p;
}

int main(void)
{
    int32_t head[4], exists[MOST], turn = 0;
#ifdef BOARD
    from = board_open("cases.bin", "rb");
    to = board_open("made.bin", "wb");
#endif
    while (TAKE(head, sizeof head)) {
        struct eight s;
        const int8_t *x[MOST];
        if (!TAKE(&s, sizeof s) || !TAKE(exists, sizeof(int32_t) * (size_t)s.kh))
            return 2;
        for (int k = 0; k < s.kh; k++)
            x[k] = exists[k] ? bytes((size_t)((s.iw - 1) * s.is + s.ci), 1) : NULL;
        const int8_t *w = bytes((size_t)head[1], 1);
        const struct ending8 *e = bytes((size_t)head[2], 1);
        const size_t made = head[0] == 2 ? 4 * (size_t)s.co : (size_t)((s.ow - 1) * s.os + s.co);
        void *y = bytes(made, 1), *scratch = bytes((size_t)head[3], 0);
        for (int k = 0; k < 4; k++, turn++)
            forbid((unsigned char *)held[turn % kept] + sizes[turn % kept], k);
#ifdef TOO_FAR
        (void)((volatile int8_t *)held[(turn - 1) % kept])[sizes[(turn - 1) % kept]];
#endif
        if (head[0] == 2)
            conv_eight_sums(&s, x, w, e, y, scratch);
        else
            (head[0] == 4 ? depthwise_eight_steps : head[0] == 3 ? dense_eight : head[0] ? depthwise_eight : conv_eight)(&s, x, w, e, y, scratch);
        for (int k = 0; k < 4; k++)
            forbid(NULL, k);
        GIVE(y, made);
#ifdef BOARD
        used = 0;
        kept = 0;
#else
        while (kept)
            free(held[--kept]);
#endif
    }
    return 0;
}
