#ifdef FAMILY_HELIUM
/* A row of a convolution, two pixels at a time. What is under their windows is copied, with padding; then
   all channels are made from that, four at a time. Weights: [four channels][block of inputs][4][16]. */

/* A row of a window, some of which is padding, column by column. */
static int8_t *copy_edge(const struct eight *s, const int8_t *row, int first, int8_t *to)
{
    const int flip = s->from_zero ? 128 : 0;
    for (int kx = 0; kx < s->kw; kx++, to += s->ci, first += s->dilation) {
        const int8_t *from = column_of(s, row, first);
        if (from == NULL)
            fill_bytes(to, s->zero - flip, s->ci);
        else
            copy_bytes(to, from, s->ci, flip);
    }
    return to;
}

/* All that is under the window of a pixel. */
INLINE void copy_window(const struct eight *s, const int8_t *const *x, int first, int run, int8_t *to)
{
    const int at = run && first >= 0 && first + s->kw <= s->iw ? first * s->is : -1, n = s->kw * s->ci;
    for (int ky = 0; ky < s->kh; ky++)
        if (at < 0 || x[ky] == NULL) {
            to = copy_edge(s, x[ky], first, to);
        } else {
            copy_bytes(to, x[ky] + at, n, s->from_zero ? 128 : 0);
            to += n;
        }
}

/* Channels whose sums end in another way, or of which there are no four. */
static void end_quads(const struct eight *s, const int8_t *line, const int8_t *w, int n,
                      const struct ending8 *e, int8_t *y, int pixels, struct quads8 *t)
{
    t->end = NULL;
    for (int c = (int)(t->y - y); c < s->co; c += 4) {
        t->e = e + c;
        add_quads(line, w + c * n, n, t);
#ifdef SCALED_LANES
        if (s->ending == SCALED && c + 4 <= s->co) {
            for (int p = 0; p < pixels; p++)
                scale_quad(s, t->sums + 4 * p, t->e, y + p * s->os + c);
            continue;
        }
#endif
        for (int i = 0; i < 4 && c + i < s->co; i++) {
            const struct ending8 one = one_of_quad(t->e, i);
            for (int p = 0; p < pixels; p++)
                y[p * s->os + c + i] = ended(s, t->sums[4 * p + i], &one);
        }
    }
}

static void conv_eight(const struct eight *s, const int8_t *const *x, const int8_t *w,
                       const struct ending8 *e, int8_t *y, wide16 *scratch)
{
    const int n = (s->kh * s->kw * s->ci + 15) / 16 * 16, fours = s->plain ? s->co / 4 * 4 : 0;
    const int run = s->dilation == 1 && s->is == s->ci;
    int8_t *const line = (int8_t *)scratch;
    struct quads8 t;
    int pixels;
    for (int i = 0; i < 8; i++)
        t.at[i] = (uint16_t)(i / 2 + i % 2 * s->os);
    for (int k = 0; k < s->ow; k += pixels) {
        const int left = s->ow - k;
        pixels = left < 2 ? 1 : 2;
        const int q = s->back ? left - pixels : k, first = q * s->stride - s->before;
        int8_t *const to = y + q * s->os;
        copy_window(s, x, first, run, line);
        if (pixels == 2)
            copy_window(s, x, first + s->stride, run, line + n);
        for (int i = 1; i < 8 && pixels == 1; i += 2) /* the same pixel twice */
            t.at[i] = t.at[i - 1];
        t.second = line + (pixels - 1) * n;
        t.e = e;
        t.y = to;
        t.end = to + fours;
        if (fours)
            add_quads(line, w, n, &t);
        t.y = t.end;
        if (fours < s->co)
            end_quads(s, line, w, n, e, to, pixels, &t);
    }
}
#endif
