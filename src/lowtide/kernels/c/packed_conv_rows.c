/* conv_rows with packed weights [kh][kw][ci][co]. Of some channels, so many inputs or taps of a row of
   the window as there is room for are unpacked at a time, and all pixels of all rows pass by: as 1 x 1
   convolutions, or 1 x n, that go on with the sums that lie in y. */

/* Inputs i .. i + inputs - 1 of n taps from kx on, of the channels of a block, in its order. */
static void unpack_block(const struct rows *s, const struct packed *w, const struct block *c, int ky, int kx,
                         int n, int i, int inputs, const f32 *scale, f32 *v)
{
    const size_t all = (size_t)(s->co * s->groups);
    const size_t first = (size_t)((ky * s->kw + kx) * s->ci + i) * all + (size_t)c->m;
    unpack(w, first, all, n * inputs, c->width, scale, v, c->width);
}

static void packed_conv_rows(const struct rows *s, const f32 *const *x, f32 *const *y, int rows,
                             const struct packed *w, const float *b, f32 *room)
{
    const struct spot first = { 0, 0, 0, 0 };
    f32 scale[BLOCK];
    struct rows part = *s;
    part.kh = 1;
    part.ph = s->kh; /* from the rows of a window to those of the next */
    for (int m = 0, width; m < s->co * s->groups; m += width) {
        const int left = s->co - m % s->co;
        width = left < BLOCK ? left : BLOCK;
        const int fit = (w->floats - BLOCK + width) / width; /* a vector may read BLOCK wide */
        const int parts = (s->ci + fit - 1) / fit, some = (s->ci + parts - 1) / parts, most = fit / some;
        struct block c = { .m = m, .width = width, .left = left, .end = 1, .w = room };
        unpack_scales(w, m, width, scale);
        for (int ky = 0; ky < s->kh; ky++)
            for (int kx = 0; kx < s->kw; kx += part.kw)
                for (int i = 0; i < s->ci; i += part.ci) {
                    part.kw = s->kw - kx < most ? s->kw - kx : most;
                    part.ci = s->ci - i < some ? s->ci - i : some;
                    part.before = s->before - kx * s->dilation;
                    part.on = ky + kx + i > 0;
                    const int last = ky == s->kh - 1 && kx + part.kw == s->kw && i + part.ci == s->ci;
                    part.act = last ? s->act : NO_ACTIVATION;
                    c.from = m / s->co * s->ci + i;
                    unpack_block(s, w, &c, ky, kx, part.kw, i, part.ci, scale, room);
                    conv_pixels(&part, x + ky, y, rows, first, c, m + 1, b);
                }
    }
}
