/* Four channels by themselves, from m on, of four pixels: taps are where the inputs of all four are found. */
#ifdef QUADS
#ifdef __ARM_FEATURE_FMA
#define QUAD_TAP(i, o, a, b, c, d, e, f, x, _) \
    "ldr %[x], [%[tap], #" i "]\n add %[x], %[m]\n vldmia %[x], {s16-s19}\n" \
    "vfma.f32 " a ", s16, s24\n vfma.f32 " b ", s17, s25\n" \
    "vfma.f32 " c ", s18, s26\n vfma.f32 " d ", s19, s27\n"

APART void quad_taps(struct quads *q, const f32 *const *const *taps, int count, const float *w, int each, int m)
{
    int tap, x, n;
    __asm volatile(QUAD_4(QUAD_START, )
                   "1: ldr %[tap], [%[taps]], #4\n"
                   "vldmia %[w], {s24-s27}\n"
                   "add %[w], %[each]\n"
                   QUAD_4(QUAD_TAP, )
                   "subs %[count], #1\n"
                   "bne 1b\n"
                   QUAD_FINISH(QUAD_4)
                   : [taps] "+r"(taps), [count] "+r"(count), [w] "+r"(w), [tap] "=&r"(tap), [x] "=&r"(x),
                     [n] "=&r"(n)
                   : [q] "r"(q), [each] "r"(4 * each), [m] "r"(4 * m)
                   : QUAD_CLOBBERS);
}
#else
APART void quad_taps(struct quads *q, const f32 *const *const *taps, int count, const float *w, int each, int m)
{
    float sums[16];
    for (int k = 0; k < 16; k++)
        sums[k] = q->start[k / 4][k % 4];
    for (; count > 0; count--, taps++, w += each)
        for (int k = 0; k < 16; k++)
            sums[k] += (*taps)[k / 4][m + k % 4] * w[k % 4];
    quad_end(q, sums, 4);
}
#endif
#endif
