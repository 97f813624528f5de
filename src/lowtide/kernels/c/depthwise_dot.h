#ifdef FAMILY_DOT
/* Pixels of a row of a convolution of each channel by itself. A table has where the columns under them lie, row of
   the window by row; those in the padding are a pixel of the zero point. */
struct columns8 { const int8_t *const *table; int columns, flip; };

/* One block of some pixels. Two of them are made of the same words of columns if windows of up to three are one
   apart: for the second, weights move on by one. */
INLINE void sum_columns(const struct columns8 *c, const struct eight *s, int kh, int words, int both, const int8_t *w,
                        int q, int m, int n, sum8 *first, sum8 *second)
{
    for (int ky = 0; ky < kh; ky++)
        for (int k = 0; k < words; k++, w += 4 * BLOCK_8) {
            sum8 x[VECS_16];
            columns8(c->table + ky * c->columns + q * s->stride + 4 * k * s->dilation, s->dilation, m, n, c->flip, x);
            UNROLL8
            for (int t = 0; t < VECS_16; t++) {
                const sum8 v = bytes8(w + 4 * LANES8 * t);
                first[t] = dot8(first[t], weights_of(v), x[t]);
                if (both)
                    second[t] = dot8(second[t], weights_of(shift8(v)), x[t]);
            }
        }
}

INLINE void make_columns(const struct columns8 *c, const struct eight *s, int kh, int words, int both, const int8_t *w,
                         const int32_t *e, int8_t *y, int pixels, int m, int n)
{
    const struct end8 end = end_of(s, e);
    sum8 start[VECS_16];
    UNROLL8
    for (int t = 0; t < VECS_16; t++)
        start[t] = start8(e + t * LANES8, s->from_zero);
    for (int q = 0; q < pixels; q += 1 + both) {
        sum8 first[VECS_16], second[VECS_16];
        UNROLL8
        for (int t = 0; t < VECS_16; t++)
            first[t] = second[t] = start[t];
        sum_columns(c, s, kh, words, both, w, q, m, n, first, second);
        end_block(s, &end, first, y + q * s->os + m, n, NULL);
        if (both && q + 1 < pixels)
            end_block(s, &end, second, y + (q + 1) * s->os + m, n, NULL);
    }
}

PERHAPS void depthwise_eight(const struct eight *s, const int8_t *const *x, const int8_t *w, const struct ending8 *ends,
                             int8_t *y, wide16 *scratch)
{
    const int8_t *table[COLUMNS_DOT8];
    const int words = (s->kw + 3) / 4, both = s->stride == 1 && s->dilation == 1 && s->kw <= 3;
    const int span = (4 * words - 1) * s->dilation + 1, most = (COLUMNS_DOT8 / s->kh - span) / s->stride + 1;
    int8_t *zeros = (int8_t *)scratch;
    for (int i = 0; i < s->co; i++)
        zeros[i] = (int8_t)(s->zero > 127 ? s->zero - 256 : s->zero);
    for (int q = 0; q < s->ow; q += most) {
        const int pixels = s->ow - q < most ? s->ow - q : most, from = q * s->stride - s->before;
        const struct columns8 c = { table, (pixels - 1) * s->stride + span, FLIP8(s->from_zero) };
        const int32_t *e = (const int32_t *)(const void *)ends;
        for (int ky = 0; ky < s->kh; ky++)
            for (int i = 0; i < c.columns; i++) {
                const int8_t *at = column_of(s, x[ky], from + i);
                table[ky * c.columns + i] = at == NULL ? zeros : at;
            }
        for (int m = 0; m < s->co; m += BLOCK_8, e += ENDS_8) {
            const int8_t *v = w + m * 4 * words * s->kh;
            UNKNOWN8(v);
            const int some = s->co - m < BLOCK_8 ? s->co - m : BLOCK_8;
            if (some == BLOCK_8 && s->kh == 3 && both)
                make_columns(&c, s, 3, 1, 1, v, e, y + q * s->os, pixels, m, BLOCK_8);
            else if (some == BLOCK_8)
                make_columns(&c, s, s->kh, words, 0, v, e, y + q * s->os, pixels, m, BLOCK_8);
            else
                make_columns(&c, s, s->kh, words, both, v, e, y + q * s->os, pixels, m, some);
        }
    }
}
#endif
