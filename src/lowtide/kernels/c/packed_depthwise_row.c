/* depthwise_row with packed weights [kh][kw][c]: what is unpacked serves some pixels at a time. */
static void packed_depthwise_row(const struct conv *s, const f32 *const *x,
                                 const struct packed *w, const float *b, f32 *y, float *pixel)
{
    const int step = packed_step(s, pixel);
    for (int k = 0; k < s->ow; k += step) {
        const int pixels = s->ow - k < step ? s->ow - k : step;
        for (int m = 0; m < s->co; m += CONV_BLOCK) {
            const int n = s->co - m < CONV_BLOCK ? s->co - m : CONV_BLOCK;
            float acc[PACKED_PIXELS][CONV_BLOCK], v[CONV_BLOCK], scale[CONV_BLOCK];
            packed_start(w, b, m, n, pixels, acc, scale);
            for (int tap = 0; tap < s->kh * s->kw; tap++) {
                const f32 *a[PACKED_PIXELS];
                if (!packed_pixels(s, x, tap, k, pixels, a))
                    continue;
                unpack(w, (size_t)tap * s->co + m, 0, 1, n, scale, v, 0);
                for (int p = 0; p < pixels; p++) {
                    KEEP_BRANCH;
                    if (a[p] == NULL)
                        continue;
                    for (int t = 0; t < n; t++)
                        acc[p][t] += a[p][m + t] * v[t];
                }
            }
            packed_end(s, k, m, n, pixels, acc, y, pixel);
        }
        for (int m = 0; m < s->co && pixel; m++)
            y[(s->back ? s->ow - 1 - k : k) * s->os + m] = pixel[m];
    }
}
