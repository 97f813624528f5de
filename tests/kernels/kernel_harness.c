/* Runs convolution row kernels on rows of exactly the size they may touch, each from malloc, so that
   AddressSanitizer sees every element too far. Per case on stdin: int32 kernel (0 dense, 1 depthwise),
   the 14 fields of struct conv, whether there is a bias, elements of weights, kh times whether the row
   exists; then floats: the rows that exist, the weights, the bias, the output row as it is before.
   On stdout: the output row. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef float f32;

#include "kernels.c"

static float *floats(int count)
{
    float *p = malloc(sizeof(float) * (size_t)count);
    if (!p || fread(p, sizeof(float), (size_t)count, stdin) != (size_t)count)
        exit(2);
    return p;
}

static int extent(int pixels, int stride, int channels)
{
    return (pixels - 1) * abs(stride) + channels;
}

int main(void)
{
    int32_t head[17];
    while (fread(head, sizeof head, 1, stdin) == 1) {
        struct conv s;
        memcpy(&s, head + 1, sizeof s);
        int32_t exists[16];
        if (s.kh > 16 || fread(exists, sizeof(int32_t), (size_t)s.kh, stdin) != (size_t)s.kh)
            return 2;
        float *rows[16];
        const f32 *x[16];
        for (int k = 0; k < s.kh; k++) {
            rows[k] = exists[k] ? floats(extent(s.iw, s.is, s.ci)) : NULL;
            x[k] = rows[k] && s.is < 0 ? rows[k] - (s.iw - 1) * s.is : rows[k];
        }
        float *w = floats(head[16]), *b = head[15] ? floats(s.co) : NULL;
        const int made = extent(s.ow, s.os, s.co);
        float *y = floats(made), *pixel = s.atomic ? malloc(sizeof(float) * (size_t)s.co) : NULL;
        (head[0] ? depthwise_row : conv_row)(&s, x, w, b, y, pixel);
        fwrite(y, sizeof(float), (size_t)made, stdout);
        for (int k = 0; k < s.kh; k++)
            free(rows[k]);
        free(w);
        free(b);
        free(y);
        free(pixel);
    }
    return 0;
}
