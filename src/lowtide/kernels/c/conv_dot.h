#ifdef FAMILY_DOT
/* A row of a convolution. The columns under the windows of a tile are copied, padding included; then all channels
   are made from that. */
struct words8 { const int8_t *x; int step, line, rows, taps, tap, words; };

/* Sums of some pixels by some vectors of channels, [pixel][channel]; blocks of weights are `apart`. */
INLINE void sum_words8(const struct words8 *c, const int8_t *w, ptrdiff_t apart, const sum8 *start, int32_t *sums,
                       int pixels, int vecs)
{
    sum8 a[16];
    UNROLL8
    for (int k = 0; k < pixels * vecs; k++)
        a[k] = start[k % vecs];
    for (int ky = 0; ky < c->rows; ky++)
        for (int kx = 0; kx < c->taps; kx++) {
            const int8_t *x[TILE8], *const first = c->x + ky * c->line + kx * c->tap;
            UNROLL8
            for (int p = 0; p < pixels; p++)
                x[p] = first + p * c->step;
            for (int i = 0; i < 4 * c->words; i += 4, w += 4 * BLOCK_8) {
                weights8 v[4];
                UNROLL8
                for (int t = 0; t < vecs; t++)
                    v[t] = weights_of(bytes8(w + t / VECS_16 * apart + t % VECS_16 * 4 * LANES8));
                UNROLL8
                for (int k = 0; k < pixels * vecs; k++)
                    a[k] = dot8(a[k], v[k % vecs], all8(word8_of(x[k / vecs] + i)));
            }
        }
    UNROLL8
    for (int k = 0; k < pixels * vecs; k++)
        store8(sums + k * LANES8, a[k]);
}

/* A function for each number of pixels and blocks: all registers are for sums. */
typedef void sum_tile8(const struct words8 *c, const int8_t *w, ptrdiff_t apart, const sum8 *start, int32_t *sums);
#define SUM_TILE8(pixels, blocks) \
    PERHAPS void sums_##pixels##blocks(const struct words8 *c, const int8_t *w, ptrdiff_t apart, const sum8 *start, \
                                       int32_t *sums) \
    { \
        sum_words8(c, w, apart, start, sums, pixels, blocks * VECS_16); \
    }
#if TILE8 == 8
#define PIXELS_8(what, b) what(1, b) what(2, b) what(3, b) what(4, b) what(5, b) what(6, b) what(7, b) what(8, b)
#elif TILE8 == 6
#define PIXELS_8(what, b) what(1, b) what(2, b) what(3, b) what(4, b) what(5, b) what(6, b)
#elif TILE8 == 4
#define PIXELS_8(what, b) what(1, b) what(2, b) what(3, b) what(4, b)
#else
#define PIXELS_8(what, b) what(1, b) what(2, b)
#endif
#if LANES8 == 16
#define BLOCKS_8(what, list) list(PIXELS_8(what, 1)) list(PIXELS_8(what, 2)) list(what(1, 4) what(2, 4) what(3, 4) what(4, 4))
#else
#define BLOCKS_8(what, list) list(PIXELS_8(what, 1))
#endif
#define AS_IT_IS(...) __VA_ARGS__
#define IN_BRACES(...) { __VA_ARGS__ },
#define NAMED_8(p, b) sums_##p##b,
BLOCKS_8(SUM_TILE8, AS_IT_IS)
static sum_tile8 *const sum_tiles[][TILE8] = { BLOCKS_8(NAMED_8, IN_BRACES) };

