#if defined FAMILY_DOT && !defined LANES8
/* Plain C, for weights in a file, which lie in this order for all. A word is four bytes, the first one lowest. */
#define LANES8 4
#define TILE8 2
#define FLIP8(from_zero) ((from_zero) ? 0 : -128)
typedef struct { int32_t of[LANES8]; } sum8, weights8;
#define EACH8(value) \
    sum8 v; \
    for (int i = 0; i < LANES8; i++) \
        v.of[i] = value; \
    return v
#define BYTE8(word, k) (int32_t)(((uint32_t)(word) >> 8 * (k)) & 255)
#define SIGNED8(word, k) ((BYTE8(word, k) ^ 128) - 128)
INLINE sum8 load8(const int32_t *from) { EACH8(from[i]); }
INLINE sum8 bytes8(const int8_t *from) { EACH8(word8_of(from + 4 * i)); }
INLINE void store8(int32_t *to, sum8 a)
{
    for (int i = 0; i < LANES8; i++)
        to[i] = a.of[i];
}
INLINE sum8 add8(sum8 a, sum8 b) { EACH8((int32_t)((uint32_t)a.of[i] + (uint32_t)b.of[i])); }
INLINE sum8 all8(int32_t all) { EACH8(all); }
INLINE sum8 keep8(sum8 a, int32_t low, int32_t high) { EACH8(a.of[i] < low ? low : a.of[i] > high ? high : a.of[i]); }
INLINE sum8 right8(sum8 a, sum8 b) { EACH8((int32_t)((uint32_t)a.of[i] - (uint32_t)b.of[i])); }
INLINE weights8 weights_of(sum8 w) { return w; }
INLINE sum8 dot8(sum8 a, weights8 w, sum8 x)
{
    sum8 more = { { 0 } };
    for (int i = 0; i < LANES8; i++)
        for (int k = 0; k < 4; k++)
            more.of[i] += SIGNED8(w.of[i], k) * BYTE8(x.of[i], k);
    return add8(a, more);
}
INLINE void copy8(int8_t *to, const int8_t *from, int bytes, int flip)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (int8_t)(from[i] ^ flip);
}
INLINE void columns8(const int8_t *const *table, int apart, int m, int n, int flip, sum8 *x)
{
    for (int i = 0; i < BLOCK_8; i++) {
        int8_t four[4];
        for (int k = 0; k < 4; k++)
            four[k] = i < n ? (int8_t)(table[k * apart][m + i] ^ flip) : 0;
        x[i / LANES8].of[i % LANES8] = word8_of(four);
    }
}
INLINE sum8 shift8(sum8 w) { EACH8((int32_t)((uint32_t)w.of[i] << 8)); }

/* Factors, those of odd lanes by themselves, roundings and shifts. */
typedef struct { sum8 m, odd, round, shift; } ends8;
INLINE ends8 ends_of(const int32_t *e)
{
    const sum8 m = load8(e + BLOCK_8);
    const ends8 found = { m, m, load8(e + ROUND_8), load8(e + SHIFT_8) };
    return found;
}
INLINE sum8 twice8(sum8 sum, const ends8 *e)
{
    struct ending8 one = { 0, 0, 0, 0 };
    EACH8((one.m = e->m.of[i], one.round = e->round.of[i], one.shift = e->shift.of[i], twice(sum.of[i], &one)));
}
INLINE sum8 scaled8(sum8 sum, const ends8 *e) { EACH8(SCALED_SUM(sum.of[i], e->m.of[i])); }
INLINE void put16(const sum8 *a, int8_t *y, int plain, int some)
{
    for (int i = 0; i < some; i++) {
        const int32_t v = a[i / LANES8].of[i % LANES8];
        const int32_t kept = !plain ? v : v < -128 ? -128 : v > 127 ? 127 : v;
        y[i] = (int8_t)(kept > 127 ? kept - 256 : kept);
    }
}
#endif
