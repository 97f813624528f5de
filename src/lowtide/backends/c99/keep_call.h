/* Stands in every function that writes to the arena. GCC 12.2 at -O3 with AVX2 takes some that write
   bytes in vectors for functions without effect, and leaves their calls out: old numbers, and no
   warning. A statement that may touch any memory keeps the calls. */
#if defined __GNUC__ && !defined __clang__
#define KEEP_CALL __asm__ volatile("" ::: "memory")
#else
#define KEEP_CALL ((void)0)
#endif
