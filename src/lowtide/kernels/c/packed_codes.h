/* A constant as it lies in flash; `per` outputs share a scale, of 16 bits or of 32. There is room for so
   many `floats` that are unpacked. */
struct packed { const uint8_t *codes; const void *scales; int bits, centred, halves, per, floats; };

/* n values from number `first` on. */
static inline void unpack_any(const struct packed *w, size_t first, int n, const f32 *scale, f32 *v)
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

/* `count` runs of n values, `apart` bytes from one to the next. Eights of them are so many bytes as one has
   bits; of up to 4 bits they are one word, else each four of them is. */
#if defined __GNUC__ && !defined __clang__
#define EIGHT_TIMES _Pragma("GCC unroll 8") /* shifts by constants, at -O2 and -Os as well */
#else
#define EIGHT_TIMES
#endif
#if defined __AVX2__ && defined __GNUC__
typedef int eight_codes __attribute__((vector_size(32)));
typedef float eight_values __attribute__((vector_size(32), aligned(4), may_alias));
#endif
INLINE void unpack_eights(const uint8_t *runs, size_t apart, int count, int n, int width, float middle,
                          const f32 *scale, f32 *v, int step)
{
    for (; count > 0; count--, runs += apart, v += step) {
        const uint8_t *p = runs;
        for (int at = 0; at < n; at += 8, p += width) {
            const int each = width > 4 ? 4 : 8;
            uint64_t eight = 0;
            for (int k = 0; k < width; k++)
                eight |= (uint64_t)p[k] << 8 * k;
            const uint32_t low = (uint32_t)eight, high = (uint32_t)(eight >> 4 * width);
#if defined __AVX2__ && defined __GNUC__
            const eight_codes turn = { 0, 1, 2, 3, 4 % each, 5 % each, 6 % each, 7 % each };
            const int a = (int)low, b = (int)(width > 4 ? high : low);
            const eight_codes word = { a, a, a, a, b, b, b, b };
            const eight_codes code = (word << (32 - width - width * turn)) >> (32 - width);
            const eight_values by = *(const eight_values *)(scale + at);
            *(eight_values *)(v + at) = (__builtin_convertvector(code, eight_values) + middle) * by;
#else
            EIGHT_TIMES
            for (int t = 0; t < 8; t++) {
                const uint32_t word = t < each ? low : high;
                const int32_t code = (int32_t)(word << (32 - width - width * (t % each))) >> (32 - width);
                v[at + t] = ((float)code + middle) * scale[at + t];
            }
#endif
        }
    }
}

/* `count` runs of n values, `apart` values from one to the next, from number `first` on; in v they begin
   `step` apart. Of BITS_1 .. 8 those are 1 that some weights of the network have, and BITS_ANY if some are
   not eights. */
#define UNPACK_EIGHTS(b) \
    if (BITS_##b && w->bits == b) \
        unpack_eights(w->codes + first / 8 * b, apart / 8 * b, count, n, b, middle, scale, v, step);
static inline void unpack(const struct packed *w, size_t first, size_t apart, int count, int n,
                          const f32 *scale, f32 *v, int step)
{
    const float middle = w->centred ? 0.5f : 0.0f;
    if (BITS_ANY && (first % 8 || apart % 8 || n % 8)) {
        for (int k = 0; k < count; k++)
            unpack_any(w, first + (size_t)k * apart, n, scale, v + k * step);
        return;
    }
    UNPACK_EIGHTS(1)
    UNPACK_EIGHTS(2)
    UNPACK_EIGHTS(3)
    UNPACK_EIGHTS(4)
    UNPACK_EIGHTS(5)
    UNPACK_EIGHTS(6)
    UNPACK_EIGHTS(7)
    UNPACK_EIGHTS(8)
}

/* The scales of n outputs from m on. */
static inline void unpack_scales(const struct packed *w, int m, int n, f32 *scale)
{
    for (int t = 0; t < n; t++) {
        const int k = (m + t) / w->per;
        scale[t] = w->halves ? half(((const uint16_t *)w->scales)[k]) : ((const float *)w->scales)[k];
    }
}