/* Columns of all rows of the window from `first` on, `line` bytes a row. */
INLINE void copy_columns8(const struct eight *s, const int8_t *const *x, int first, int columns, int line, int8_t *to)
{
    const int flip = FLIP8(s->from_zero), ci = s->ci, apart = s->is, height = s->kh;
    const int8_t zero = (int8_t)((s->zero > 127 ? s->zero - 256 : s->zero) ^ flip);
    const int low = first < 0 ? -first : 0, high = columns < s->iw - first ? columns : s->iw - first;
    for (int ky = 0; ky < height; ky++, to += line) {
        const int none = x[ky] == NULL || low >= high, begin = none ? columns : low, end = none ? columns : high;
        for (int i = 0; i < begin * ci; i++)
            to[i] = zero;
        if (apart == ci && begin < end)
            copy8(to + begin * ci, x[ky] + (first + begin) * ci, (end - begin) * ci, flip);
        for (int c = begin; c < end && apart != ci; c++)
            copy8(to + c * ci, x[ky] + (first + c) * apart, ci, flip);
        for (int i = end * ci; i < columns * ci; i++)
            to[i] = zero;
    }
}

/* Some blocks of channels of a tile. */
INLINE void make_blocks8(const struct eight *s, const struct words8 *c, const int8_t *w, ptrdiff_t apart, const int32_t *e,
                         int pixels, int wide, int m, int8_t *y, int32_t *grow)
{
    const int blocks = 1 << wide;
    int32_t sums[16 * LANES8];
    sum8 start[4 * VECS_16];
    for (int t = 0; t < blocks * VECS_16; t++)
        start[t] = start8(e + t / VECS_16 * ENDS_8 + t % VECS_16 * LANES8, s->from_zero);
    sum_tiles[wide][pixels - 1](c, w, apart, start, sums);
    const int outside = s->co, apart_y = s->os;
    for (int b = 0; b < blocks; b++, e += ENDS_8, m += BLOCK_8) {
        const struct end8 end = end_of(s, e);
        const int some = outside - m < BLOCK_8 ? outside - m : BLOCK_8;
        for (int p = 0; p < pixels; p++) {
            sum8 a[VECS_16];
            UNROLL8
            for (int t = 0; t < VECS_16; t++)
                a[t] = load8(sums + (p * blocks + b) * BLOCK_8 + t * LANES8);
            end_block(s, &end, a, grow ? NULL : y + p * apart_y + m, some, grow ? grow + m : NULL);
        }
    }
}

static void make_row8(const struct eight *s, const int8_t *const *x, const int8_t *w, const int32_t *e, int8_t *y,
                      int8_t *scratch, int32_t *grow)
{
    const int together = s->dilation == 1, run = ((together ? s->kw : 1) * s->ci + 3) / 4 * 4, most = s->wide < TILE8 ? s->wide : TILE8;
    struct words8 c = { scratch, s->stride * s->ci, 0, s->kh, together ? 1 : s->kw, s->dilation * s->ci, run / 4 };
    const ptrdiff_t apart = BLOCK_8 * (ptrdiff_t)run * c.rows * c.taps;
    int pixels;
    for (int k = 0; k < s->ow; k += pixels) {
        const int left = s->ow - k, tiles = (left + most - 1) / most;
        pixels = (left + tiles - 1) / tiles;
        const int q = s->back ? left - pixels : k, columns = (pixels - 1) * s->stride + (s->kw - 1) * s->dilation + 1;
        c.line = ((pixels - 1) * c.step + (c.taps - 1) * c.tap + run + 3) / 4 * 4;
        copy_columns8(s, x, q * s->stride - s->before, columns, c.line, scratch);
        for (int m = 0, wide; m < s->co; m += BLOCK_8 << wide) {
            const int blocks = (s->co - m + BLOCK_8 - 1) / BLOCK_8;
            wide = LANES8 < 16 ? 0 : blocks >= 4 && pixels <= 4 ? 2 : blocks >= 2;
            make_blocks8(s, &c, w + m / BLOCK_8 * apart, apart, e + m / BLOCK_8 * ENDS_8, pixels, wide, m,
                         grow ? NULL : y + q * s->os, grow);
        }
    }
}

PERHAPS void conv_eight(const struct eight *s, const int8_t *const *x, const int8_t *w, const struct ending8 *e, int8_t *y,
                        wide16 *scratch)
{
    make_row8(s, x, w, (const int32_t *)(const void *)e, y, (int8_t *)scratch, NULL);
}
#endif
