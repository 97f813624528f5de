#ifdef FAMILY_DOT
/* Words of four inputs times those of 16 channels: w [block of 16][word][16][4], as bytes of which the highest
   bit is turned if inputs are signed: vpdpbusd wants one factor unsigned. Of a block's endings first
   all starts stand, then the factors, roundings and shifts. */
enum { BLOCK_8 = 16, ROUND_8 = 2 * BLOCK_8, SHIFT_8 = 3 * BLOCK_8, ENDS_8 = 4 * BLOCK_8 };
typedef int32_t MAY_ALIAS word8;

INLINE int32_t word_of(const int8_t *x)
{
    int32_t word;
    __builtin_memcpy(&word, x, 4);
    return word;
}

#if defined __AVX512VNNI__ && defined __AVX512BW__
/* LANES8 channels in a vector; tiles of up to TILE8 pixels. Where OVER8 is 1, sums of signed inputs are too
   large by 128 times the sum of these. */
#include <immintrin.h>
#define LANES8 16
#define TILE8 8
#define OVER8 1
typedef __m512i sum8, weights8;
INLINE sum8 load8(const int32_t *from) { return _mm512_loadu_si512(from); }
INLINE void store8(int32_t *to, sum8 a) { _mm512_storeu_si512(to, a); }
INLINE sum8 add8(sum8 a, sum8 b) { return _mm512_add_epi32(a, b); }
INLINE sum8 all8(int32_t v) { return _mm512_set1_epi32(v); }
INLINE sum8 keep8(sum8 a, int32_t low, int32_t high) { return _mm512_min_epi32(_mm512_max_epi32(a, all8(low)), all8(high)); }
INLINE weights8 weights_of(const int8_t *w, int from_zero) { return (void)from_zero, _mm512_loadu_si512(w); }

/* In assembler: GCC 12 spills sums around the intrinsic. From memory (not `near`) an input is the same for all lanes. */
INLINE sum8 dot8(sum8 a, weights8 w, const int8_t *x, int from_zero, int near)
{
    if (from_zero)
        __asm__("vpdpbusd %1, %2, %0" : "+v"(a) : "v"(w), "v"(all8(word_of(x))));
    else if (near)
        __asm__("vpdpbusd %2, %1, %0" : "+v"(a) : "v"(w), "v"(all8(word_of(x))));
    else
        __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(a) : "v"(w), "m"(*(const word8 *)(const void *)x));
    return a;
}

INLINE sum8 sum_bytes(sum8 a, const int8_t *x, int bytes)
{
    for (; bytes > 0; bytes -= 64, x += 64)
        a = _mm512_dpbusd_epi32(a, _mm512_set1_epi8(1), _mm512_maskz_loadu_epi8(bytes < 64 ? ~0ull >> (64 - bytes) : ~0ull, x));
    return a;
}

INLINE int32_t sum_lanes(sum8 a) { return _mm512_reduce_add_epi32(a); }

/* Of one word a channel: of n channels four columns, `apart` in a table, and the products of weights with them. */
INLINE __m128i column8(const int8_t *x, int n)
{
    return n == BLOCK_8 ? _mm_loadu_si128((const __m128i *)(const void *)x)
                        : _mm_maskz_loadu_epi8((__mmask16)((1u << n) - 1), x);
}

INLINE void columns8(const int8_t *const *table, int apart, int m, int n, int from_zero, sum8 *x)
{
    const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    const __m512i across = _mm512_broadcast_i32x4(_mm_set_epi32(0x0f0b0703, 0x0e0a0602, 0x0d090501, 0x0c080400));
    __m512i v = _mm512_castsi128_si512(column8(table[0] + m, n));
    v = _mm512_mask_broadcast_i32x4(v, 0xf0, column8(table[apart] + m, n));
    v = _mm512_mask_broadcast_i32x4(v, 0xf00, column8(table[2 * apart] + m, n));
    v = _mm512_mask_broadcast_i32x4(v, 0xf000, column8(table[3 * apart] + m, n));
    v = _mm512_shuffle_epi8(_mm512_permutexvar_epi32(order, v), across);
    x[0] = from_zero ? v : _mm512_xor_si512(v, _mm512_set1_epi8(-128));
}

INLINE sum8 shift8(sum8 w) { return _mm512_slli_epi32(w, 8); }
INLINE sum8 taps8(sum8 a, sum8 w, sum8 x, int from_zero) { return (void)from_zero, _mm512_dpbusd_epi32(a, x, w); }
INLINE sum8 over8(sum8 a, sum8 w) { return _mm512_sub_epi32(a, _mm512_dpbusd_epi32(all8(0), _mm512_set1_epi8(-128), w)); }

