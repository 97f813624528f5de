/* One row of a dense convolution. w is [kh][kw][ci][co]; sums run over ky, kx, i in that order. */
static void conv_row(const struct conv *s, const f32 *const *x, const float *w, const float *b,
                     f32 *y, float *pixel)
{
    for (int k = 0; k < s->ow; k++) {
        const int q = s->back ? s->ow - 1 - k : k;
        f32 *made = pixel ? pixel : y + q * s->os;
        for (int m = 0; m < s->co; m += CONV_BLOCK) {
            const int n = s->co - m < CONV_BLOCK ? s->co - m : CONV_BLOCK;
            float acc[CONV_BLOCK] = { 0.0f };
            for (int t = 0; t < n; t++)
                acc[t] = b ? b[m + t] : 0.0f;
            for (int ky = 0; ky < s->kh; ky++) {
                for (int kx = 0; kx < s->kw; kx++) {
                    const int column = q * s->sw - s->pw + kx * s->dw;
                    if (x[ky] == NULL || column < 0 || column >= s->iw)
                        continue;
                    KEEP_BRANCH;
                    const f32 *a = x[ky] + column * s->is;
                    const float *v = w + (size_t)(ky * s->kw + kx) * s->ci * s->co + m;
                    if (n == CONV_BLOCK) {
                        for (int i = 0; i < s->ci; i++, v += s->co)
                            for (int t = 0; t < CONV_BLOCK; t++)
                                acc[t] += a[i] * v[t];
                    } else {
                        for (int i = 0; i < s->ci; i++, v += s->co)
                            for (int t = 0; t < n; t++)
                                acc[t] += a[i] * v[t];
                    }
                }
            }
            for (int t = 0; t < n; t++)
                made[m + t] = acc[t];
        }
        for (int m = 0; m < s->co && pixel; m++)
            y[q * s->os + m] = pixel[m];
    }
}
