#if defined FAMILY_DOT && defined __AVX512VNNI__ && defined __AVX512BW__ && defined __AVX512VL__
/* LANES8 channels in a vector; tiles of up to TILE8 pixels. Inputs are numbers from 0 to 255 here: those that are
   signed are turned (FLIP8), and sums of them larger by 128 times the weights. */
#include <immintrin.h>
#define LANES8 16
#define TILE8 8
#define FLIP8(from_zero) ((from_zero) ? 0 : -128)
typedef __m512i sum8, weights8;
INLINE sum8 load8(const int32_t *from) { return _mm512_loadu_si512(from); }
INLINE sum8 bytes8(const int8_t *from) { return _mm512_loadu_si512(from); }
INLINE void store8(int32_t *to, sum8 a) { _mm512_storeu_si512(to, a); }
INLINE sum8 add8(sum8 a, sum8 b) { return _mm512_add_epi32(a, b); }
INLINE sum8 right8(sum8 a, sum8 b) { return _mm512_sub_epi32(a, b); }
INLINE sum8 all8(int32_t v) { return _mm512_set1_epi32(v); }
INLINE sum8 keep8(sum8 a, int32_t low, int32_t high) { return _mm512_min_epi32(_mm512_max_epi32(a, all8(low)), all8(high)); }
INLINE weights8 weights_of(sum8 w) { return w; }

/* In assembler: GCC 12 spills sums around the intrinsic. */
INLINE sum8 dot8(sum8 a, weights8 w, sum8 x)
{
    __asm__("vpdpbusd %1, %2, %0" : "+v"(a) : "v"(w), "v"(x));
    return a;
}

INLINE void copy8(int8_t *to, const int8_t *from, int bytes, int flip)
{
    for (; bytes > 0; bytes -= 64, from += 64, to += 64) {
        const __mmask64 some = bytes < 64 ? ~0ull >> (64 - bytes) : ~0ull;
        const __m512i turned = _mm512_xor_si512(_mm512_maskz_loadu_epi8(some, from), _mm512_set1_epi8((char)flip));
        _mm512_mask_storeu_epi8(to, some, turned);
    }
}

/* Of one word a channel: of n channels four columns, `apart` in a table, and the products of weights with them. */
INLINE __m128i column8(const int8_t *x, int n)
{
    return n == BLOCK_8 ? _mm_loadu_si128((const __m128i *)(const void *)x)
                        : _mm_maskz_loadu_epi8((__mmask16)((1u << n) - 1), x);
}

INLINE void columns8(const int8_t *const *table, int apart, int m, int n, int flip, sum8 *x)
{
    const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    const __m512i across = _mm512_broadcast_i32x4(_mm_set_epi32(0x0f0b0703, 0x0e0a0602, 0x0d090501, 0x0c080400));
    __m512i v = _mm512_castsi128_si512(column8(table[0] + m, n));
    v = _mm512_mask_broadcast_i32x4(v, 0xf0, column8(table[apart] + m, n));
    v = _mm512_mask_broadcast_i32x4(v, 0xf00, column8(table[2 * apart] + m, n));
    v = _mm512_mask_broadcast_i32x4(v, 0xf000, column8(table[3 * apart] + m, n));
    v = _mm512_shuffle_epi8(_mm512_permutexvar_epi32(order, v), across);
    x[0] = _mm512_xor_si512(v, _mm512_set1_epi8((char)flip));
}

INLINE sum8 shift8(sum8 w) { return _mm512_slli_epi32(w, 8); }

/* Factors, those of odd lanes by themselves, roundings and shifts. */
typedef struct { sum8 m, odd, round, shift; } ends8;
INLINE ends8 ends_of(const int32_t *e)
{
    const sum8 m = load8(e + BLOCK_8);
    const ends8 found = { m, _mm512_srli_epi64(m, 32), load8(e + ROUND_8), load8(e + SHIFT_8) };
    return found;
}

/* sum * m / 2^31, rounded: the upper halves of products of twice the sum. */
INLINE sum8 high8(sum8 sum, const ends8 *e)
{
    const __m512i twice = add8(sum, sum), half = _mm512_set1_epi64(1ll << 31);
    const __m512i even = _mm512_mul_epi32(twice, e->m);
    const __m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(twice, 32), e->odd);
    return _mm512_mask_shuffle_epi32(_mm512_add_epi64(odd, half), 0x5555, _mm512_add_epi64(even, half), 0xb1);
}

INLINE sum8 twice8(sum8 sum, const ends8 *e)
{
    const sum8 high = high8(sum, e);
    return _mm512_srav_epi32(add8(add8(high, e->round), _mm512_srai_epi32(high, 31)), e->shift);
}

INLINE sum8 scaled8(sum8 sum, const ends8 *e) { return SCALED_AVX512(sum, e->m); }

/* The lowest bytes of a block; `plain`: kept within -128 and 127. */
INLINE void put16(const sum8 *a, int8_t *y, int plain, int some)
{
    const __m128i made = plain ? _mm512_cvtsepi32_epi8(*a) : _mm512_cvtepi32_epi8(*a);
    if (some == BLOCK_8)
        _mm_storeu_si128((__m128i *)(void *)y, made);
    else
        _mm512_mask_cvtepi32_storeu_epi8(y, (__mmask16)((1u << some) - 1), _mm512_cvtepi8_epi32(made));
}
#endif
