/* A pixel in the padding reads these. */
static const float zeros[ZEROS] = { 0.0f };

/* acc[pixel][channel] += x * w for n inputs of each pixel; w has `width` channels an input. */
INLINE void conv_run(const f32 *const *x, const float *w, int n, int width, int pixels, int vecs,
                     vec (*acc)[VECS])
{
    for (int i = 0; i < n; i++, w += width) {
        vec v[VECS];
        for (int t = 0; t < vecs; t++)
            v[t] = *(const in_memory *)(w + t * LANES);
        for (int p = 0; p < pixels; p++)
            for (int t = 0; t < vecs; t++)
                acc[p][t] += v[t] * x[p][i];
    }
}

/* One tap of a tile, or a row of them that is one run of inputs: `length` for each pixel. One in the
   padding reads zeros. */
INLINE void conv_tap(const struct rows *s, const struct tile *at, int ky, int kx, int from,
                     const float *w, int length, int width, int pixels, int vecs, vec (*acc)[VECS])
{
    for (int i = 0, n; i < length; i += n, w += n * width) {
        const f32 *x[TILE];
        n = length - i;
        for (int p = 0; p < pixels; p++) {
            const f32 *row = at->rows[p][ky];
            const int column = at->column[p] + kx * s->dilation;
            const int there = row != NULL && (at->inside || (column >= 0 && column < s->iw));
            x[p] = there ? row + column * s->is + from + i : zeros;
            n = there || n < ZEROS ? n : ZEROS;
        }
        conv_run(x, w, n, width, pixels, vecs, acc);
    }
}

/* A row of taps of a few inputs, some of them in the padding: copied, it is one run. */
INLINE void conv_edge(const struct rows *s, const struct tile *at, int ky, const float *w, int width,
                      int pixels, int vecs, vec (*acc)[VECS])
{
    f32 run[TILE][ZEROS];
    const f32 *x[TILE];
    const int length = s->kw * s->ci, end = s->iw * s->ci;
    for (int p = 0; p < pixels; p++) {
        const f32 *row = at->rows[p][ky];
        for (int i = 0, k = at->column[p] * s->ci; i < length; i++, k++)
            run[p][i] = row != NULL && k >= 0 && k < end ? row[k] : 0.0f;
        x[p] = run[p];
    }
    conv_run(x, w, length, width, pixels, vecs, acc);
}

/* The sums of a tile over its windows, in the group of inputs `from` on: over ky, kx, i in that
   order. Where pixels lie side by side, a row of taps is one run of inputs. */
INLINE void conv_sums(const struct rows *s, const struct tile *at, int from, const float *w,
                      int width, int pixels, int vecs, vec (*acc)[VECS])
{
    const int dense = s->is == s->ci && s->dilation == 1, length = s->kw * s->ci;
    for (int ky = 0; ky < s->kh; ky++, w += length * width) {
        int some = at->rows[0][ky] != NULL, all = some;
        for (int p = 1; p < pixels && !at->straight; p++) {
            some |= at->rows[p][ky] != NULL;
            all &= at->rows[p][ky] != NULL;
        }
        if (!some)
            continue;
        if (dense && all && at->inside)
            conv_tap(s, at, ky, 0, from, w, length, width, pixels, vecs, acc);
        else if (dense && length <= ZEROS)
            conv_edge(s, at, ky, w, width, pixels, vecs, acc);
        else
            for (int kx = 0; kx < s->kw; kx++)
                conv_tap(s, at, ky, kx, from, w + kx * s->ci * width, s->ci, width, pixels, vecs, acc);
    }
}

/* Adds what a tile has made of a pixel to what the taps of a pool before have left. */
INLINE void pool(const struct rows *s, const vec *acc, int vecs, int first, int last, f32 *out)
{
    const vec taps = (vec){ 0.0f } + (float)(s->ph * s->pw);
    for (int t = 0; t < vecs; t++) {
        in_memory *to = (in_memory *)(out + t * LANES);
        const vec a = acc[t], old = *to;
        if (first)
            *to = a;
        else if (s->pool == MAX_POOL)
            *to = SELECT(old > a, old, a);
        else
            *to = last ? (old + a) / taps : old + a;
    }
}

