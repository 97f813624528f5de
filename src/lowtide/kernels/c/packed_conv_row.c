/* acc += a * v over some inputs of some pixels; a pixel that is NULL lies in the padding. */
static inline void packed_sum(float (*acc)[CONV_BLOCK], const f32 *const *a, int pixels, int i,
                              int inputs, float (*v)[CONV_BLOCK], int n)
{
    for (int p = 0; p < pixels; p++) {
        KEEP_BRANCH;
        if (a[p] == NULL)
            continue;
        for (int j = 0; j < inputs; j++)
            for (int t = 0; t < n; t++)
                acc[p][t] += a[p][i + j] * v[j][t];
    }
}

/* conv_row with packed weights [kh][kw][ci][co]: what is unpacked serves some pixels at a time. */
static void packed_conv_row(const struct conv *s, const f32 *const *x, const struct packed *w,
                            const float *b, f32 *y, float *pixel)
{
    const int step = packed_step(s, pixel);
    for (int k = 0; k < s->ow; k += step) {
        const int pixels = s->ow - k < step ? s->ow - k : step;
        for (int m = 0; m < s->co; m += CONV_BLOCK) {
            const int n = s->co - m < CONV_BLOCK ? s->co - m : CONV_BLOCK;
            float acc[PACKED_PIXELS][CONV_BLOCK], v[PACKED_INPUTS][CONV_BLOCK], scale[CONV_BLOCK];
            packed_start(w, b, m, n, pixels, acc, scale);
            for (int tap = 0; tap < s->kh * s->kw; tap++) {
                const f32 *a[PACKED_PIXELS];
                if (!packed_pixels(s, x, tap, k, pixels, a))
                    continue;
                for (int i = 0; i < s->ci; i += PACKED_INPUTS) {
                    const int inputs = s->ci - i < PACKED_INPUTS ? s->ci - i : PACKED_INPUTS;
                    unpack(w, ((size_t)tap * s->ci + i) * s->co + m, (size_t)s->co, inputs, n, scale, v[0],
                           CONV_BLOCK);
                    if (n == CONV_BLOCK)
                        packed_sum(acc, a, pixels, i, inputs, v, CONV_BLOCK);
                    else
                        packed_sum(acc, a, pixels, i, inputs, v, n);
                }
            }
            packed_end(s, k, m, n, pixels, acc, y, pixel);
        }
        for (int m = 0; m < s->co && pixel; m++)
            y[(s->back ? s->ow - 1 - k : k) * s->os + m] = pixel[m];
    }
}
