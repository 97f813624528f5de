#if defined __GNUC__
#define SPARE static inline __attribute__((unused)) /* not every program needs both */
#else
#define SPARE static inline
#endif

/* Low-bit weights: code k of `bits` bits, in two's complement, the first in the lowest bits. */
SPARE int code(const uint8_t *p, int k, int bits)
{
    const size_t at = (size_t)k * (size_t)bits / 8;
    const unsigned below = (unsigned)((size_t)k * (size_t)bits % 8), sign = 1u << (bits - 1);
    const unsigned next = below + (unsigned)bits > 8 ? p[at + 1] : 0u;
    return (int)((((p[at] | next << 8) >> below) & (2 * sign - 1)) ^ sign) - (int)sign;
}

/* A float from its 16-bit form: shifted into place, its exponent is 112 too small. */
SPARE float half(uint16_t h)
{
    union { uint32_t bits; float value; } u;
    u.bits = (uint32_t)(h & 0x8000u) << 16 | (uint32_t)(h & 0x7fffu) << 13;
    return u.value * 0x1p112f;
}
