/* general_conv.c: conv_eight(), the convolution that 8-bit networks have, for every shape within bounds, any inputs,
   weights and endings. Rows, weights, scratch and output are as large as the planner makes them, to the byte.
   bench/proofs.py puts it behind a program's C. */
#include "net.c"
#include <stdlib.h>
#include "__fc_builtin.h"

static void *any(int bytes)
{
    char *made = malloc((size_t)bytes);
    Frama_C_make_unknown(made, (size_t)bytes);
    return made;
}

static void one(int kh, int kw, int stride, int dilation, int before, int ci, int co, int iw, int pixels, int last_first, int plain, int padding)
{
    const int span = (kw - 1) * dilation + 1, room = iw + 2 * before - span;
    if (room < 0)
        return;
    const int slides = ci % 4 == 0 && kw == 3 && dilation == 1, together = dilation == 1 ? kw : 1;
    const int words = kh * (kw / together) * ((together * ci + 1) / 2), bytes = 4 * (words + words % 2);
    const int held = stride == 1 ? pixels + 2 : 2 * pixels + 1, pairs = (co + 1) / 2;
    const struct eight s = {
        .kh = kh, .kw = kw, .stride = stride, .dilation = dilation, .before = before, .iw = iw, .is = ci, .ci = ci,
        .zero = Frama_C_interval(-128, 127), .from_zero = 0, .ow = room / stride + 1, .os = co, .co = co, .pixels = pixels,
        .ending = TWICE, .low = plain ? -128 : Frama_C_interval(-127, 127), .high = plain ? 127 : Frama_C_interval(-127, 127), .back = last_first,
        .group = pixels
    };
    const int8_t *x[3];
    for (int k = 0; k < kh; k++)
        x[k] = k == padding ? NULL : any((iw - 1) * ci + ci);
    int8_t *w = any(bytes * pairs), *y = malloc((size_t)((s.ow - 1) * co + co));
    struct ending8 *e = any((int)sizeof *e * 2 * pairs);
    for (int k = 0; k < 2 * pairs; k++) {
        e[k].start = Frama_C_interval(-(1 << 29), 1 << 29);
        e[k].m = Frama_C_interval(0, 0x7f000000);
        e[k].shift = Frama_C_interval(1, 22);
        e[k].round = Frama_C_interval(-(1 << 20), 1 << 20);
    }
    wide16 *scratch = any(slides ? 2 * kh * ci * held : bytes * pixels);
    conv_eight(&s, x, w, e, y, scratch);
    for (int k = 0; k < kh; k++)
        free((void *)x[k]);
    free(w), free(y), free(e), free(scratch);
}

#ifdef ALL
static const int high[] = { 1, 2, 3 }, wide_[] = { 1, 2, 3 }, deep[] = { 1, 2, 3, 4, 8 }, out[] = { 1, 2, 3 }, width[] = { 1, 4, 6 };
#else
static const int high[] = { 1, 2 }, wide_[] = { 1, 3 }, deep[] = { 3, 4 }, out[] = { 3 }, width[] = { 4 };
#endif
#define EACH(i, of) for (int i = 0; i < (int)(sizeof of / sizeof *of); i++)

int main(void)
{
    int turn = 0;
    EACH(a, high) EACH(b, wide_) EACH(c, deep) EACH(d, out) EACH(f, width)
        for (int k = 0; k < 8; k++)
            for (int pixels = 1; pixels <= 4; pixels *= 2, turn++)
                one(high[a], wide_[b], 1 + k % 2, 1 + k / 2 % 2, k / 4, deep[c], out[d], width[f], pixels, turn % 2, turn / 2 % 2, turn % 5 - 2);
    return 0;
}