/* sum * m / 2^31, rounded: the upper halves of products of twice the sum. */
INLINE sum8 high8(sum8 sum, const int32_t *m)
{
    const __m512i twice = add8(sum, sum), factors = load8(m), half = _mm512_set1_epi64(1ll << 31);
    const __m512i even = _mm512_mul_epi32(twice, factors);
    const __m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(twice, 32), _mm512_srli_epi64(factors, 32));
    return _mm512_mask_shuffle_epi32(_mm512_add_epi64(odd, half), 0x5555, _mm512_add_epi64(even, half), 0xb1);
}

INLINE sum8 twice8(sum8 sum, const int32_t *e)
{
    const sum8 high = high8(sum, e + BLOCK_8);
    return _mm512_srav_epi32(add8(add8(high, load8(e + ROUND_8)), _mm512_srai_epi32(high, 31)), load8(e + SHIFT_8));
}

INLINE sum8 scaled8(sum8 sum, const int32_t *e)
{
    const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_castsi512_ps(load8(e + BLOCK_8)));
    const __m512 most = _mm512_set1_ps(65536.0f);
    return _mm512_cvtps_epi32(_mm512_max_ps(_mm512_min_ps(scaled, most), _mm512_set1_ps(-65536.0f)));
}

/* The lowest bytes of a block; `plain`: kept within -128 and 127. */
INLINE void put16(const sum8 *a, int8_t *y, int plain, int some)
{
    const __m128i made = plain ? _mm512_cvtsepi32_epi8(*a) : _mm512_cvtepi32_epi8(*a);
    if (some == BLOCK_8)
        _mm_storeu_si128((__m128i *)(void *)y, made);
    else
        _mm512_mask_cvtepi32_storeu_epi8(y, (__mmask16)((1u << some) - 1), _mm512_cvtepi8_epi32(made));
}

#elif defined __AVX2__
#include <immintrin.h>
#ifdef __AVXVNNI__
#define LANES8 8
#define TILE8 6
#define OVER8 1
typedef __m256i weights8;
#else
#define LANES8 8
#define TILE8 4
#define OVER8 0
typedef struct { __m256i even, odd; } weights8;
#endif
typedef __m256i sum8;
INLINE sum8 load8(const int32_t *from) { return _mm256_loadu_si256((const __m256i *)(const void *)from); }
INLINE void store8(int32_t *to, sum8 a) { _mm256_storeu_si256((__m256i *)(void *)to, a); }
INLINE sum8 add8(sum8 a, sum8 b) { return _mm256_add_epi32(a, b); }
INLINE sum8 all8(int32_t v) { return _mm256_set1_epi32(v); }
INLINE sum8 keep8(sum8 a, int32_t low, int32_t high) { return _mm256_min_epi32(_mm256_max_epi32(a, all8(low)), all8(high)); }

#ifdef __AVXVNNI__
INLINE weights8 weights_of(const int8_t *w, int from_zero) { return (void)from_zero, load8((const int32_t *)(const void *)w); }
INLINE sum8 dot8(sum8 a, weights8 w, const int8_t *x, int from_zero, int near)
{
    (void)near;
    if (from_zero)
        __asm__("%{vex%} vpdpbusd %1, %2, %0" : "+x"(a) : "x"(w), "x"(all8(word_of(x))));
    else
        __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(a) : "x"(w), "x"(all8(word_of(x))));
    return a;
}
#else
/* Inputs and weights of 16 bits, the first and third of a word and the two others: pmaddubsw would saturate. */
INLINE __m256i even8(__m256i v, int from_zero)
{
    return from_zero ? _mm256_and_si256(v, all8(0xff00ff)) : _mm256_srai_epi16(_mm256_slli_epi16(v, 8), 8);
}
INLINE __m256i odd8(__m256i v, int from_zero) { return from_zero ? _mm256_srli_epi16(v, 8) : _mm256_srai_epi16(v, 8); }

INLINE weights8 weights_of(const int8_t *w, int from_zero)
{
    const __m256i held = load8((const int32_t *)(const void *)w);
    const __m256i bytes = from_zero ? held : _mm256_xor_si256(held, _mm256_set1_epi8(-128));
    const weights8 both = { even8(bytes, 0), odd8(bytes, 0) };
    return both;
}

INLINE sum8 dot8(sum8 a, weights8 w, const int8_t *x, int from_zero, int near)
{
    const __m256i word = all8(word_of(x));
    (void)near;
    a = add8(a, _mm256_madd_epi16(even8(word, from_zero), w.even));
    return add8(a, _mm256_madd_epi16(odd8(word, from_zero), w.odd));
}
#endif

