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
#define QUAD_LIMITS(i, o, a, b, c, d, e, f, x, w, test) \
    ".irp s, " a ", " b ", " c ", " d "\n vcmp.f32 \\s, " w "\n vmrs APSR_nzcv, fpscr\n" \
    "it " test "\n vmov" test ".f32 \\s, " w "\n .endr\n"
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
#define QUAD_CLOBBERS \
    "cc", "memory", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", \
    "s13", "s14", "s15", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", "s25", "s26", \
    "s27", "s28", "s29", "s30", "s31"
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
#endif
#endif
