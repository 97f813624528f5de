/* sum * m in float32, halves to even, of the bits of m: those of a float of 1.5 * 2^23 end in the whole
   number. Far from 0 it stays within 2^17. */
INLINE int32_t scaled_sum(int32_t sum, int32_t m)
{
    union { int32_t whole; float real; } factor = { m }, v;
    v.real = (float)sum * factor.real;
#if defined __ARM_FEATURE_DSP && defined __ARM_FP && defined __GNUC__
    __asm__("vcvtr.s32.f32 %0, %1" : "=t"(v.real) : "t"(v.real));
    __asm__("ssat %0, #18, %1" : "=r"(v.whole) : "r"(v.whole));
    return v.whole;
#else
    v.real = v.real < -65536.0f ? -65536.0f : v.real > 65536.0f ? 65536.0f : v.real;
    v.real += 12582912.0f;
    return v.whole - 0x4b400000;
#endif
}
#define SCALED_SUM(sum, m) scaled_sum(sum, m)

#if defined __ARM_FEATURE_DSP && defined __ARM_FP && defined __GNUC__
/* A sum in a register, and where it goes: s1 is the factor, r12 and lr are `offset` and `low` of a tile. */
#define SCALED_TILES
#define SCALE(sum, at) \
    "vmov s0, " sum "\n vcvt.f32.s32 s0, s0\n vmul.f32 s0, s0, s1\n vcvtr.s32.f32 s0, s0\n vmov " sum ", s0\n" \
    "qadd " sum ", " sum ", r12\n usat " sum ", #8, " sum "\n add " sum ", lr\n strb " sum ", " at "\n"
#endif

#if defined FAMILY_HELIUM && __ARM_FEATURE_MVE & 2
#define SCALED_LANES 1
#define SCALE_QUAD \
    "vldrw.32 q0, [%0]\n vldrw.32 q1, [%1, #16]\n vcvt.f32.s32 q0, q0\n vmul.f32 q0, q0, q1\n" \
    "vdup.32 q1, %3\n vdup.32 q2, %4\n vcvtn.s32.f32 q0, q0\n vqadd.s32 q0, q0, %2\n" \
    "vmax.s32 q0, q0, q1\n vmin.s32 q0, q0, q2\n vstrb.32 q0, [%5]"
#define SCALE8(a, m) \
    "vldrw.32 q4, [r5, #" m "]\n vcvt.f32.s32 " a ", " a "\n vmul.f32 " a ", " a ", q4\n vcvtn.s32.f32 " a ", " a "\n" \
    "vqadd.s32 " a ", " a ", r2\n vmax.s32 " a ", " a ", q5\n vmin.s32 " a ", " a ", q6\n"
#endif

#ifdef FAMILY_DOT
/* The same of vectors, whose conversion rounds so itself. */
#define SCALED_AVX512(sum, m) \
    _mm512_cvtps_epi32(_mm512_max_ps(_mm512_min_ps( \
        _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_castsi512_ps(m)), \
        _mm512_set1_ps(65536.0f)), _mm512_set1_ps(-65536.0f)))
#define SCALED_AVX2(sum, m) \
    _mm256_cvtps_epi32(_mm256_max_ps(_mm256_min_ps( \
        _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_castsi256_ps(m)), \
        _mm256_set1_ps(65536.0f)), _mm256_set1_ps(-65536.0f)))
#define SCALED_NEON(sum, m) \
    vcvtnq_s32_f32(vmaxq_f32(vminq_f32( \
        vmulq_f32(vcvtq_f32_s32(sum), vreinterpretq_f32_s32(m)), \
        vdupq_n_f32(65536.0f)), vdupq_n_f32(-65536.0f)))
#endif
