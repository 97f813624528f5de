/* Runs the convolution row kernels that unpack low-bit weights, on rows, codes and scales of exactly
   the size they may touch, each from malloc, so that AddressSanitizer sees every element too far. Per
   case on stdin: int32 kernel (0 dense, 1 depthwise), the 14 fields of struct conv, whether there is a
   bias, bits, centred, halves, outputs that share a scale, bytes of codes, floats of room, kh times
   whether the row exists; then the rows that exist, the codes, the scales, the bias, the output row as it is before.
   On stdout: the output row. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef float f32;
enum { BITS_1 = 1, BITS_2, BITS_3, BITS_4, BITS_5, BITS_6, BITS_7, BITS_8, BITS_ANY };

#include "kernels.c"

static void *taken(size_t size, size_t count)
{
    void *p = malloc(size * count);
    if (!p || fread(p, size, count, stdin) != count)
        exit(2);
    return p;
}

static int extent(int pixels, int stride, int channels)
{
    return (pixels - 1) * abs(stride) + channels;
}

int main(void)
{
    int32_t head[22], exists[16];
    while (fread(head, sizeof head, 1, stdin) == 1) {
        struct conv s;
        memcpy(&s, head + 1, sizeof s);
        if (s.kh > 16 || fread(exists, sizeof(int32_t), (size_t)s.kh, stdin) != (size_t)s.kh)
            return 2;
        float *rows[16];
        const f32 *x[16];
        for (int k = 0; k < s.kh; k++) {
            rows[k] = exists[k] ? taken(sizeof(float), (size_t)extent(s.iw, s.is, s.ci)) : NULL;
            x[k] = rows[k] && s.is < 0 ? rows[k] - (s.iw - 1) * s.is : rows[k];
        }
        uint8_t *codes = taken(1, (size_t)head[20]);
        void *scales = taken(head[18] ? 2 : 4, (size_t)(s.co / head[19]));
        float *room = malloc(sizeof(float) * (size_t)head[21]);
        const struct packed w = { codes, scales, head[16], head[17], head[18], head[19], head[21] };
        float *b = head[15] ? taken(sizeof(float), (size_t)s.co) : NULL;
        const int made = extent(s.ow, s.os, s.co);
        float *y = taken(sizeof(float), (size_t)made);
        float *pixel = s.atomic && s.group == 1 ? malloc(sizeof(float) * (size_t)s.co) : NULL;
        (head[0] ? packed_depthwise_row : packed_conv_row)(&s, x, &w, b, y, pixel, room);
        fwrite(y, sizeof(float), (size_t)made, stdout);
        for (int k = 0; k < s.kh; k++)
            free(rows[k]);
        free(codes);
        free(room);
        free(scales);
        free(b);
        free(y);
        free(pixel);
    }
    return 0;
}
