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
#ifdef QUADS
            conv_quads(s, &a, &c, b, n);
#else
            conv_tiles[n - 1][c.width <= HALF * LANES](s, &a, &c, b);
#endif
    }
}
