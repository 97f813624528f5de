/* Weights that stay in a cache while all pixels pass. */
enum { CACHED = 48 << 10 };

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

/* A row of taps of a tile that is one run of inputs: `length` for each pixel. */
INLINE void conv_whole(const struct tile *at, int ky, int from, const float *w, int length,
                       int width, int pixels, int vecs, vec (*acc)[VECS])
{
    const f32 *x[TILE];
    for (int p = 0; p < pixels; p++)
        x[p] = at->rows[p][ky] + (at->offset[p] + from);
    conv_run(x, w, length, width, pixels, vecs, acc);
}

/* One tap of a tile; a pixel in the padding reads zeros, of which there are some at a time. */
INLINE void conv_tap(const struct rows *s, const struct tile *at, int ky, int kx, int from,
                     const float *w, int width, int pixels, int vecs, vec (*acc)[VECS])
{
    const f32 *x[TILE];
    int most = s->ci, step[TILE];
    for (int p = 0; p < pixels; p++) {
        const f32 *row = at->rows[p][ky];
        const int column = at->column[p] + kx * s->dilation;
        const int there = row != NULL && column >= 0 && column < s->iw;
        x[p] = there ? row + column * s->is + from : zeros;
        step[p] = there ? ZEROS : 0;
        if (!there && most > ZEROS)
            most = ZEROS;
    }
    for (int left = s->ci; left > 0; left -= most, w += most * width) {
        conv_run(x, w, left < most ? left : most, width, pixels, vecs, acc);
        for (int p = 0; p < pixels && left > most; p++)
            x[p] += step[p];
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

/* A block of `width` channels from m on: its inputs from channel `from` on, its weights; and the rows
   of taps that are summed at this time, up to `end`. */
struct block { int m, width, from, ky, end; const float *w; };

/* The sums of a tile over its windows: over ky, kx, i in that order. Where pixels lie side by side,
   a row of taps is one run of inputs. */
INLINE void conv_sums(const struct rows *s, const struct tile *at, const struct block *c, int pixels,
                      int vecs, vec (*acc)[VECS])
{
    const int dense = s->is == s->ci && s->dilation == 1, length = s->kw * s->ci;
    const int from = c->from, width = c->width;
    const float *w = c->w + (size_t)c->ky * length * width;
    for (int ky = c->ky; ky < c->end; ky++, w += length * width) {
        int some = at->rows[0][ky] != NULL, all = some;
        for (int p = 1; p < pixels && !at->straight; p++) {
            some |= at->rows[p][ky] != NULL;
            all &= at->rows[p][ky] != NULL;
        }
        if (!some)
            continue;
        if (dense && all && at->inside)
            conv_whole(at, ky, from, w, length, width, pixels, vecs, acc);
        else if (dense && length <= ZEROS)
            conv_edge(s, at, ky, w, width, pixels, vecs, acc);
        else
            for (int kx = 0; kx < s->kw; kx++)
                conv_tap(s, at, ky, kx, from, w + kx * s->ci * width, width, pixels, vecs, acc);
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
            *to = SELECT(old < a, a, old);
        else
            *to = last ? (old + a) / taps : old + a;
    }
}

/* What the sums of a pixel begin with: the bias, or what the rows of taps before have left. */
INLINE void conv_start(const struct block *c, const float *b, const f32 *out, int vecs, vec *acc)
{
    f32 part[BLOCK] = { 0.0f };
    const int whole = c->width == vecs * LANES;
    for (int t = 0; t < c->width && !whole && b != NULL; t++)
        part[t] = b[c->m + t];
    for (int t = 0; t < vecs; t++) {
        if (c->ky > 0)
            acc[t] = *(const in_memory *)(out + c->m + t * LANES);
        else if (whole && b != NULL)
            acc[t] = *(const in_memory *)(b + c->m + t * LANES);
        else
            acc[t] = *(const in_memory *)(part + t * LANES);
    }
}

/* Writes n pixels of a block, or adds them to what is there. */
INLINE void conv_end(const struct rows *s, const struct tile *at, const struct block *c, int tap,
                     int n, int pixels, int vecs, vec (*acc)[VECS])
{
    const int first = s->pool == NO_POOL || (tap == 0 && !s->grows);
    const int last = tap == s->ph * s->pw - 1 && !s->grows;
    if (c->width == vecs * LANES && s->pool == NO_POOL) {
        for (int p = 0; p < pixels; p++)
            for (int t = 0; t < vecs && p < n; t++)
                *(in_memory *)(at->out[p] + c->m + t * LANES) = acc[p][t];
        return;
    }
    for (int p = 0; p < pixels; p++) {
        f32 part[BLOCK], *out = at->out[p] + c->m;
        for (int t = 0; t < BLOCK; t++)
            part[t] = t < c->width && !first ? out[t] : 0.0f;
        if (p < n)
            pool(s, acc[p], vecs, first, last, part);
        for (int t = 0; t < c->width && p < n; t++)
            out[t] = part[t];
    }
}

/* One block of a tile of n pixels. */
INLINE void conv_tile(const struct rows *s, const struct tile *at, const struct block *c,
                      const float *b, int tap, int n, int pixels, int vecs)
{
    vec acc[TILE][VECS];
    conv_start(c, b, at->out[0], vecs, acc[0]);
    for (int p = 1; p < pixels; p++)
        for (int t = 0; t < vecs; t++)
            acc[p][t] = acc[0][t];
    for (int p = 1; p < pixels && c->ky > 0; p++)
        conv_start(c, b, at->out[p], vecs, acc[p]);
    conv_sums(s, at, c, pixels, vecs, acc);
    if (c->end == s->kh)
        activate(s, pixels, vecs, acc);
    conv_end(s, at, c, tap, n, pixels, vecs, acc);
}

/* Functions of their own: all registers are for the sums. */
#define CONV_TILE(name, pixels, vecs) \
    APART void name(const struct rows *s, const struct tile *at, const struct block *c, \
                    const float *b, int tap, int n) \
    { \
        conv_tile(s, at, c, b, tap, n, pixels, vecs); \
    }
CONV_TILE(conv_tile_wide, TILE, VECS)
CONV_TILE(conv_few_wide, FEW, VECS)
CONV_TILE(conv_tile_narrow, TILE, HALF)
CONV_TILE(conv_few_narrow, FEW, HALF)

/* The block behind one; blocks do not go over the end of a group. */
INLINE struct block conv_next(const struct rows *s, struct block c)
{
    c.w += (size_t)s->kh * s->kw * s->ci * c.width;
    c.m += c.width;
    c.from = c.m / s->co * s->ci;
    c.width = s->co - c.m % s->co < BLOCK ? s->co - c.m % s->co : BLOCK;
    return c;
}

/* All blocks from c up to channel m of a tile of n pixels. */
INLINE void conv_blocks(const struct rows *s, const struct tile *at, int tap, int n, struct block c,
                        int m, const float *b)
{
    for (; c.m < m; c = conv_next(s, c)) {
        if (c.width > HALF * LANES)
            (n > FEW ? conv_tile_wide : conv_few_wide)(s, at, &c, b, tap, n);
        else
            (n > FEW ? conv_tile_narrow : conv_few_narrow)(s, at, &c, b, tap, n);
    }
}

/* Asks for what the tile behind one reads beyond it, which may lie in a distant cache. */
INLINE void conv_ahead(const struct rows *s, const struct tile *at, int pixels)
{
    const int reach = (s->kw - 1) * s->dilation + 1, first = at->column[pixels - 1] + reach;
    const int end = first + pixels * s->pw * s->stride, last = end < s->iw ? end : s->iw;
    for (int ky = 0; ky < s->kh; ky++)
        for (int k = first * s->is; k >= 0 && k < last * s->is && at->rows[0][ky]; k += 16)
            PREFETCH(at->rows[0][ky] + k);
}

/* All pixels of the blocks from c up to channel m, at one tap of the pool that follows. */
INLINE void conv_pixels(const struct rows *s, const f32 *const *x, f32 *const *y, int pixels,
                        struct spot at, struct block c, int m, const float *b)
{
    for (int n; pixels > 0; pixels -= n, at = advanced(s, at, n)) {
        struct tile t;
        n = next_pixels(pixels);
        find_tile(s, x, y, at, n, n > FEW ? TILE : FEW, &t);
        if (t.straight)
            conv_ahead(s, &t, n);
        conv_blocks(s, &t, at.py * s->pw + at.px, n, c, m, b);
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
    const int taps = CACHED / (s->kw * s->ci * BLOCK) + 1;
    struct block c = { .width = s->co < BLOCK ? s->co : BLOCK, .w = w }, next = c;
    for (; c.m < s->co * s->groups; c = next) {
        int count = 0;
        for (; next.m < s->co * s->groups && next.w - c.w < CACHED; count++)
            next = conv_next(s, next);
        const int parts = count == 1 && c.width == BLOCK && s->pool == NO_POOL;
        for (c.ky = 0; c.ky < s->kh; c.ky = c.end) {
            c.end = parts && c.ky + taps < s->kh ? c.ky + taps : s->kh;
            for (int tap = 0; tap < s->ph * s->pw; tap++) {
                const struct spot first = { 0, 0, tap / s->pw, tap % s->pw };
                conv_pixels(s, x, y, rows * s->ow, first, c, next.m, b);
            }
        }
    }
}
