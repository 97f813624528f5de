#if defined __SSE__ || defined __aarch64__
enum { EACH_TWO = 1 }; /* every other input: vectors */
#else
enum { EACH_TWO = 0 };
#endif

/* acc += inputs * v of n channels, `each` inputs of each. */
INLINE void packed_each(float *acc, const f32 *inputs, int each, const f32 *v, int wide, int n)
{
    for (int i = 0; i < each; i++)
        for (int t = 0; t < n; t++)
            acc[t] += inputs[t * each + i] * v[i * wide + t];
}

/* Some channels of a pixel, each of its own inputs: depthwise_row with packed weights [kh][kw][ci][co], ci
   of a channel. All taps of some channels are unpacked, and serve all pixels of a step. */
static void packed_depthwise_row(const struct conv *s, const f32 *const *x,
                                 const struct packed *w, const float *b, f32 *y, float *pixel, f32 *room)
{
    const int each = s->ci / s->co, taps = s->kh * s->kw, wide = w->floats / (taps * each + 1);
    const int step = packed_step(s, pixel, wide, s->co > wide ? PACKED_PIXELS : s->ow);
    f32 *const scale = room, *const unpacked = scale + wide;
    for (int k = 0; k < s->ow; k += step) {
        for (int m = 0; m < s->co; m += wide) {
            const int n = s->co - m < wide ? s->co - m : wide;
            unpack_scales(w, m, n, scale);
            unpack(w, (size_t)m, (size_t)s->co, taps * each, n, scale, unpacked, wide);
            for (int p = 0; p < step && k + p < s->ow; p++) {
                const int q = packed_pixel(s, k + p);
                float acc[CONV_BLOCK];
                for (int t = 0; t < n; t++)
                    acc[t] = b ? b[m + t] : 0.0f;
                const f32 *v = unpacked;
                for (int tap = 0; tap < taps; tap++, v += each * wide) {
                    const f32 *a = packed_input(s, x, tap, q);
                    KEEP_BRANCH;
                    if (a == NULL)
                        continue;
                    if (EACH_TWO && each == 2)
                        packed_each(acc, a + 2 * m, 2, v, wide, n);
                    else
                        packed_each(acc, a + m * each, each, v, wide, n);
                }
                for (int t = 0; t < n; t++)
                    *(pixel ? pixel + m + t : y + q * s->os + m + t) = acc[t];
            }
        }
        for (int m = 0; m < s->co && pixel; m++)
            y[packed_pixel(s, k) * s->os + m] = pixel[m];
    }
}
