/* Weights that stay in a cache while all pixels pass. */
enum { CACHED = 48 << 10 };

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
