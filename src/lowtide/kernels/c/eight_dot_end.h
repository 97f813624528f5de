#ifdef FAMILY_DOT
enum { VECS_16 = BLOCK_8 / LANES8 };

/* Unrolled early, or sums do not stay in registers. */
#if defined __GNUC__ && !defined __clang__
#define UNROLL8 _Pragma("GCC unroll 16")
#else
#define UNROLL8
#endif
/* What sums of inputs as they are multiplied begin with. */
INLINE sum8 start8(const int32_t *e, int from_zero)
{
    const int over = FLIP8(from_zero);
    return over ? right8(load8(e), load8(e + OVER_8)) : load8(e);
}

/* The sums of a block end in y; or, `grow`, are added to those of all pixels. */
INLINE void end_block(const struct eight *s, sum8 *a, const int32_t *e, int8_t *y, int some, int32_t *grow)
{
    const int plain = s->low == -128 && s->high == 127;
    int32_t made[BLOCK_8];
    if (s->ending == SCALED || (s->ending == TWICE && e[SHIFT_8] > 0)) {
        UNROLL8
        for (int t = 0; t < VECS_16; t++) {
            a[t] = s->ending == SCALED ? add8(scaled8(a[t], e + t * LANES8), all8(s->offset)) : twice8(a[t], e + t * LANES8);
            if (!plain || grow)
                a[t] = keep8(a[t], s->low, s->high);
        }
    } else {
        for (int t = 0; t < VECS_16; t++)
            store8(made + t * LANES8, a[t]);
        for (int i = 0; i < BLOCK_8; i++) {
            const struct ending8 one = { 0, e[BLOCK_8 + i], e[ROUND_8 + i], e[SHIFT_8 + i] };
            made[i] = ended(s, made[i], &one);
        }
        for (int t = 0; t < VECS_16; t++)
            a[t] = load8(made + t * LANES8);
    }
    if (grow == NULL) {
        put16(a, y, plain, some);
        return;
    }
    for (int t = 0; t < VECS_16; t++)
        store8(made + t * LANES8, a[t]);
    for (int i = 0; i < some; i++)
        grow[i] += made[i];
}
#endif
