/* Vectors of LANES floats as GCC and Clang have them, or plain floats. A block of channels is VECS
   vectors; TILE pixels of a block, or FEW where few are left, are summed in registers. */
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
#define INLINE static inline __attribute__((always_inline))
#define APART static __attribute__((noinline))
#define PREFETCH(p) __builtin_prefetch(p)
#else
#define INLINE static inline
#define APART static
#define PREFETCH(p) ((void)(p))
#endif
enum { BLOCK = 16, VECS = BLOCK / LANES, HALF = (VECS + 1) / 2, ZEROS = 64 };
#if LANES == 1
enum { TILE = 1, FEW = 1 };
typedef f32 vec, in_memory;
#define SELECT(test, a, b) ((test) ? (a) : (b))
#else
#if LANES == 16
enum { TILE = 8, FEW = 5 };
#elif LANES == 8
enum { TILE = 6, FEW = 4 };
#elif defined __aarch64__
enum { TILE = 4, FEW = 3 };
#else
enum { TILE = 2, FEW = 1 };
#endif
typedef float vec __attribute__((vector_size(4 * LANES)));
typedef float in_memory __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int bits __attribute__((vector_size(4 * LANES)));
#define SELECT(test, a, b) ((vec)(((bits)(a) & (test)) | ((bits)(b) & ~(test))))
#endif
