#ifdef FAMILY_DOT
/* A row of a convolution. Its inputs are read where they lie; a pixel of the zero point stands for those in
   the padding. Where steps are pixels, or words reach over the end of a row, what is under the
   windows of a tile is copied first. */

/* Words that lie one behind the other under the window of each pixel of a tile. */
struct run8 { const int8_t *x[TILE8]; int words; };

/* Sums of some pixels by some vectors of channels, [pixel][channel]; blocks of weights are `apart`. */
INLINE void sum_runs(const struct run8 *run, int runs, const int8_t *w, ptrdiff_t apart, const int32_t *e,
                     const int32_t *over, int32_t *sums, int from_zero, int pixels, int vecs)
{
    sum8 a[32];
    UNROLL8
    for (int k = 0; k < pixels * vecs; k++) {
        const int t = k % vecs;
        a[k] = load8(e + t / VECS_16 * ENDS_8 + t % VECS_16 * LANES8);
        if (OVER8 && !from_zero)
            a[k] = add8(a[k], all8(over[k / vecs]));
    }
    for (; runs > 0; runs--, run++) {
        const int8_t *x[TILE8];
        UNROLL8
        for (int p = 0; p < pixels; p++)
            x[p] = run->x[p];
        for (int i = 0; i < 4 * run->words; i += 4, w += 4 * BLOCK_8) {
            UNROLL8
            for (int t = 0; t < vecs; t++) {
                const weights8 v = weights_of(w + t / VECS_16 * apart + t % VECS_16 * 4 * LANES8, from_zero);
                UNROLL8
                for (int p = 0; p < pixels; p++)
                    a[p * vecs + t] = dot8(a[p * vecs + t], v, x[p] + i, from_zero, vecs > 2);
            }
        }
    }
    UNROLL8
    for (int k = 0; k < pixels * vecs; k++)
        store8(sums + k * LANES8, a[k]);
}

/* A function for each number of pixels and blocks: all registers are for sums. */
typedef void sum_tile8(const struct run8 *run, int runs, const int8_t *w, ptrdiff_t apart, const int32_t *e,
                       const int32_t *over, int32_t *sums);
#define SUM_TILE8(from_zero, pixels, blocks) \
    PERHAPS void sums_##from_zero##pixels##blocks(const struct run8 *run, int runs, const int8_t *w, ptrdiff_t apart, \
                                                 const int32_t *e, const int32_t *over, int32_t *sums) \
    { \
        sum_runs(run, runs, w, apart, e, over, sums, from_zero, pixels, blocks * VECS_16); \
    }
#define PIXELS_1_2(what, z, b) what(z, 1, b) what(z, 2, b)
#define PIXELS_3_4(what, z, b) what(z, 3, b) what(z, 4, b)
#define PIXELS_5_6(what, z, b) what(z, 5, b) what(z, 6, b)
#define PIXELS_7_8(what, z, b) what(z, 7, b) what(z, 8, b)
#if TILE8 == 8
#define PIXELS_8(what, z, b) PIXELS_1_2(what, z, b) PIXELS_3_4(what, z, b) PIXELS_5_6(what, z, b) PIXELS_7_8(what, z, b)
#elif TILE8 == 6
#define PIXELS_8(what, z, b) PIXELS_1_2(what, z, b) PIXELS_3_4(what, z, b) PIXELS_5_6(what, z, b)
#elif TILE8 == 4
#define PIXELS_8(what, z, b) PIXELS_1_2(what, z, b) PIXELS_3_4(what, z, b)
#else
#define PIXELS_8(what, z, b) PIXELS_1_2(what, z, b)
#endif
#if LANES8 == 16
#define BLOCKS_8(z, what, list) list(PIXELS_8(what, z, 1)) list(PIXELS_8(what, z, 2)) list(PIXELS_1_2(what, z, 4) PIXELS_3_4(what, z, 4))
#else
#define BLOCKS_8(z, what, list) list(PIXELS_8(what, z, 1))
#endif
#define AS_IT_IS(...) __VA_ARGS__
#define IN_BRACES(...) { __VA_ARGS__ },
#define NAMED_8(z, p, b) sums_##z##p##b,
BLOCKS_8(0, SUM_TILE8, AS_IT_IS)
BLOCKS_8(1, SUM_TILE8, AS_IT_IS)
static sum_tile8 *const sum_tiles[][3][TILE8] = { { BLOCKS_8(0, NAMED_8, IN_BRACES) }, { BLOCKS_8(1, NAMED_8, IN_BRACES) } };

INLINE int words_of(const struct eight *s)
{
    const int columns = s->dilation == 1 ? s->kw : 1;
    return s->kh * (s->kw / columns) * ((columns * s->ci + 3) / 4);
}

