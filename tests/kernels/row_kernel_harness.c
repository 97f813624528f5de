/* Runs kernels of whole rows on rows of exactly the size they may touch, each from malloc, so that
   AddressSanitizer sees every element too far. Per case on stdin: int32 kernel (0 conv, 1 depthwise,
   2 max, 3 mean, 4 conv of packed weights), rows, whether there is a bias, elements of weights (of
   packed ones: bytes of codes), and bits, centred, halves, outputs that share a scale, floats of room;
   struct rows; whether each input row exists; then floats: the rows that exist, the weights (codes and scales), the
   bias, the output rows as they are before. On stdout: the output rows. Where sums grow there is one output row. On a board (BOARD) both are files of
   the host. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef float __attribute__((may_alias)) f32;

#include "kernels.c"

#ifdef BOARD
#include "board.h"
static unsigned char pool[1 << 20] BOARD_HOST __attribute__((aligned(8)));
static size_t used;
static int from_host, to_host;
#define exit(status) board_exit(status)
#define TAKE(p, n) (board_read(from_host, p, n) == (int)(n))
#define GIVE(p, n) board_write(to_host, p, n)
#define NEW(n) (used += ((n) + 7) / 8 * 8, pool + used - ((n) + 7) / 8 * 8)
#define FREE(p) ((void)(p), used = 0)
#else
#include <stdio.h>
#define TAKE(p, n) (fread(p, 1, n, stdin) == (n))
#define GIVE(p, n) fwrite(p, 1, n, stdout)
#define NEW(n) malloc(n)
#define FREE(p) free(p)
#endif

enum { MOST = 64 };

static void *taken(int bytes)
{
    void *p = NEW((size_t)(bytes + !bytes));
    if (!p || !TAKE(p, (size_t)bytes))
        exit(2);
    return p;
}

static float *floats(int count)
{
    return taken((int)sizeof(float) * count);
}

int main(void)
{
    static void (*const kernels[])(const struct rows *, const f32 *const *, f32 *const *, int,
                                   const float *, const float *) = {
        conv_rows, depthwise_rows, max_rows, mean_rows
    };
    int32_t head[9], exists[MOST];
#ifdef BOARD
    from_host = board_open("cases.bin", "rb");
    to_host = board_open("made.bin", "wb");
#endif
    while (TAKE(head, sizeof head)) {
        struct rows s;
        const f32 *x[MOST];
        f32 *y[MOST], *held[2 * MOST];
        int kept = 0, rows = head[1];
        if (!TAKE(&s, sizeof s))
            return 2;
        const int count = rows * s.ph * s.kh, made = (s.ow - 1) * s.os + s.co * s.groups;
        if (count > MOST || !TAKE(exists, sizeof(int32_t) * (size_t)count))
            return 2;
        for (int k = 0; k < count; k++)
            x[k] = exists[k] ? held[kept++] = floats((s.iw - 1) * s.is + s.ci * s.groups) : NULL;
        const int packed = head[0] == 4;
        void *w = packed ? taken(head[3]) : floats(head[3]);
        void *scales = packed ? taken((head[6] ? 2 : 4) * (s.co * s.groups / head[7])) : NULL;
        float *b = head[2] ? floats(s.co * s.groups) : NULL;
        for (int j = 0; j < rows; j++)
            y[j] = s.grows && j ? y[0] : (held[kept++] = floats(made));
        f32 *room = NEW(sizeof(float) * (size_t)head[8]);
        const struct packed codes = { w, scales, head[4], head[5], head[6], head[7], head[8] };
        if (packed)
            packed_conv_rows(&s, x, y, rows, &codes, b, room);
        else
            kernels[head[0]](&s, x, y, rows, w, b);
        for (int j = 0; j < (s.grows ? 1 : rows); j++)
            GIVE(y[j], sizeof(float) * (size_t)made);
        while (kept)
            FREE(held[--kept]);
        FREE(w);
        FREE(scales);
        FREE(room);
        FREE(b);
    }
    return 0;
}
