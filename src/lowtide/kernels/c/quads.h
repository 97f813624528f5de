/* QUADS: Arm's FPU on a core without vectors. Of 32 registers 16 are the sums of four pixels by four
   channels, the others hold two inputs of each pixel and the weights of both. In assembler, for GCC 12
   spills the sums at -O3; elsewhere in C, so that it can be tested there. */
#ifdef QUADS
/* For each pixel: where its four sums begin, and where they go, which both move on by four; in bytes,
   how far its inputs lie behind those of the run; what is applied. The order is the assembler's. */
struct quads {
    const f32 *start[4];
    f32 *out[4];
    ptrdiff_t from;
    int act;
    float low, high;
};

#ifdef __ARM_FEATURE_FMA
#define QUAD_P0(M, ...) M("0", "16", "s0", "s1", "s2", "s3", "s16", "s17", "%[x0]", __VA_ARGS__)
#define QUAD_P1(M, ...) M("4", "20", "s4", "s5", "s6", "s7", "s18", "s19", "%[x1]", __VA_ARGS__)
#define QUAD_P2(M, ...) M("8", "24", "s8", "s9", "s10", "s11", "s20", "s21", "%[x2]", __VA_ARGS__)
#define QUAD_P3(M, ...) M("12", "28", "s12", "s13", "s14", "s15", "s22", "s23", "%[x3]", __VA_ARGS__)
#define QUAD_1(...) QUAD_P0(__VA_ARGS__)
#define QUAD_2(...) QUAD_1(__VA_ARGS__) QUAD_P1(__VA_ARGS__)
#define QUAD_4(...) QUAD_2(__VA_ARGS__) QUAD_P2(__VA_ARGS__) QUAD_P3(__VA_ARGS__)
#define QUAD_START(i, o, a, b, c, d, e, f, x, _) \
    "ldr %[n], [%[q], #" i "]\n vldmia %[n]!, {" a "-" d "}\n str %[n], [%[q], #" i "]\n"
#define QUAD_FIND(i, o, a, b, c, d, e, f, x, _) "ldr " x ", [%[run], #" i "]\n add " x ", %[n]\n"
#define QUAD_TWO(i, o, a, b, c, d, e, f, x, _) "vldmia " x "!, {" e "-" f "}\n"
#define QUAD_ONE(i, o, a, b, c, d, e, f, x, _) "vldr.32 " e ", [" x "]\n"
#define QUAD_EVEN(i, o, a, b, c, d, e, f, x, _) \
    "vfma.f32 " a ", s24, " e "\n vfma.f32 " b ", s25, " e "\n" \
    "vfma.f32 " c ", s26, " e "\n vfma.f32 " d ", s27, " e "\n"
#define QUAD_ODD(i, o, a, b, c, d, e, f, x, _) \
    "vfma.f32 " a ", s28, " f "\n vfma.f32 " b ", s29, " f "\n" \
    "vfma.f32 " c ", s30, " f "\n vfma.f32 " d ", s31, " f "\n"
#define QUAD_LIMIT(a, w, test) \
    "vcmp.f32 " a ", " w "\n vmrs APSR_nzcv, fpscr\n it " test "\n vmov" test ".f32 " a ", " w "\n"
#define QUAD_LIMITS(i, o, a, b, c, d, e, f, x, w, test) \
    QUAD_LIMIT(a, w, test) QUAD_LIMIT(b, w, test) QUAD_LIMIT(c, w, test) QUAD_LIMIT(d, w, test)
#define QUAD_END(i, o, a, b, c, d, e, f, x, _) \
    "ldr %[n], [%[q], #" o "]\n vstmia %[n]!, {" a "-" d "}\n str %[n], [%[q], #" o "]\n"
#define QUAD_FINISH(P) \
    "ldr %[n], [%[q], #36]\n" \
    "vldr.32 s16, [%[q], #40]\n" \
    "vldr.32 s17, [%[q], #44]\n" \
    "cmp %[n], #0\n" \
    "beq 6f\n" \
    P(QUAD_LIMITS, "s16", "mi") \
    "cmp %[n], #2\n" \
    "bne 6f\n" \
    P(QUAD_LIMITS, "s17", "gt") \
    "6:\n" \
    P(QUAD_END, )
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
#define QUAD_CLOBBERS \
    "cc", "memory", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", \
    "s13", "s14", "s15", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", "s25", "s26", \
    "s27", "s28", "s29", "s30", "s31"
#define QUAD_CALL(P) \
    __asm volatile(QUAD_ASM(P) \
                   : [run] "+r"(run), [runs] "+r"(runs), [x0] "=&r"(x0), [x1] "=&r"(x1), [x2] "=&r"(x2), \
                     [x3] "=&r"(x3), [wp] "=&r"(wp), [n] "=&r"(n) \
                   : [q] "r"(q), [w] "r"(w), [each] "r"(4 * each) \
                   : QUAD_CLOBBERS)

/* Four channels of 1, 2 or 4 pixels: sums over the runs of inputs; weights lie `each` apart. */
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

#define QUAD_TAP(i, o, a, b, c, d, e, f, x, _) \
    "ldr %[x], [%[tap], #" i "]\n add %[x], %[m]\n vldmia %[x], {s16-s19}\n" \
    "vfma.f32 " a ", s16, s24\n vfma.f32 " b ", s17, s25\n" \
    "vfma.f32 " c ", s18, s26\n vfma.f32 " d ", s19, s27\n"

/* The same of four channels by themselves, from m on: inputs of four pixels at each tap. */
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
INLINE void quad_end(struct quads *q, const float *sums, int pixels)
{
    for (int k = 0; k < 4 * pixels; k++) {
        const float least = q->act && sums[k] < q->low ? q->low : sums[k];
        q->out[k / 4][k % 4] = q->act == CLAMP && least > q->high ? q->high : least;
    }
    for (int p = 0; p < pixels; p++)
        q->start[p] += 4, q->out[p] += 4;
}

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
