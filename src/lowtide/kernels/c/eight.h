/* A row of 8-bit numbers. Windows: kernel, stride, dilation and padding along the row; input: width,
   elements from pixel to pixel, channels, its zero point, whether it goes from 0 to 255; output:
   width, from pixel to pixel, channels; the pixels of a tile; how sums end, with what is added then
   and what they are kept within; `plain` if all do by a shift to the right, in all of -128 to 127. And
   its order, as in conv.h: last pixel first if `back`, `group` pixels a step, which reads everything
   before it writes anything if `atomic`. Tiles of whole bytes have `wide` pixels. */
enum ending { TWICE, ONCE, SCALED };
struct eight {
    int kh, kw, stride, dilation, before, iw, is, ci, zero, from_zero, ow, os, co, pixels;
    int ending, offset, low, high, plain, back, group, atomic, wide;
};

/* Of a channel: what its sums begin with, their factor and its shift; SCALED, the factor has other bits.
   Where they end TWICE, the shift is to the right and `round` is a half and what is added then. Of
   pairs of channels where it is not, it is that to the left minus FAR. */
enum { FAR = 64 };
struct ending8 { int32_t start, m, round, shift; };

typedef int16_t MAY_ALIAS wide16; /* what is widened lies in the arena */

#ifndef SCALED_SUM /* no sums end so here: there is nothing but whole numbers */
#define SCALED_NOWHERE
#define SCALED_SUM(sum, m) 0
#define SCALED_AVX512(sum, m) ((void)(m), (sum))
#define SCALED_AVX2(sum, m) ((void)(m), (sum))
#define SCALED_NEON(sum, m) ((void)(m), (sum))
#endif

/* sum * m / 2^31, rounded. */
INLINE int32_t product8(int32_t sum, int32_t m)
{
#ifdef __ARM_FEATURE_DSP
    int32_t high;
    __asm__("smmulr %0, %1, %2" : "=r"(high) : "r"(sum * 2), "r"(m));
    return high;
#else
    return (int32_t)(((int64_t)sum * m + (1 << 30)) >> 31);
#endif
}

/* The same, then / 2^shift with halves away from 0, as TFLite does it. */
INLINE int32_t twice(int32_t sum, const struct ending8 *e)
{
    int32_t high = product8(sum, e->m);
    high += high >> 31;
    return (high + e->round) >> e->shift;
}

/* The same with any shift; what leaves 32 bits to the left wraps. */
INLINE int32_t twice_any(int32_t sum, const struct ending8 *e)
{
    const int shift = e->shift + FAR;
    const int32_t left = (int32_t)((uint32_t)sum << (shift > 0 ? shift : 0));
    const int32_t high = (int32_t)(((int64_t)left * e->m + (1 << 30)) >> 31);
    const int right = shift < 0 ? -shift : 0;
    const int32_t mask = (int32_t)((1u << right) - 1);
    return (high >> right) + ((high & mask) > (mask >> 1) + (high < 0));
}

/* sum * m * 2^(shift - 31), to nearest, halves away from 0. */
INLINE int32_t once(int32_t sum, const struct ending8 *e)
{
    const int64_t whole = (sum < 0 ? -(int64_t)sum : sum) * (int64_t)e->m;
    const int64_t rounded = (whole + (((int64_t)1 << (31 - e->shift)) >> 1)) >> (31 - e->shift);
    return (int32_t)(sum < 0 ? -rounded : rounded);
}

INLINE int8_t ended(const struct eight *s, int32_t sum, const struct ending8 *e)
{
    const int done = s->ending == TWICE && e->shift > 0;
    int32_t v = done ? twice(sum, e) : s->ending == TWICE ? twice_any(sum, e)
              : s->ending == ONCE ? once(sum, e) : SCALED_SUM(sum, e->m);
    v += done ? 0 : s->offset;
    v = v < s->low ? s->low : v > s->high ? s->high : v;
    return (int8_t)(v > 127 ? v - 256 : v);
}

/* The sums of some pixels of a channel. */
PERHAPS void end_pixels(const struct eight *s, const int32_t *sums, const struct ending8 *e, int8_t *y, int pixels)
{
#ifndef SCALED_NOWHERE
    const int offset = s->offset, low = s->low, high = s->high, os = s->os;
    const int32_t m = e->m;
    for (int p = 0; p < pixels && s->ending == SCALED; p++) {
        const int32_t v = SCALED_SUM(sums[p], m) + offset, kept = v < low ? low : v > high ? high : v;
        y[p * os] = (int8_t)(kept > 127 ? kept - 256 : kept);
    }
    if (s->ending == SCALED)
        return;
#endif
    for (int p = 0; p < pixels; p++)
        y[p * s->os] = ended(s, sums[p], e);
}

INLINE const int8_t *column_of(const struct eight *s, const int8_t *row, int column)
{
    return row == NULL || column < 0 || column >= s->iw ? NULL : row + column * s->is;
}

#ifdef LOWTIDE_CHECKED
/* What a kernel does to the arena, before it is called, as in conv.h: a row is one step, or several. */
static void check_eight_step(const struct eight *s, const int8_t *const *x, const uint32_t *from,
                             int8_t *y, uint32_t to, int first, int end, int made)
{
    for (int k = first; k < end; k++) {
        const int q = s->back ? s->ow - 1 - k : k;
        for (int m = 0; m < s->co && made; m++)
            check_write_of(y + q * s->os + m, 1, to + (uint32_t)(q * s->os + m));
        for (int t = 0; t < s->kh * s->kw && !made; t++) {
            const int ky = t / s->kw, column = q * s->stride - s->before + t % s->kw * s->dilation;
            if (x[ky] == NULL || column < 0 || column >= s->iw)
                continue;
            for (int i = 0; i < s->ci; i++)
                check_read_of(x[ky] + column * s->is + i, 1, from[ky] + (uint32_t)(column * s->is + i));
        }
    }
}

PERHAPS int8_t *check_eight(const struct eight *s, const int8_t *const *x, const uint32_t *from,
                            int8_t *y, uint32_t to)
{
    for (int k = 0; k < s->ow; k += s->group) {
        const int end = k + s->group < s->ow ? k + s->group : s->ow;
        check_eight_step(s, x, from, y, to, k, end, !s->atomic);
        check_eight_step(s, x, from, y, to, k, end, s->atomic);
    }
    return y;
}

#define EIGHT_ROWS(n) const int8_t *x[n]; uint32_t from[n]
#define EIGHT_READ check_eight_step(&shape, x, from, NULL, 0, 0, shape.ow, 0)
#define EIGHT_ROW(s, r, i) (from[ky] = ELEMENT(s, r, i), (const int8_t *)s(r, i))
#define EIGHT_OUT(s, r, i) check_eight(&shape, x, from, (int8_t *)s(r, i), ELEMENT(s, r, i))
#else
#define EIGHT_ROWS(n) const int8_t *x[n]
#define EIGHT_READ ((void)0)
#define EIGHT_ROW(s, r, i) (const int8_t *)s(r, i)
#define EIGHT_OUT(s, r, i) (int8_t *)s(r, i)
#endif
