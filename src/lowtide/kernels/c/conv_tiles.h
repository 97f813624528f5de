/* `width` channels from m on, of `left` in the group: their inputs from channel `from` on, their
   weights, of two blocks `apart`; and the rows of taps that are summed at this time, up to `end`. */
struct block {
    int m, width, left, from, ky, end;
    ptrdiff_t apart;
    const float *w;
};

/* acc[pixel][channel] += x * w over the runs of a tile. */
INLINE void conv_sums(const struct run *run, int runs, const struct block *c, int pixels, int vecs,
                      vec *acc)
{
    for (; runs > 0; runs--, run++) {
        const f32 *x[TILE];
        const ptrdiff_t each = c->width < BLOCK ? c->width : BLOCK, apart = c->apart;
        const float *w = c->w + run->first * each;
        UNROLL
        for (int p = 0; p < pixels; p++)
            x[p] = run->x[p] + c->from;
        for (int i = 0; i < run->length; i++, w += each) {
            vec v[VECS];
            UNROLL
            for (int t = 0; t < vecs; t++)
                v[t] = *(const in_memory *)(w + t * LANES % BLOCK + t * LANES / BLOCK * apart);
            UNROLL
            for (int k = 0; k < pixels * vecs; k++)
                acc[k] += v[k % vecs] * x[k / vecs][i];
        }
    }
}

/* Adds what a tile has made of some channels of a pixel to what the taps of a pool before have left. */
INLINE vec pooled(const struct rows *s, vec a, const f32 *out, int some, int tap)
{
    const vec old = load(out, some), taps = (vec){ 0.0f } + (float)(s->ph * s->pw);
    (void)s; /* where what it decides is the same in all rows */
    if (s->pool == MAX_POOL)
        return tap ? LARGER(old, a) : a;
    if (s->grows)
        return old + a;
    return tap == s->ph * s->pw - 1 ? (old + a) / taps : tap ? old + a : a;
}

/* Writes the pixels of a block, or adds them to what is there. */
INLINE void conv_end(const struct rows *s, const struct tile *at, const struct block *c, int tap,
                     int pixels, int vecs, const vec *acc)
{
    if ((c->width == vecs * LANES || (MASKS && vecs == 1)) && s->pool == NO_POOL) {
        UNROLL
        for (int k = 0; k < pixels * vecs; k++)
            store(at->out[k / vecs] + c->m + k % vecs * LANES, acc[k],
                  vecs == 1 ? c->width : LANES);
        return;
    }
    vec made[TILE * VECS];
    UNROLL
    for (int k = 0; k < pixels * vecs; k++)
        made[k] = acc[k];
    for (int k = 0; k < pixels * vecs; k++) {
        const int t = k % vecs * LANES, some = c->width - t;
        f32 *out = at->out[k / vecs] + c->m + t;
        if (some > 0)
            store(out, s->pool == NO_POOL ? made[k] : pooled(s, made[k], out, some, tap), some);
    }
}

/* What the sums of a tile are made of, and at which tap of the pool that follows they stand. */
struct sums {
    struct tile at;
    struct run runs[RUNS];
    int count, tap;
};

/* One block of a tile. */
INLINE void conv_tile(const struct rows *s, const struct sums *a, const struct block *c,
                      const float *b, int pixels, int vecs)
{
    vec acc[TILE * VECS], start[VECS];
    UNROLL
    for (int t = 0; t < vecs; t++)
        start[t] = b ? load(b + c->m + t * LANES, c->width - t * LANES) : (vec){ 0.0f };
    UNROLL
    for (int k = 0; k < pixels * vecs; k++)
        acc[k] = start[k % vecs];
    if (c->ky > 0)
        UNROLL
        for (int k = 0; k < pixels * vecs; k++)
            acc[k] = *(const in_memory *)(a->at.out[k / vecs] + c->m + k % vecs * LANES);
    else if (s->on)
        UNROLL
        for (int k = 0; k < pixels * vecs; k++)
            acc[k] = load(a->at.out[k / vecs] + c->m + k % vecs * LANES, c->width - k % vecs * LANES);
    conv_sums(a->runs, a->count, c, pixels, vecs, acc);
    if (c->end == s->kh)
        activate(s, pixels * vecs, acc);
    conv_end(s, &a->at, c, a->tap, pixels, vecs, acc);
}