INLINE sum8 sum_bytes(sum8 a, const int8_t *x, int bytes)
{
    for (int i = 0; i < bytes; i += 4) {
        const __m128i four = _mm_cvtepi8_epi32(_mm_cvtsi32_si128(word_of(x + i)));
        a = add8(a, _mm256_zextsi128_si256(four));
    }
    return a;
}

INLINE int32_t sum_lanes(sum8 a)
{
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1)));
}

INLINE __m128i column8(const int8_t *x, int n)
{
    int8_t held[BLOCK_8] = { 0 };
    for (int i = 0; i < n && n < BLOCK_8; i++)
        held[i] = x[i];
    return _mm_loadu_si128((const __m128i *)(const void *)(n < BLOCK_8 ? held : x));
}

INLINE void columns8(const int8_t *const *table, int apart, int m, int n, int from_zero, sum8 *x)
{
    const __m128i a = column8(table[0] + m, n), b = column8(table[apart] + m, n);
    const __m128i c = column8(table[2 * apart] + m, n), d = column8(table[3 * apart] + m, n);
    const __m256i turned = _mm256_set1_epi8(OVER8 && !from_zero ? -128 : 0);
    for (int t = 0; t < 2; t++) {
        const __m128i ab = t ? _mm_unpackhi_epi8(a, b) : _mm_unpacklo_epi8(a, b);
        const __m128i cd = t ? _mm_unpackhi_epi8(c, d) : _mm_unpacklo_epi8(c, d);
        const __m256i low = _mm256_castsi128_si256(_mm_unpacklo_epi16(ab, cd));
        x[t] = _mm256_xor_si256(_mm256_inserti128_si256(low, _mm_unpackhi_epi16(ab, cd), 1), turned);
    }
}

INLINE sum8 shift8(sum8 w) { return _mm256_slli_epi32(w, 8); }
#ifdef __AVXVNNI__
INLINE sum8 taps8(sum8 a, sum8 w, sum8 x, int from_zero)
{
    (void)from_zero;
    __asm__("%{vex%} vpdpbusd %1, %2, %0" : "+x"(a) : "x"(w), "x"(x));
    return a;
}
INLINE sum8 over8(sum8 a, sum8 w) { return _mm256_sub_epi32(a, taps8(all8(0), w, _mm256_set1_epi8(-128), 1)); }
#else
INLINE sum8 taps8(sum8 a, sum8 w, sum8 x, int from_zero)
{
    a = add8(a, _mm256_madd_epi16(even8(x, from_zero), even8(w, 0)));
    return add8(a, _mm256_madd_epi16(odd8(x, from_zero), odd8(w, 0)));
}
INLINE sum8 over8(sum8 a, sum8 w) { return (void)w, a; }
#endif

INLINE sum8 high8(sum8 sum, const int32_t *m)
{
    const __m256i twice = add8(sum, sum), factors = load8(m), half = _mm256_set1_epi64x(1ll << 31);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(twice, factors), half);
    const __m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(twice, 32), _mm256_srli_epi64(factors, 32));
    return _mm256_blend_epi32(_mm256_add_epi64(odd, half), _mm256_shuffle_epi32(even, 0xb1), 0x55);
}

INLINE sum8 twice8(sum8 sum, const int32_t *e)
{
    const sum8 high = high8(sum, e + BLOCK_8);
    return _mm256_srav_epi32(add8(add8(high, load8(e + ROUND_8)), _mm256_srai_epi32(high, 31)), load8(e + SHIFT_8));
}

INLINE sum8 scaled8(sum8 sum, const int32_t *e)
{
    const __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_castsi256_ps(load8(e + BLOCK_8)));
    const __m256 most = _mm256_set1_ps(65536.0f);
    return _mm256_cvtps_epi32(_mm256_max_ps(_mm256_min_ps(scaled, most), _mm256_set1_ps(-65536.0f)));
}

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
#else
/* Plain C, for weights in a file, which lie in this order for all. */
#define LANES8 4
#define TILE8 2
#define OVER8 0
typedef struct { int32_t of[LANES8]; } sum8;
typedef const int8_t *weights8;
#define EACH8(value) \
    sum8 v; \
    for (int i = 0; i < LANES8; i++) \
        v.of[i] = value; \
    return v
