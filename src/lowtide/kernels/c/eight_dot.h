#ifdef FAMILY_DOT
/* Words of four inputs times those of 16 channels: w [block of 16][word][16][4], as bytes of which the highest
   bit is turned if inputs are signed: vpdpbusd wants one factor unsigned. Of a block's endings first
   all starts stand, then the factors, roundings and shifts. */
enum { BLOCK_8 = 16, ROUND_8 = 2 * BLOCK_8, SHIFT_8 = 3 * BLOCK_8, ENDS_8 = 4 * BLOCK_8 };

#ifdef __GNUC__
typedef int32_t MAY_ALIAS word8;
INLINE int32_t word_of(const int8_t *x)
{
    int32_t word;
    __builtin_memcpy(&word, x, 4);
    return word;
}
#endif
#endif
