/* A dense layer: four inputs of four outputs at a time. Weights: [output / 4][input / 4][4][4]. */
enum { BLOCK_DENSE8 = 4 };

/* Sums of files with biases near 2^31 wrap. */
INLINE int32_t added(int32_t sum, int32_t product) { return (int32_t)((uint32_t)sum + (uint32_t)product); }

/* Adds the products of some fours of inputs to four sums. */
#if defined __ARM_FEATURE_DSP && defined __GNUC__
#define TWO_OUTPUTS8(a, b) \
    "ldrd %[p], %[q], [%[w]], #8\n sxtb16 %[t], %[p]\n sxtb16 %[p], %[p], ror #8\n" \
    "smlad %[" a "], %[t], %[even], %[" a "]\n smlad %[" a "], %[p], %[odd], %[" a "]\n" \
    "sxtb16 %[t], %[q]\n sxtb16 %[q], %[q], ror #8\n" \
    "smlad %[" b "], %[t], %[even], %[" b "]\n smlad %[" b "], %[q], %[odd], %[" b "]\n"
#define ADD_FOURS8(extend) \
    __asm__ volatile("1:\n ldr %[even], [%[x]], #4\n " extend " %[odd], %[even], ror #8\n " extend " %[even], %[even]\n" \
                     TWO_OUTPUTS8("a", "b") TWO_OUTPUTS8("c", "d") "subs %[fours], #1\n bne 1b\n" \
                     : [x] "+r"(x), [w] "+r"(w), [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [fours] "+r"(fours), \
                       [even] "=&r"(even), [odd] "=&r"(odd), [p] "=&r"(p), [q] "=&r"(q), [t] "=&r"(t) : : "cc", "memory")
INLINE void dense_fours(const int8_t *x, const int8_t *w, int fours, int from_zero, int32_t *sums)
{
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    uint32_t even, odd, p, q, t;
    if (fours == 0)
        return;
    if (from_zero)
        ADD_FOURS8("uxtb16");
    else
        ADD_FOURS8("sxtb16");
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}
#elif defined __SSE2__
#include <emmintrin.h>
INLINE void dense_fours(const int8_t *x, const int8_t *w, int fours, int from_zero, int32_t *sums)
{
    __m128i a = _mm_setzero_si128(), b = a;
    for (; fours > 0; fours--, x += 4, w += 16) {
        int32_t four;
        __builtin_memcpy(&four, x, 4);
        const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)w), bytes = _mm_set1_epi32(four);
        const __m128i up = _mm_unpacklo_epi8(bytes, bytes);
        const __m128i in = from_zero ? _mm_srli_epi16(up, 8) : _mm_srai_epi16(up, 8);
        a = _mm_add_epi32(a, _mm_madd_epi16(in, _mm_srai_epi16(_mm_unpacklo_epi8(v, v), 8)));
        b = _mm_add_epi32(b, _mm_madd_epi16(in, _mm_srai_epi16(_mm_unpackhi_epi8(v, v), 8)));
    }
    int32_t halves[8];
    _mm_storeu_si128((__m128i *)(void *)halves, a);
    _mm_storeu_si128((__m128i *)(void *)(halves + 4), b);
    for (int k = 0; k < 4; k++)
        sums[k] = added(sums[k], added(halves[2 * k], halves[2 * k + 1]));
}
#else
INLINE void dense_fours(const int8_t *x, const int8_t *w, int fours, int from_zero, int32_t *sums)
{
    for (; fours > 0; fours--, x += 4, w += 16)
        for (int k = 0; k < 4; k++)
            for (int i = 0; i < 4; i++)
                sums[k] = added(sums[k], (from_zero ? (uint8_t)x[i] : x[i]) * w[4 * k + i]);
}
#endif

static void dense_eight(const struct eight *s, const int8_t *const *x, const int8_t *w,
                        const struct ending8 *e, int8_t *y, wide16 *scratch)
{
    const int fours = s->ci / 4, rest = s->ci % 4;
    int8_t last[4] = { 0 };
    (void)scratch;
    for (int i = 0; i < rest; i++)
        last[i] = x[0][4 * fours + i];
    for (int m = 0; m < s->co; m += BLOCK_DENSE8) {
        const int outputs = s->co - m < BLOCK_DENSE8 ? s->co - m : BLOCK_DENSE8;
        int32_t sums[BLOCK_DENSE8] = { 0 };
        for (int k = 0; k < outputs; k++)
            sums[k] = e[m + k].start;
        dense_fours(x[0], w, fours, s->from_zero, sums);
        w += 16 * fours;
        if (rest) {
            dense_fours(last, w, 1, s->from_zero, sums);
            w += 16;
        }
        for (int k = 0; k < outputs; k++)
            y[m + k] = ended(s, sums[k], e + m + k);
    }
}