/* A block of `width` channels from m on: what its sums begin with, its inputs from channel `from`
   on, its weights. */
struct block { int m, width, from; const float *w; vec start[VECS]; };

/* One tile of a block: n pixels from a spot on. */
INLINE void conv_tile(const struct rows *s, const f32 *const *x, f32 *const *y, struct spot spot,
                      int n, const struct block *c, int pixels, int vecs)
{
    struct tile at;
    vec acc[TILE][VECS];
    const int tap = spot.py * s->pw + spot.px, first = tap == 0 && !s->grows;
    const int last = tap == s->ph * s->pw - 1 && !s->grows;
    find_tile(s, x, y, spot, n, pixels, &at);
    for (int p = 0; p < pixels; p++)
        for (int t = 0; t < vecs; t++)
            acc[p][t] = c->start[t];
    conv_sums(s, &at, c->from, c->w, c->width, pixels, vecs, acc);
    activate(s, pixels, vecs, acc);
    if (c->width == vecs * LANES && s->pool == NO_POOL) {
        for (int p = 0; p < pixels; p++)
            for (int t = 0; t < vecs && p < n; t++)
                *(in_memory *)(at.out[p] + c->m + t * LANES) = acc[p][t];
        return;
    }
    for (int p = 0; p < pixels; p++) {
        f32 part[BLOCK], *out = at.out[p] + c->m;
        for (int t = 0; t < c->width && p < n; t++)
            part[t] = out[t];
        if (p < n)
            pool(s, acc[p], vecs, first || s->pool == NO_POOL, last, part);
        for (int t = 0; t < c->width && p < n; t++)
            out[t] = part[t];
    }
}

/* All pixels of a block at one tap of the pool that follows. */
INLINE void conv_pixels(const struct rows *s, const f32 *const *x, f32 *const *y, int pixels,
                        const struct block *c, struct spot at)
{
    for (int n; pixels > 0; pixels -= n, at = advanced(s, at, n)) {
        n = next_pixels(pixels);
        if (c->width > HALF * LANES && n > FEW)
            conv_tile(s, x, y, at, n, c, TILE, VECS);
        else if (c->width > HALF * LANES)
            conv_tile(s, x, y, at, n, c, FEW, VECS);
        else if (n > FEW)
            conv_tile(s, x, y, at, n, c, TILE, HALF);
        else
            conv_tile(s, x, y, at, n, c, FEW, HALF);
    }
}

/* Rows of a convolution, `rows` at a time: output row j is y[j], its inputs are x[j * kh ..], or
   x[j * ph * kh ..] where a pool follows; NULL is padding. w is [co / 16][kh][kw][ci][16], the last
   block as wide as what is left. Sums run over ky, kx, i in that order. */
static void conv_rows(const struct rows *s, const f32 *const *x, f32 *const *y, int rows,
                      const float *w, const float *b)
{
    struct block c = { .w = w };
    for (; c.m < s->co * s->groups; c.m += c.width) {
        const int group = c.m / s->co, rest = (group + 1) * s->co - c.m;
        f32 start[BLOCK] = { 0.0f };
        c.from = group * s->ci;
        c.width = rest < BLOCK ? rest : BLOCK;
        for (int t = 0; b && t < c.width; t++)
            start[t] = b[c.m + t];
        for (int t = 0; t < VECS; t++)
            c.start[t] = *(in_memory *)(start + t * LANES);
        for (int py = 0; py < s->ph; py++)
            for (int px = 0; px < s->pw; px++) {
                const struct spot first = { 0, 0, py, px };
                conv_pixels(s, x, y, rows * s->ow, &c, first);
            }
        c.w += (size_t)s->kh * s->kw * s->ci * c.width;
    }
}
