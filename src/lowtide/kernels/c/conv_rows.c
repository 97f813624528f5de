/* Weights that stay in a cache while all pixels pass. */
enum { CACHED = 48 << 10 };

/* The block behind one, of whole vectors as long as there are some in the group. */
INLINE struct block conv_next(const struct rows *s, struct block c)
{
    const ptrdiff_t taps = (ptrdiff_t)s->kh * s->kw * s->ci;
    c.w += taps * c.width;
    c.m += c.width;
    c.left -= c.width;
    if (c.left == 0) {
        c.left = s->co;
        c.from += s->ci;
    }
    c.width = c.left >= WIDE ? WIDE : c.left < BLOCK ? c.left : BLOCK;
    c.apart = taps * BLOCK;
    return c;
}

/* Moves a tile a tile on in its row to `at`, if no window leaves the image here nor there. */
INLINE int conv_move(const struct rows *s, struct spot at, struct sums *a)
{
    const int step = TILE * s->pw * s->stride, end = s->iw - (s->kw - 1) * s->dilation;
    struct tile *t = &a->at;
    if (at.q < TILE || at.q + TILE > s->ow || t->column[0] < 0 || t->column[TILE - 1] + step >= end)
        return 0;
    for (int k = 0; k < a->count; k++)
        for (int p = 0; p < TILE; p++)
            a->runs[k].x[p] += step * s->is;
    for (int p = 0; p < TILE; p++) {
        t->column[p] += step;
        t->out[p] += TILE * s->os;
    }
    return 1;
}

/* All pixels of the blocks from c up to channel m, at one tap of the pool that follows. */
INLINE void conv_pixels(const struct rows *s, const f32 *const *x, f32 *const *y, int rows,
                        struct spot at, struct block first, int m, const float *b)
{
    struct sums a;
    a.tap = at.py * s->pw + at.px;
    for (int n, left = rows * s->ow; left > 0; left -= n, at = advanced(s, at, n)) {
        n = next_pixels(left);
        if (n < TILE || !conv_move(s, at, &a)) {
            find_tile(s, x, y, rows, at, n, &a.at);
            a.count = find_runs(s, &a.at, first.ky, first.end, a.runs);
        }
        for (struct block c = first; c.m < m; c = conv_next(s, c))
            conv_tiles[n - 1][c.width <= HALF * LANES](s, &a, &c, b);
    }
}

/* Rows of a convolution, `rows` at a time: output row j is y[j], its inputs are x[j * kh ..], or
   x[j * ph * kh ..] where a pool follows; NULL is padding. w is [co / 16][kh][kw][ci][16], the last
   block as wide as what is left. Sums run over ky, kx, i in that order. All pixels pass by as many
   blocks as a cache holds, a tile by one block after the other; by a block that is larger than that,
   some rows of its taps at a time. */
static void conv_rows(const struct rows *s, const f32 *const *x, f32 *const *y, int rows,
                      const float *w, const float *b)
{
    const int taps = CACHED / (s->kw * s->ci * WIDE) + 1;
    struct block c = conv_next(s, (struct block){ .left = s->co, .w = w }), next = c;
    for (; c.m < s->co * s->groups; c = next) {
        int count = 0;
        for (; next.m < s->co * s->groups && next.w - c.w < CACHED; count++)
            next = conv_next(s, next);
        const int parts = count == 1 && c.width == WIDE && s->pool == NO_POOL;
        for (c.ky = 0; c.ky < s->kh; c.ky = c.end) {
            c.end = parts && c.ky + taps < s->kh ? c.ky + taps : s->kh;
            for (int tap = 0; tap < s->ph * s->pw; tap++) {
                const struct spot first = { 0, 0, tap / s->pw, tap % s->pw };
                conv_pixels(s, x, y, rows, first, c, next.m, b);
            }
        }
    }
}
