/* What is made of the elements of a window in one channel. */
enum window { PRODUCTS, LARGEST, MEAN };

/* The first `width` elements of a vector; of fewer than there are lanes a copy. */
INLINE vec part(const f32 *from, int width)
{
    f32 held[LANES] = { 0.0f };
    if (width >= LANES)
        return *(const in_memory *)from;
    for (int t = 0; t < width; t++)
        held[t] = from[t];
    return *(const in_memory *)held;
}

/* Adds one tap of the window, x[p] of each pixel, to what is made; NULL is padding, unless `all`
   are there. */
INLINE void window_tap(enum window kind, const f32 *const *x, int all, const float *w, int pixels,
                       int vecs, int width, vec (*acc)[VECS])
{
    for (int t = 0; t < vecs; t++) {
        vec v = { 0.0f };
        if (kind == PRODUCTS)
            v = part(w + t * LANES, width);
        for (int p = 0; p < pixels; p++) {
            if (!all && x[p] == NULL)
                continue;
            const vec a = part(x[p] + t * LANES, width);
            if (kind == LARGEST)
                acc[p][t] = SELECT(acc[p][t] < a, a, acc[p][t]);
            else
                acc[p][t] += kind == PRODUCTS ? a * v : a;
        }
    }
}

/* The windows of some pixels in channels m .. m + width - 1; w is of tap 0 and channel m. */
INLINE void window_sums(enum window kind, const struct rows *s, const struct tile *at, int m, const float *w, int pixels, int vecs, int width, vec (*acc)[VECS])
{
    const f32 *x[TILE];
    for (int ky = 0; ky < s->kh; ky++) {
        int all = at->inside;
        for (int p = 0; p < pixels; p++) {
            all &= at->rows[p][ky] != NULL;
            x[p] = all ? at->rows[p][ky] + (at->offset[p] + m) : NULL;
        }
        for (int kx = 0; kx < s->kw; kx++, w += kind == PRODUCTS ? s->groups : 0) {
            if (all) {
                window_tap(kind, x, 1, w, pixels, vecs, width, acc);
                for (int p = 0; p < pixels; p++)
                    x[p] += s->dilation * s->is;
                continue;
            }
            for (int p = 0; p < pixels; p++) {
                const int column = at->column[p] + kx * s->dilation;
                const int there = at->rows[p][ky] != NULL && column >= 0 && column < s->iw;
                x[p] = there ? at->rows[p][ky] + column * s->is + m : NULL;
            }
            window_tap(kind, x, 0, w, pixels, vecs, width, acc);
        }
    }
}

/* How many taps a mean is over: those in the image, or all. */
INLINE int window_count(const struct rows *s, const struct tile *at, int p)
{
    int high = 0, wide = 0;
    for (int ky = 0; ky < s->kh; ky++)
        high += s->padded || at->rows[p][ky] != NULL;
    for (int kx = 0, column = at->column[p]; kx < s->kw; kx++, column += s->dilation)
        wide += s->padded || (column >= 0 && column < s->iw);
    return high * wide;
}

/* Channels m .. m + width - 1 of a tile of n pixels. */
INLINE void window_block(enum window kind, const struct rows *s, const struct tile *at, int n, int m, const float *w, const float *b, int pixels, int vecs,
                         int width)
{
    vec acc[TILE][VECS];
    for (int p = 0; p < pixels; p++)
        for (int t = 0; t < vecs; t++) {
            const vec zero = { 0.0f };
            acc[p][t] = kind == LARGEST ? zero - INFINITY : zero;
            if (kind == PRODUCTS && b != NULL)
                acc[p][t] = part(b + m + t * LANES, width);
        }
    window_sums(kind, s, at, m, kind == PRODUCTS ? w + m : w, pixels, vecs, width, acc);
    for (int p = 0; p < pixels && kind == MEAN; p++) {
        const float count = (float)window_count(s, at, p);
        for (int t = 0; t < vecs; t++)
            acc[p][t] = acc[p][t] / count;
    }
    activate(s, pixels, vecs, acc);
    for (int p = 0; p < pixels; p++) {
        const f32 *made = (const f32 *)acc[p];
        for (int t = 0; t < width && p < n && width < LANES; t++)
            at->out[p][m + t] = made[t];
        for (int t = 0; t < vecs && p < n && width >= LANES; t++)
            *(in_memory *)(at->out[p] + m + t * LANES) = acc[p][t];
    }
}

/* All channels of n pixels. What is left behind the last whole block is made together with channels
   before it, once more; channels that fill no vector by themselves. */
INLINE void window_tile(enum window kind, const struct rows *s, const f32 *const *x, f32 *const *y,
                        struct spot spot, int n, const float *w, const float *b, int pixels)
{
    const int c = s->groups, last = c - (c >= BLOCK ? BLOCK : LANES);
    struct tile at;
    find_tile(s, x, y, spot, n, pixels, &at);
    if (c >= BLOCK) {
        for (int m = 0; m < c; m += BLOCK)
            window_block(kind, s, &at, n, m < last ? m : last, w, b, pixels, VECS, BLOCK);
    } else if (c >= LANES) {
        for (int m = 0; m < c; m += LANES)
            window_block(kind, s, &at, n, m < last ? m : last, w, b, pixels, 1, LANES);
    } else {
        window_block(kind, s, &at, n, 0, w, b, pixels, 1, c);
    }
}

/* `rows` rows of windows: output row j is y[j], its inputs are x[j * kh ..]; NULL is padding. Each
   channel is by itself. w is [kh][kw][c]; sums run over ky, kx in that order. */
INLINE void window_rows(enum window kind, const struct rows *s, const f32 *const *x, f32 *const *y,
                        int rows, const float *w, const float *b)
{
    struct spot at = { 0, 0, 0, 0 };
    for (int n, left = rows * s->ow; left > 0; left -= n, at = advanced(s, at, n)) {
        n = left < TILE ? left : TILE;
        window_tile(kind, s, x, y, at, n, w, b, TILE);
    }
}
