/* sums += inputs * v of one pixel, for n channels. */
static inline void packed_sum(f32 *sums, const f32 *inputs, int count, const f32 *v, int n)
{
    float acc[CONV_BLOCK];
    for (int t = 0; t < n; t++)
        acc[t] = sums[t];
    for (int j = 0; j < count; j++, v += n) {
        const float input = inputs[j];
        for (int t = 0; t < n; t++)
            acc[t] += input * v[t];
    }
    for (int t = 0; t < n; t++)
        sums[t] = acc[t];
}

/* n channels from m on of some pixels, in `room`: their scales, their sums, what is unpacked. */
static void packed_block(const struct conv *s, const f32 *const *x, const struct packed *w, const float *b,
                         int k, int pixels, int m, int n, f32 *room)
{
    f32 *const scale = room, *const sums = scale + n, *const v = sums + PACKED_PIXELS * n;
    unpack_scales(w, m, n, scale);
    for (int p = 0; p < pixels; p++)
        for (int t = 0; t < n; t++)
            sums[p * n + t] = b ? b[m + t] : 0.0f;
    for (int tap = 0; tap < s->kh * s->kw; tap++) {
        for (int i = 0; i < s->ci && x[tap / s->kw]; i += PACKED_INPUTS) {
            const int inputs = s->ci - i < PACKED_INPUTS ? s->ci - i : PACKED_INPUTS;
            const size_t all = (size_t)s->co, first = (size_t)(tap * s->ci + i) * all + (size_t)m;
            unpack(w, first, all, inputs, n, scale, v, n);
            for (int p = 0; p < pixels; p++) {
                const f32 *a = packed_input(s, x, tap, packed_pixel(s, k + p));
                KEEP_BRANCH;
                if (a && n == CONV_BLOCK)
                    packed_sum(sums + p * n, a + i, inputs, v, CONV_BLOCK);
                else if (a)
                    packed_sum(sums + p * n, a + i, inputs, v, n);
            }
        }
    }
}

/* conv_row with packed weights [kh][kw][ci][co]: what is unpacked serves some pixels at a time. */
static void packed_conv_row(const struct conv *s, const f32 *const *x, const struct packed *w,
                            const float *b, f32 *y, float *pixel, f32 *room)
{
    const int step = packed_step(s, pixel, CONV_BLOCK, PACKED_PIXELS);
    for (int k = 0; k < s->ow; k += step) {
        const int pixels = s->ow - k < step ? s->ow - k : step;
        for (int m = 0; m < s->co; m += CONV_BLOCK) {
            const int n = s->co - m < CONV_BLOCK ? s->co - m : CONV_BLOCK;
            const f32 *sums = room + n;
            packed_block(s, x, w, b, k, pixels, m, n, room);
            for (int p = 0; p < pixels; p++, sums += n)
                for (int t = 0; t < n; t++)
                    *(pixel ? pixel + m + t : y + packed_pixel(s, k + p) * s->os + m + t) = sums[t];
        }
        for (int m = 0; m < s->co && pixel; m++)
            y[packed_pixel(s, k) * s->os + m] = pixel[m];
    }
}
