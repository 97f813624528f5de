#if defined FAMILY_DOT && !defined LANES8 && defined __aarch64__ && defined __ARM_NEON
/* sdot, and smull, multiply signed numbers: inputs from 0 to 255 are turned. */
#include <arm_neon.h>
#define LANES8 4
#define TILE8 4
#define FLIP8(from_zero) ((from_zero) ? -128 : 0)
typedef int32x4_t sum8, weights8;
INLINE sum8 load8(const int32_t *from) { return vld1q_s32(from); }
INLINE sum8 bytes8(const int8_t *from) { return vreinterpretq_s32_s8(vld1q_s8(from)); }
INLINE void store8(int32_t *to, sum8 a) { vst1q_s32(to, a); }
INLINE sum8 add8(sum8 a, sum8 b) { return vaddq_s32(a, b); }
INLINE sum8 right8(sum8 start, sum8 over) { return vaddq_s32(start, over); }
INLINE sum8 all8(int32_t v) { return vdupq_n_s32(v); }
INLINE sum8 keep8(sum8 a, int32_t low, int32_t high) { return vminq_s32(vmaxq_s32(a, all8(low)), all8(high)); }
INLINE weights8 weights_of(sum8 w) { return w; }
INLINE sum8 dot8(sum8 a, weights8 w, sum8 x)
{
    const int8x16_t v = vreinterpretq_s8_s32(w), u = vreinterpretq_s8_s32(x);
#ifdef __ARM_FEATURE_DOTPROD
    return vdotq_s32(a, v, u);
#else
    const int16x8_t low = vmull_s8(vget_low_s8(v), vget_low_s8(u)), high = vmull_high_s8(v, u);
    return vaddq_s32(a, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
#endif
}

INLINE void copy8(int8_t *to, const int8_t *from, int bytes, int flip)
{
    for (; bytes >= 16; bytes -= 16, from += 16, to += 16)
        vst1q_s8(to, veorq_s8(vld1q_s8(from), vdupq_n_s8((int8_t)flip)));
    for (int i = 0; i < bytes; i++)
        to[i] = (int8_t)(from[i] ^ flip);
}

INLINE int8x16_t column8(const int8_t *x, int n)
{
    int8_t held[BLOCK_8] = { 0 };
    for (int i = 0; i < n && n < BLOCK_8; i++)
        held[i] = x[i];
    return vld1q_s8(n < BLOCK_8 ? held : x);
}

INLINE void columns8(const int8_t *const *table, int apart, int m, int n, int flip, sum8 *x)
{
    const int8x16x2_t even = vzipq_s8(column8(table[0] + m, n), column8(table[2 * apart] + m, n));
    const int8x16x2_t odd = vzipq_s8(column8(table[apart] + m, n), column8(table[3 * apart] + m, n));
    for (int t = 0; t < 2; t++) {
        const int8x16x2_t four = vzipq_s8(even.val[t], odd.val[t]);
        for (int k = 0; k < 2; k++)
            x[2 * t + k] = vreinterpretq_s32_s8(veorq_s8(four.val[k], vdupq_n_s8((int8_t)flip)));
    }
}

INLINE sum8 shift8(sum8 w) { return vshlq_n_s32(w, 8); }

/* Factors, those of odd lanes by themselves, roundings and shifts. */
typedef struct { sum8 m, odd, round, shift; } ends8;
INLINE ends8 ends_of(const int32_t *e)
{
    const sum8 m = load8(e + BLOCK_8);
    const ends8 found = { m, m, load8(e + ROUND_8), vnegq_s32(load8(e + SHIFT_8)) };
    return found;
}

/* 2 * sum * m / 2^32, rounded. */
INLINE sum8 twice8(sum8 sum, const ends8 *e)
{
    const sum8 high = vqrdmulhq_s32(sum, e->m);
    return vshlq_s32(add8(add8(high, e->round), vshrq_n_s32(high, 31)), e->shift);
}

INLINE sum8 scaled8(sum8 sum, const ends8 *e) { return SCALED_NEON(sum, e->m); }

INLINE void put16(const sum8 *a, int8_t *y, int plain, int some)
{
    int8_t held[BLOCK_8], *const to = some == BLOCK_8 ? y : held;
    for (int t = 0; t < 4; t += 2) {
        const int16x8_t words = vcombine_s16(vqmovn_s32(a[t]), vqmovn_s32(a[t + 1]));
        vst1_s8(to + 4 * t, plain ? vqmovn_s16(words) : vmovn_s16(words));
    }
    for (int i = 0; i < some && some < BLOCK_8; i++)
        y[i] = held[i];
}
#endif
