#ifndef INLINE
#ifdef __GNUC__
#define INLINE static inline __attribute__((always_inline, unused)) /* some kernels need some of them */
#else
#define INLINE static inline
#endif
#endif
#ifdef __GNUC__
#define PERHAPS static __attribute__((unused))
#else
#define PERHAPS static inline
#endif
#ifdef __clang__ /* a function in assembler: a compiler does not see what is read and written there */
#define NOIPA noinline
#else
#define NOIPA noipa
#endif