/* All that is under the window of each pixel, in whole words. */
static int copy_windows(const struct eight *s, const int8_t *const *x, int first, int pixels, int8_t *to, struct run8 *run)
{
    const int columns = s->dilation == 1 ? s->kw : 1, spare = (4 - columns * s->ci % 4) % 4;
    const int8_t zero = (int8_t)(s->zero > 127 ? s->zero - 256 : s->zero);
    run->words = words_of(s);
    for (int p = 0; p < pixels; p++, first += s->stride) {
        run->x[p] = to;
        for (int ky = 0; ky < s->kh; ky++)
            for (int kx = 0; kx < s->kw; kx++) {
                const int8_t *from = column_of(s, x[ky], first + kx * s->dilation);
                for (int i = 0; i < s->ci; i++)
                    to[i] = from == NULL ? zero : from[i];
                to += s->ci;
                for (int i = 0; i < spare && kx % columns == columns - 1; i++)
                    *to++ = 0;
            }
    }
    return 1;
}

/* Where they lie: rows of windows in one piece, or the columns of each one by one. 0: words would reach over the
   end of the row, or over padding. */
static int find_windows(const struct eight *s, const int8_t *const *x, int first, int pixels, const int8_t *zeros,
                        struct run8 *runs)
{
    const int last = first + (pixels - 1) * s->stride + (s->kw - 1) * s->dilation, whole = s->ci % 4 == 0;
    const int inside = first >= 0 && last < s->iw, dense = inside && s->dilation == 1 && s->is == s->ci;
    int found = 0;
    if (!whole && (!inside || (s->dilation == 1 && s->is != s->ci) || (s->iw - 1 - last) * s->is < 3))
        return 0;
    for (int ky = 0; ky < s->kh; ky++) {
        if (!whole && x[ky] == NULL)
            return 0;
        for (int kx = 0; kx < s->kw; kx += dense && x[ky] ? s->kw : 1) {
            struct run8 *run = runs + found++;
            run->words = ((dense && x[ky] ? s->kw : 1) * s->ci + 3) / 4;
            for (int p = 0; p < pixels; p++) {
                const int8_t *at = column_of(s, x[ky], first + p * s->stride + kx * s->dilation);
                run->x[p] = at == NULL ? zeros : at;
            }
        }
    }
    return found;
}

static void make_row(const struct eight *s, const int8_t *const *x, const int8_t *w, const int32_t *e, int8_t *y,
                     int8_t *scratch, int32_t *grow)
{
    const ptrdiff_t apart = 4 * BLOCK_8 * (ptrdiff_t)words_of(s);
    const int steps = s->group < s->ow || s->atomic;
    int pixels;
    for (int i = 0; i < s->ci && !steps; i++)
        scratch[i] = (int8_t)(s->zero > 127 ? s->zero - 256 : s->zero);
    for (int k = 0; k < s->ow; k += pixels) {
        struct run8 runs[RUNS8];
        int32_t over[TILE8], sums[TILE8 * 2 * BLOCK_8];
        const int left = s->ow - k, most = steps && s->pixels < TILE8 ? s->pixels : TILE8, tiles = (left + most - 1) / most;
        pixels = (left + tiles - 1) / tiles;
        int q = s->back ? left - pixels : k, first = q * s->stride - s->before;
        int found = steps ? 0 : find_windows(s, x, first, pixels, scratch, runs);
        if (!found) {
            pixels = pixels < s->pixels ? pixels : s->pixels;
            q = s->back ? left - pixels : k, first = q * s->stride - s->before;
            found = copy_windows(s, x, first, pixels, scratch, runs);
        }
        for (int p = 0; p < pixels && OVER8 && !s->from_zero; p++) {
            sum8 a = all8(0);
            for (int r = 0; r < found; r++)
                a = sum_bytes(a, runs[r].x[p], 4 * runs[r].words);
            over[p] = -128 * sum_lanes(a);
        }
        for (int m = 0; m < s->co;) {
            const int left_blocks = (s->co - m + BLOCK_8 - 1) / BLOCK_8;
            const int wide = LANES8 < 16 ? 0 : left_blocks >= 4 && pixels <= 4 ? 2 : left_blocks >= 2, blocks = 1 << wide;
            const int32_t *ends = e + m / BLOCK_8 * ENDS_8;
            sum_tiles[s->from_zero][wide][pixels - 1](runs, found, w + m / BLOCK_8 * apart, apart, ends, over, sums);
            for (int b = 0; b < blocks; b++, m += BLOCK_8, ends += ENDS_8) {
                const int some = s->co - m < BLOCK_8 ? s->co - m : BLOCK_8;
                for (int p = 0; p < pixels; p++) {
                    sum8 a[VECS_16];
                    UNROLL8
                    for (int t = 0; t < VECS_16; t++)
                        a[t] = load8(sums + (p * blocks + b) * BLOCK_8 + t * LANES8);
                    end_block(s, a, ends, grow ? NULL : y + (q + p) * s->os + m, some, grow ? grow + m : NULL);
                }
            }
        }
    }
}

PERHAPS void conv_eight(const struct eight *s, const int8_t *const *x, const int8_t *w, const struct ending8 *e,
                       int8_t *y, wide *scratch)
{
    make_row(s, x, w, (const int32_t *)(const void *)e, y, (int8_t *)scratch, NULL);
}
#endif