INLINE sum8 load8(const int32_t *from) { EACH8(from[i]); }
INLINE void store8(int32_t *to, sum8 a)
{
    for (int i = 0; i < LANES8; i++)
        to[i] = a.of[i];
}
INLINE sum8 add8(sum8 a, sum8 b) { EACH8(a.of[i] + b.of[i]); }
INLINE sum8 all8(int32_t all) { EACH8(all); }
INLINE sum8 keep8(sum8 a, int32_t low, int32_t high) { EACH8(a.of[i] < low ? low : a.of[i] > high ? high : a.of[i]); }
INLINE weights8 weights_of(const int8_t *w, int from_zero) { return (void)from_zero, w; }
INLINE sum8 dot8(sum8 a, weights8 w, const int8_t *x, int from_zero, int near)
{
    (void)near;
    for (int i = 0; i < 4 * LANES8; i++)
        a.of[i / 4] += from_zero ? (uint8_t)x[i % 4] * w[i] : x[i % 4] * ((uint8_t)w[i] - 128);
    return a;
}
INLINE sum8 sum_bytes(sum8 a, const int8_t *x, int bytes) { return (void)x, (void)bytes, a; }
INLINE int32_t sum_lanes(sum8 a) { return a.of[0]; }
INLINE void columns8(const int8_t *const *table, int apart, int m, int n, int from_zero, sum8 *x)
{
    (void)from_zero;
    for (int i = 0; i < BLOCK_8; i++) {
        int8_t four[4];
        for (int k = 0; k < 4; k++)
            four[k] = i < n ? table[k * apart][m + i] : 0;
        x[i / LANES8].of[i % LANES8] = word_of(four);
    }
}
INLINE sum8 shift8(sum8 w)
{
    int8_t b[4 * LANES8 + 1] = { 0 };
    __builtin_memcpy(b + 1, &w, 4 * LANES8);
    for (int i = 4; i < 4 * LANES8; i += 4)
        b[i] = 0;
    return load8((const int32_t *)(const void *)b);
}
INLINE sum8 taps8(sum8 a, sum8 w, sum8 x, int from_zero)
{
    int8_t u[4 * LANES8], v[4 * LANES8];
    __builtin_memcpy(u, &w, sizeof u);
    __builtin_memcpy(v, &x, sizeof v);
    for (int i = 0; i < 4 * LANES8; i++)
        a.of[i / 4] += u[i] * (from_zero ? (uint8_t)v[i] : v[i]);
    return a;
}
INLINE sum8 over8(sum8 a, sum8 w) { return (void)w, a; }
INLINE sum8 twice8(sum8 sum, const int32_t *e)
{
    struct ending8 one = { 0, 0, 0, 0 };
    EACH8((one.m = e[BLOCK_8 + i], one.round = e[ROUND_8 + i], one.shift = e[SHIFT_8 + i], twice(sum.of[i], &one)));
}
INLINE sum8 scaled8(sum8 sum, const int32_t *e) { EACH8(SCALED_SUM(sum.of[i], e[BLOCK_8 + i])); }
INLINE void put16(const sum8 *a, int8_t *y, int plain, int some)
{
    for (int i = 0; i < some; i++) {
        const int32_t v = a[i / LANES8].of[i % LANES8];
        const int32_t kept = !plain ? v : v < -128 ? -128 : v > 127 ? 127 : v;
        y[i] = (int8_t)(kept > 127 ? kept - 256 : kept);
    }
}
#endif
enum { VECS_16 = BLOCK_8 / LANES8 };

/* Unrolled early, or sums do not stay in registers. */
#if defined __GNUC__ && !defined __clang__
#define UNROLL8 _Pragma("GCC unroll 16")
#else
#define UNROLL8
#endif
/* The sums of a block end in y; or, `grow`, are added to those of all pixels. */
INLINE void end_block(const struct eight *s, sum8 *a, const int32_t *e, int8_t *y, int some, int32_t *grow)
{
    const int plain = s->low == -128 && s->high == 127;
    int32_t made[BLOCK_8];
    if (s->ending == SCALED || (s->ending == TWICE && e[SHIFT_8] > 0)) {
        UNROLL8
        for (int t = 0; t < VECS_16; t++) {
            a[t] = s->ending == SCALED ? add8(scaled8(a[t], e + t * LANES8), all8(s->offset)) : twice8(a[t], e + t * LANES8);
            if (!plain || grow)
                a[t] = keep8(a[t], s->low, s->high);
        }
    } else {
        for (int t = 0; t < VECS_16; t++)
            store8(made + t * LANES8, a[t]);
        for (int i = 0; i < BLOCK_8; i++) {
            const struct ending8 one = { 0, e[BLOCK_8 + i], e[ROUND_8 + i], e[SHIFT_8 + i] };
            made[i] = ended(s, made[i], &one);
        }
        for (int t = 0; t < VECS_16; t++)
            a[t] = load8(made + t * LANES8);
    }
    if (grow == NULL) {
        put16(a, y, plain, some);
        return;
    }
    for (int t = 0; t < VECS_16; t++)
        store8(made + t * LANES8, a[t]);
    for (int i = 0; i < some; i++)
        grow[i] += made[i];
}
#endif
