/* Four channels of 1, 2 or 4 pixels: sums over the runs of inputs; weights lie `each` apart. */
#ifdef QUADS
#ifdef __ARM_FEATURE_FMA
#define QUAD_FIND(i, o, a, b, c, d, e, f, x, _) "ldr " x ", [%[run], #" i "]\n add " x ", %[n]\n"
#define QUAD_TWO(i, o, a, b, c, d, e, f, x, _) "vldmia " x "!, {" e "-" f "}\n"
#define QUAD_ONE(i, o, a, b, c, d, e, f, x, _) "vldr.32 " e ", [" x "]\n"
#define QUAD_EVEN(i, o, a, b, c, d, e, f, x, _) \
    "vfma.f32 " a ", s24, " e "\n vfma.f32 " b ", s25, " e "\n" \
    "vfma.f32 " c ", s26, " e "\n vfma.f32 " d ", s27, " e "\n"
#define QUAD_ODD(i, o, a, b, c, d, e, f, x, _) \
    "vfma.f32 " a ", s28, " f "\n vfma.f32 " b ", s29, " f "\n" \
    "vfma.f32 " c ", s30, " f "\n vfma.f32 " d ", s31, " f "\n"
#define QUAD_ASM(P) \
    P(QUAD_START, ) \
    "cmp %[runs], #0\n" \
    "beq 5f\n" \
    "1: ldr %[n], [%[q], #32]\n" \
    P(QUAD_FIND, ) \
    "ldr %[wp], [%[run], #16]\n" \
    "mla %[wp], %[wp], %[each], %[w]\n" \
    "ldr %[n], [%[run], #20]\n" \
    "adds %[run], #24\n" \
    "subs %[n], #2\n" \
    "blt 3f\n" \
    "2: vldmia %[wp], {s24-s27}\n" \
    P(QUAD_TWO, ) \
    "add %[wp], %[each]\n" \
    P(QUAD_EVEN, ) \
    "vldmia %[wp], {s28-s31}\n" \
    "add %[wp], %[each]\n" \
    P(QUAD_ODD, ) \
    "subs %[n], #2\n" \
    "bge 2b\n" \
    "3: adds %[n], #1\n" \
    "bmi 4f\n" \
    "vldmia %[wp], {s24-s27}\n" \
    P(QUAD_ONE, ) P(QUAD_EVEN, ) \
    "4: subs %[runs], #1\n" \
    "bne 1b\n" \
    "5:" QUAD_FINISH(P)
#define QUAD_CALL(P) \
    __asm volatile(QUAD_ASM(P) \
                   : [run] "+r"(run), [runs] "+r"(runs), [x0] "=&r"(x0), [x1] "=&r"(x1), [x2] "=&r"(x2), \
                     [x3] "=&r"(x3), [wp] "=&r"(wp), [n] "=&r"(n) \
                   : [q] "r"(q), [w] "r"(w), [each] "r"(4 * each) \
                   : QUAD_CLOBBERS)

APART void quad_sums(struct quads *q, const struct run *run, int runs, const float *w, int each, int pixels)
{
    int x0, x1, x2, x3, wp, n;
    if (pixels == 1)
        QUAD_CALL(QUAD_1);
    else if (pixels == 2)
        QUAD_CALL(QUAD_2);
    else
        QUAD_CALL(QUAD_4);
}
#else
APART void quad_sums(struct quads *q, const struct run *run, int runs, const float *w, int each, int pixels)
{
    float sums[16];
    for (int k = 0; k < 4 * pixels; k++)
        sums[k] = q->start[k / 4][k % 4];
    for (const struct run *end = run + runs; run < end; run++)
        for (int i = 0; i < run->length; i++)
            for (int k = 0; k < 4 * pixels; k++)
                sums[k] += run->x[k / 4][i + q->from / 4] * w[(run->first + i) * each + k % 4];
    quad_end(q, sums, pixels);
}
#endif
#endif
