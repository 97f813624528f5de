/* Runs kernels of whole rows on rows of exactly the size they may touch, each from malloc, so that
   AddressSanitizer sees every element too far. Per case on stdin: int32 kernel (0 conv, 1 depthwise,
   2 max, 3 mean), rows, whether there is a bias, elements of weights; struct rows; whether each
   input row exists; then floats: the rows that exist, the weights, the bias, the output rows as they
   are before. On stdout: the output rows. Where sums grow there is one output row. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef float __attribute__((may_alias)) f32;

#include "kernels.c"

enum { MOST = 64 };

static float *floats(int count)
{
    float *p = malloc(sizeof(float) * (size_t)(count + !count));
    if (!p || fread(p, sizeof(float), (size_t)count, stdin) != (size_t)count)
        exit(2);
    return p;
}

int main(void)
{
    static void (*const kernels[])(const struct rows *, const f32 *const *, f32 *const *, int,
                                   const float *, const float *) = {
        conv_rows, depthwise_rows, max_rows, mean_rows
    };
    int32_t head[4], exists[MOST];
    while (fread(head, sizeof head, 1, stdin) == 1) {
        struct rows s;
        const f32 *x[MOST];
        f32 *y[MOST], *held[2 * MOST];
        int kept = 0, rows = head[1];
        if (fread(&s, sizeof s, 1, stdin) != 1)
            return 2;
        const int count = rows * s.ph * s.kh, made = (s.ow - 1) * s.os + s.co * s.groups;
        if (count > MOST || fread(exists, sizeof(int32_t), (size_t)count, stdin) != (size_t)count)
            return 2;
        for (int k = 0; k < count; k++)
            x[k] = exists[k] ? held[kept++] = floats((s.iw - 1) * s.is + s.ci * s.groups) : NULL;
        float *w = floats(head[3]), *b = head[2] ? floats(s.co * s.groups) : NULL;
        for (int j = 0; j < rows; j++)
            y[j] = s.grows && j ? y[0] : (held[kept++] = floats(made));
        kernels[head[0]](&s, x, y, rows, w, b);
        for (int j = 0; j < (s.grows ? 1 : rows); j++)
            fwrite(y[j], sizeof(float), (size_t)made, stdout);
        while (kept)
            free(held[--kept]);
        free(w);
        free(b);
    }
    return 0;
}
