/* What is made of the elements of a window in one channel. */
enum window { PRODUCTS, LARGEST, MEAN };

/* Pixels of one row that are made at a time. */
enum { SPAN = 8 };

/* The columns that SPAN pixels read, in each row of their windows: of `phases` kinds, by what is left
   of their number divided by the stride, so that those under a tap lie side by side. */
struct span {
    const f32 *x[COLUMNS];
    int phases, deep;
};

/* Finds the columns of the pixels whose windows begin at column `first` and behind; `padding` stands
   for those outside. */
INLINE void find_span(const struct rows *s, const f32 *const *rows, int first,
                      const f32 *padding, struct span *a)
{
    const int wide = (s->kw - 1) * s->dilation;
    const f32 **x = a->x;
    a->phases = s->stride <= wide ? s->stride : wide + 1;
    a->deep = SPAN + wide / s->stride;
    for (int ky = 0; ky < s->kh; ky++)
        for (int phase = 0; phase < a->phases; phase++, x += a->deep) {
            int column = first + phase, k = 0;
            for (; k < a->deep && (column < 0 || !rows[ky]); k++, column += s->stride)
                x[k] = padding;
            for (; k < a->deep && column < s->iw; k++, column += s->stride)
                x[k] = rows[ky] + column * s->is;
            for (; k < a->deep; k++)
                x[k] = padding;
        }
}

/* Sums up the windows of a span in the channels from m on; w is of tap 0 and channel m. */
INLINE void window_sums(enum window kind, const struct rows *s, const f32 *const *rows,
                        const struct span *a, int m, const float *w, int some, vec *acc)
{
    for (int ky = 0; ky < s->kh; ky++) {
        const f32 *const *x = a->x + ky * a->phases * a->deep;
        for (int kx = 0, phase = 0, k = 0; kx < s->kw && rows[ky]; kx++) {
            const f32 *const *tap = x + phase * a->deep + k;
            vec v = { 0.0f };
            if (kind == PRODUCTS)
                v = load(w + (ky * s->kw + kx) * s->groups, some);
            UNROLL
            for (int p = 0; p < SPAN; p++) {
                if (kind == LARGEST && tap[p] == NULL)
                    continue;
                const vec e = load(tap[p] + m, some);
                acc[p] = kind == LARGEST    ? LARGER(acc[p], e)
                         : kind == PRODUCTS ? acc[p] + e * v
                                            : acc[p] + e;
            }
            for (phase += s->dilation; phase >= s->stride; phase -= s->stride)
                k++;
        }
    }
}

/* How many taps a mean is over: those in the image, or all. */
INLINE int window_count(const struct rows *s, const f32 *const *rows, int column)
{
    int high = 0, wide = 0;
    for (int ky = 0; ky < s->kh; ky++)
        high += s->padded || rows[ky] != NULL;
    for (int kx = 0; kx < s->kw; kx++, column += s->dilation)
        wide += s->padded || (column >= 0 && column < s->iw);
    return high * wide;
}

/* Channels from m on, `some` or a vector, of n pixels, the first of which lies at out. */
INLINE void window_vector(enum window kind, const struct rows *s, const f32 *const *rows,
                          const struct span *a, int first, int n, int m, const float *w,
                          const float *b, int some, f32 *out)
{
    const vec zero = { 0.0f };
    vec acc[SPAN], start = kind == LARGEST ? zero - INFINITY : zero;
    if (kind == PRODUCTS && b != NULL)
        start = load(b + m, some);
    UNROLL
    for (int p = 0; p < SPAN; p++)
        acc[p] = start;
    window_sums(kind, s, rows, a, m, kind == PRODUCTS ? w + m : w, some, acc);
    if (kind == MEAN)
        UNROLL
        for (int p = 0; p < SPAN; p++)
            acc[p] = acc[p] / (float)window_count(s, rows, first + p * s->stride);
    activate(s, SPAN, acc);
    UNROLL
    for (int p = 0; p < SPAN; p++)
        if (p < n)
            store(out + m + p * s->os, acc[p], some);
}

#ifdef QUADS
/* All channels, four at a time, of n pixels of a depthwise convolution; the last four once more. */
APART void window_quads(const struct rows *s, const struct span *a, int n, const float *w,
                         const float *b, f32 *out)
{
    const f32 *const *taps[COLUMNS];
    struct quads q;
    f32 nowhere[4];
    int count = 0, k = 0;
    q.act = s->act;
    q.low = s->low;
    q.high = s->high;
    for (int ky = 0; ky < s->kh; ky++) {
        k = ky * a->phases * a->deep;
        for (int kx = 0, phase = 0; kx < s->kw; kx++) {
            taps[count++] = a->x + k + phase * a->deep;
            for (phase += s->dilation; phase >= s->stride; phase -= s->stride)
                k++;
        }
    }
    for (int first = 0; first < n; first += 4) {
        for (int m = 0, last = s->groups - 4; m < s->groups; m += 4) {
            const int from = m < last ? m : last;
            for (int p = 0; p < 4; p++) {
                q.start[p] = b ? b + from : zeros;
                q.out[p] = first + p < n ? out + from + (first + p) * s->os : nowhere;
            }
            quad_taps(&q, taps, count, w + from, s->groups, from);
        }
        for (k = 0; k < count; k++)
            taps[k] += 4;
    }
}
#endif

/* `rows` rows of windows: output row j is y[j], its inputs are x[j * kh ..]; NULL is padding. Each
   channel is by itself. w is [kh][kw][c]; sums run over ky, kx in that order. What is left behind
   the last whole vector of channels is made together with channels before it, once more; channels
   that fill no vector by themselves. */
INLINE void window_rows(enum window kind, const struct rows *s, const f32 *const *x, f32 *const *y,
                        int rows, const float *w, const float *b)
{
    const int c = s->groups, last = c - LANES;
    for (int j = 0; j < rows; j++)
        for (int q = 0, n; q < s->ow; q += n) {
            const f32 *const *from = x + j * s->kh;
            const int first = q * s->stride - s->before;
            f32 *out = y[j] + q * s->os;
            struct span a;
            n = s->ow - q < SPAN ? s->ow - q : SPAN;
            find_span(s, from, first, kind == LARGEST ? NULL : zeros, &a);
#ifdef QUADS
            if (kind == PRODUCTS && c >= 4 && s->act != LEAKY) {
                window_quads(s, &a, n, w, b, out);
                continue;
            }
#endif
            for (int m = 0; m < c && last >= 0; m += LANES)
                window_vector(kind, s, from, &a, first, n, m < last ? m : last, w, b, LANES, out);
            if (last < 0)
                window_vector(kind, s, from, &a, first, n, 0, w, b, c, out);
        }
}
