#ifdef FAMILY_DOT
/* Words of four inputs times those of 16 channels: w [block of 16][word][16][4]. Of a block's endings first all
   starts stand, then the factors, the roundings, the shifts, and 128 times the sums of the weights. */
enum { BLOCK_8 = 16, ROUND_8 = 2 * BLOCK_8, SHIFT_8 = 3 * BLOCK_8, OVER_8 = 4 * BLOCK_8, ENDS_8 = 5 * BLOCK_8 };

/* A compiler that knew which array it is would warn of branches for larger ones, which are not taken. */
#ifdef __GNUC__
#define UNKNOWN8(pointer) __asm__("" : "+r"(pointer))
#else
#define UNKNOWN8(pointer) (void)0
#endif

INLINE int32_t word8_of(const int8_t *b)
{
#if defined __GNUC__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    int32_t word;
    __builtin_memcpy(&word, b, 4);
    return word;
#else
    uint32_t word = 0;
    for (int k = 0; k < 4; k++)
        word |= (uint32_t)(uint8_t)b[k] << 8 * k;
    return (int32_t)word;
#endif
}
#endif
