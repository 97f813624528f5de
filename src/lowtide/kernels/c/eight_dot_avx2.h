#if defined FAMILY_DOT && !defined LANES8 && defined __AVX2__
#include <immintrin.h>
#define LANES8 8
#define FLIP8(from_zero) ((from_zero) ? 0 : -128)
typedef __m256i sum8;
INLINE sum8 load8(const int32_t *from) { return _mm256_loadu_si256((const __m256i *)(const void *)from); }
INLINE sum8 bytes8(const int8_t *from) { return _mm256_loadu_si256((const __m256i *)(const void *)from); }
INLINE void store8(int32_t *to, sum8 a) { _mm256_storeu_si256((__m256i *)(void *)to, a); }
INLINE sum8 add8(sum8 a, sum8 b) { return _mm256_add_epi32(a, b); }
INLINE sum8 right8(sum8 a, sum8 b) { return _mm256_sub_epi32(a, b); }
INLINE sum8 all8(int32_t v) { return _mm256_set1_epi32(v); }
INLINE sum8 keep8(sum8 a, int32_t low, int32_t high) { return _mm256_min_epi32(_mm256_max_epi32(a, all8(low)), all8(high)); }

#ifdef __AVXVNNI__
#define TILE8 6
typedef sum8 weights8;
INLINE weights8 weights_of(sum8 w) { return w; }
INLINE sum8 dot8(sum8 a, weights8 w, sum8 x)
{
    __asm__("%{vex%} vpdpbusd %1, %2, %0" : "+x"(a) : "x"(w), "x"(x));
    return a;
}
#else
/* Products of 16 bits, of the first and third of a word and of the two others: pmaddubsw would saturate. */
#define TILE8 4
typedef struct { sum8 even, odd; } weights8;
INLINE weights8 weights_of(sum8 w)
{
    const weights8 both = { _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8), _mm256_srai_epi16(w, 8) };
    return both;
}
INLINE sum8 dot8(sum8 a, weights8 w, sum8 x)
{
    a = add8(a, _mm256_madd_epi16(_mm256_and_si256(x, all8(0xff00ff)), w.even));
    return add8(a, _mm256_madd_epi16(_mm256_srli_epi16(x, 8), w.odd));
}
#endif

INLINE void copy8(int8_t *to, const int8_t *from, int bytes, int flip)
{
    for (; bytes >= 32; bytes -= 32, from += 32, to += 32)
        store8((int32_t *)(void *)to, _mm256_xor_si256(bytes8(from), _mm256_set1_epi8((char)flip)));
    for (int i = 0; i < bytes; i++)
        to[i] = (int8_t)(from[i] ^ flip);
}

INLINE __m128i column8(const int8_t *x, int n)
{
    int8_t held[BLOCK_8] = { 0 };
    for (int i = 0; i < n && n < BLOCK_8; i++)
        held[i] = x[i];
    return _mm_loadu_si128((const __m128i *)(const void *)(n < BLOCK_8 ? held : x));
}

INLINE void columns8(const int8_t *const *table, int apart, int m, int n, int flip, sum8 *x)
{
    const __m128i a = column8(table[0] + m, n), b = column8(table[apart] + m, n);
    const __m128i c = column8(table[2 * apart] + m, n), d = column8(table[3 * apart] + m, n);
    const __m256i turned = _mm256_set1_epi8((char)flip);
    for (int t = 0; t < 2; t++) {
        const __m128i ab = t ? _mm_unpackhi_epi8(a, b) : _mm_unpacklo_epi8(a, b);
        const __m128i cd = t ? _mm_unpackhi_epi8(c, d) : _mm_unpacklo_epi8(c, d);
        const __m256i low = _mm256_castsi128_si256(_mm_unpacklo_epi16(ab, cd));
        x[t] = _mm256_xor_si256(_mm256_inserti128_si256(low, _mm_unpackhi_epi16(ab, cd), 1), turned);
    }
}

INLINE sum8 shift8(sum8 w) { return _mm256_slli_epi32(w, 8); }

/* Factors, those of odd lanes by themselves, roundings and shifts. */
typedef struct { sum8 m, odd, round, shift; } ends8;
INLINE ends8 ends_of(const int32_t *e)
{
    const sum8 m = load8(e + BLOCK_8);
    const ends8 found = { m, _mm256_srli_epi64(m, 32), load8(e + ROUND_8), load8(e + SHIFT_8) };
    return found;
}
INLINE sum8 high8(sum8 sum, const ends8 *e)
{
    const __m256i twice = add8(sum, sum), half = _mm256_set1_epi64x(1ll << 31);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(twice, e->m), half);
    const __m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(twice, 32), e->odd);
    return _mm256_blend_epi32(_mm256_add_epi64(odd, half), _mm256_shuffle_epi32(even, 0xb1), 0x55);
}

INLINE sum8 twice8(sum8 sum, const ends8 *e)
{
    const sum8 high = high8(sum, e);
    return _mm256_srav_epi32(add8(add8(high, e->round), _mm256_srai_epi32(high, 31)), e->shift);
}

INLINE sum8 scaled8(sum8 sum, const ends8 *e) { return SCALED_AVX2(sum, e->m); }

INLINE void put16(const sum8 *a, int8_t *y, int plain, int some)
{
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a[0], a[1]), 0xd8);
    const __m256i lowest = plain ? words : _mm256_and_si256(words, _mm256_set1_epi16(255));
    const __m128i low = _mm256_castsi256_si128(lowest), high = _mm256_extracti128_si256(lowest, 1);
    const __m128i made = plain ? _mm_packs_epi16(low, high) : _mm_packus_epi16(low, high);
    int8_t held[BLOCK_8];
    _mm_storeu_si128((__m128i *)(void *)(some == BLOCK_8 ? y : held), made);
    for (int i = 0; i < some && some < BLOCK_8; i++)
        y[i] = held[i];
}
#endif
