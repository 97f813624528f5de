/* Stands where a test for padding has to stay a branch. GCC 12.2 at -O3 with AVX-512 (its PR 114375,
   mended in GCC 14) makes the test a mask, and where lanes of a vector share one element that is read
   under it, each of them reads another: wrong sums, and no warning. A statement that may not be left
   out keeps the branch. */
#if defined __GNUC__ && __GNUC__ < 14 && !defined __clang__
#define KEEP_BRANCH __asm__ volatile("")
#else
#define KEEP_BRANCH ((void)0)
#endif