#ifdef QUADS
/* Four channels of a block, or what is left of them, that do not end as the assembler ends them. */
APART void conv_quad(const struct rows *s, const struct sums *a, const struct block *c,
                      const float *b, int each, int pixels, int made)
{
    float start[4] = { 0.0f }, acc[4 * TILE];
    struct quads q = { .from = (ptrdiff_t)sizeof(f32) * c->from };
    for (int t = 0; b && t < c->width; t++)
        start[t] = b[c->m + t];
    for (int p = 0; p < made; p++) {
        q.start[p] = q.out[p] = acc + 4 * p;
        for (int t = 0; t < 4; t++)
            acc[4 * p + t] = (c->ky > 0 || s->on) && t < c->width ? a->at.out[p][c->m + t] : start[t];
    }
    quad_sums(&q, a->runs, a->count, c->w, each, made);
    if (c->end == s->kh)
        activate(s, 4 * made, acc);
    conv_end(s, &a->at, c, a->tap, pixels, 4, acc);
}

/* One block of a tile; where three pixels are left, a fourth stands for the last once more. */
APART void conv_quads(const struct rows *s, const struct sums *a, const struct block *c,
                       const float *b, int pixels)
{
    static const float none[BLOCK] = { 0.0f };
    const int each = c->width, made = pixels == 3 ? 4 : pixels, last = c->end == s->kh;
    const float *w = c->w;
    int m = 0;
    if (s->pool == NO_POOL && s->act != LEAKY) {
        struct quads q;
        q.from = (ptrdiff_t)sizeof(f32) * c->from;
        q.act = last ? s->act : NO_ACTIVATION;
        q.low = s->low;
        q.high = s->high;
        for (int p = 0; p < made; p++) {
            q.out[p] = a->at.out[p] + c->m;
            q.start[p] = c->ky > 0 || s->on ? q.out[p] : b ? b + c->m : none;
        }
        for (; m + 4 <= c->width; m += 4, w += 4)
            quad_sums(&q, a->runs, a->count, w, each, made);
    }
    for (struct block part = *c; m < c->width; m += part.width, w += 4) {
        part.m = c->m + m;
        part.width = c->width - m < 4 ? c->width - m : 4;
        part.w = w;
        conv_quad(s, a, &part, b, each, pixels, made);
    }
}
#else

/* Functions of their own for each number of pixels: all registers are for the sums. */
typedef void conv_tile_of(const struct rows *s, const struct sums *a, const struct block *c,
                          const float *b);
#define CONV_TILE(pixels) \
    APART void conv_wide_##pixels(const struct rows *s, const struct sums *a, \
                                  const struct block *c, const float *b) \
    { \
        conv_tile(s, a, c, b, pixels, VECS); \
    } \
    APART void conv_narrow_##pixels(const struct rows *s, const struct sums *a, \
                                    const struct block *c, const float *b) \
    { \
        conv_tile(s, a, c, b, pixels, HALF); \
    }
#define CONV_TILES(pixels) { conv_wide_##pixels, conv_narrow_##pixels }
CONV_TILE(1)
#if TILE > 1
CONV_TILE(2)
#endif
#if TILE > 2
CONV_TILE(3)
CONV_TILE(4)
#endif
#if TILE > 4
CONV_TILE(5)
CONV_TILE(6)
#endif
#if TILE > 6
CONV_TILE(7)
CONV_TILE(8)
#endif
static conv_tile_of *const conv_tiles[TILE][2] = {
    CONV_TILES(1),
#if TILE > 1
    CONV_TILES(2),
#endif
#if TILE > 2
    CONV_TILES(3), CONV_TILES(4),
#endif
#if TILE > 4
    CONV_TILES(5), CONV_TILES(6),
#endif
#if TILE > 6
    CONV_TILES(7), CONV_TILES(8),
#endif
};
#endif
