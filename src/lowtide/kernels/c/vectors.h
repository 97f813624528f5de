/* Vectors of LANES floats as GCC and Clang have them, or plain floats. Weights lie in blocks of BLOCK
   channels. Sums of up to TILE pixels stay in registers, of VECS vectors each or, where fewer channels
   are left, of half as many. */
#ifndef LANES
#if !defined __GNUC__
#define LANES 1
#elif defined __AVX512F__
#define LANES 16
#elif defined __AVX__
#define LANES 8
#elif defined __SSE__ || defined __aarch64__
#define LANES 4
#else
#define LANES 1
#endif
#endif
#ifdef __GNUC__
#define INLINE static inline __attribute__((always_inline, unused)) /* some kernels need some of them */
#define APART static __attribute__((noinline))
#else
#define INLINE static inline
#define APART static
#endif
/* Before a loop over the sums of a tile: they stay in registers only where no index is left. */
#if defined __GNUC__ && !defined __clang__
#define UNROLL _Pragma("GCC unroll 16")
#else
#define UNROLL
#endif
enum { BLOCK = 16 };
#if defined __GNUC__ && defined __ARM_FEATURE_FMA && defined __thumb2__ && LANES == 1
#define QUADS /* quads.h */
#endif
#if LANES == 1 || !defined __GNUC__
#ifdef QUADS
#define TILE 4
enum { VECS = 4 };
#else
#define TILE 1
enum { VECS = BLOCK };
#endif
typedef f32 vec, in_memory;
#define SELECT(test, a, b) ((test) ? (a) : (b))
#else
#if LANES == 16
#define TILE 8
enum { VECS = 2 };
#elif LANES == 8
#define TILE 6
enum { VECS = 2 };
#elif defined __aarch64__
#define TILE 4
enum { VECS = 4 };
#else
#define TILE 2
enum { VECS = 4 };
#endif
typedef float vec __attribute__((vector_size(4 * LANES)));
typedef float in_memory __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int bits __attribute__((vector_size(4 * LANES)));
#define SELECT(test, a, b) ((vec)(((bits)(a) & (test)) | ((bits)(b) & ~(test))))
#endif
enum { WIDE = VECS * LANES < BLOCK ? BLOCK : VECS * LANES, HALF = (VECS + 1) / 2 };

/* The larger or smaller of a and b, and a if either is NaN. */
#if LANES == 16 && defined __AVX512F__
#define MASKS 1
#include <immintrin.h>
#define LARGER(a, b) ((vec)_mm512_max_ps((__m512)(b), (__m512)(a)))
#define SMALLER(a, b) ((vec)_mm512_min_ps((__m512)(b), (__m512)(a)))
#elif LANES == 8 && defined __AVX__
#include <immintrin.h>
#define LARGER(a, b) ((vec)_mm256_max_ps((__m256)(b), (__m256)(a)))
#define SMALLER(a, b) ((vec)_mm256_min_ps((__m256)(b), (__m256)(a)))
#elif LANES == 4 && defined __SSE__
#include <xmmintrin.h>
#define LARGER(a, b) ((vec)_mm_max_ps((__m128)(b), (__m128)(a)))
#define SMALLER(a, b) ((vec)_mm_min_ps((__m128)(b), (__m128)(a)))
#else
#define LARGER(a, b) SELECT((a) < (b), b, a)
#define SMALLER(a, b) SELECT((b) < (a), b, a)
#endif
#ifndef MASKS
#define MASKS 0
#endif

/* The first `some` elements of a vector, or all; the lanes behind them are 0. */
INLINE vec load(const f32 *from, int some)
{
#if MASKS && defined __AVX512F__
    if (some < LANES)
        return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << some) - 1), from);
#else
    f32 held[LANES] = { 0.0f };
    for (int t = 0; t < some && some < LANES; t++)
        held[t] = from[t];
    if (some < LANES)
        return *(const in_memory *)held;
#endif
    return *(const in_memory *)from;
}

/* Writes the first `some` elements of a vector, or all. */
INLINE void store(f32 *to, vec v, int some)
{
#if MASKS && defined __AVX512F__
    if (some < LANES) {
        _mm512_mask_storeu_ps(to, (__mmask16)((1u << some) - 1), (__m512)v);
        return;
    }
#else
    f32 held[LANES];
    *(in_memory *)held = v;
    for (int t = 0; t < some && some < LANES; t++)
        to[t] = held[t];
    if (some < LANES)
        return;
#endif
    *(in_memory *)to = v;
}
