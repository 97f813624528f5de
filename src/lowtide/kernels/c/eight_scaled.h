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
