/* A constant as it lies in flash; `per` outputs share a scale, of 16 bits or of 32. */
struct packed { const uint8_t *codes; const void *scales; int bits, centred, halves, per; };

/* n values from number `first` on. */
static inline void unpack_any(const struct packed *w, size_t first, int n, const float *scale, float *v)
{
    const size_t bit = first * (size_t)w->bits;
    const uint8_t *p = w->codes + bit / 8;
    const uint32_t sign = 1u << (w->bits - 1);
    const float middle = w->centred ? 0.5f : 0.0f;
    uint32_t held = (uint32_t)(*p >> bit % 8);
    for (int t = 0, have = 8 - (int)(bit % 8); t < n; t++, have -= w->bits, held >>= w->bits) {
        if (have < w->bits) {
            held |= (uint32_t)*++p << have;
            have += 8;
        }
        v[t] = ((float)((int)((held & (2 * sign - 1)) ^ sign) - (int)sign) + middle) * scale[t];
    }
}

/* `count` runs of n values of 2 to 4 bits, `apart` bytes from one to the next. Eights of them are so many
   bytes, one word. */
#if defined __GNUC__ && !defined __clang__
#define EIGHT_TIMES _Pragma("GCC unroll 8") /* shifts by constants, at -O2 and -Os as well */
#else
#define EIGHT_TIMES
#endif
#if defined __AVX2__ && defined __GNUC__
typedef int eight_codes __attribute__((vector_size(32)));
typedef float eight_values __attribute__((vector_size(32), aligned(4), may_alias));
#endif
INLINE void unpack_eights(const uint8_t *runs, size_t apart, int count, int n, int bits, float middle,
                          const float *scale, float *v, int step)
{
    for (; count > 0; count--, runs += apart, v += step) {
        const uint8_t *p = runs;
        for (int at = 0; at < n; at += 8, p += bits) {
            uint32_t word = 0;
            for (int k = 0; k < bits; k++)
                word |= (uint32_t)p[k] << 8 * k;
#if defined __AVX2__ && defined __GNUC__
            const eight_codes turn = { 0, 1, 2, 3, 4, 5, 6, 7 };
            const eight_codes code = ((int)word << (32 - bits - bits * turn)) >> (32 - bits);
            const eight_values by = *(const eight_values *)(scale + at);
            *(eight_values *)(v + at) = (__builtin_convertvector(code, eight_values) + middle) * by;
#else
            EIGHT_TIMES
            for (int t = 0; t < 8; t++) {
                const int32_t code = (int32_t)(word << (32 - bits - bits * t)) >> (32 - bits);
                v[at + t] = ((float)code + middle) * scale[at + t];
            }
#endif
        }
    }
}

/* `count` runs of n values, `apart` values from one to the next, from number `first` on; in v they begin
   `step` apart. */
static inline void unpack(const struct packed *w, size_t first, size_t apart, int count, int n,
                          const float *scale, float *v, int step)
{
    const size_t bits = (size_t)w->bits;
    const uint8_t *p = w->codes + first / 8 * bits;
    const float middle = w->centred ? 0.5f : 0.0f;
    if (first % 8 || apart % 8 || n % 8 || bits < 2 || bits > 4)
        for (int k = 0; k < count; k++)
            unpack_any(w, first + (size_t)k * apart, n, scale, v + k * step);
    else if (bits == 2)
        unpack_eights(p, apart / 8 * 2, count, n, 2, middle, scale, v, step);
    else if (bits == 3)
        unpack_eights(p, apart / 8 * 3, count, n, 3, middle, scale, v, step);
    else
        unpack_eights(p, apart / 8 * 4, count, n, 4, middle, scale, v, step);
}

/* The scales of n outputs from m on. */
static inline void unpack_scales(const struct packed *w, int m, int n, float *scale)
{
    for (int t = 0; t < n; t++) {
        const int k = (m + t) / w->per;
        scale[t] = w->halves ? half(((const uint16_t *)w->scales)[k]) : ((const float *)w->scales)[k];
    }
}
