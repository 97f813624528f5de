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

/* How a block ends, in registers for all pixels of a tile; `plain` if all sums do by a shift to the right, in all of
   -128 to 127. */
struct end8 { const int32_t *e; ends8 of[VECS_16]; int done, plain; };
INLINE struct end8 end_of(const struct eight *s, const int32_t *e)
{
    struct end8 end;
    end.e = e;
    end.done = s->ending == TWICE && e[SHIFT_8] > 0;
    end.plain = end.done && s->low == -128 && s->high == 127;
    UNROLL8
    for (int t = 0; t < VECS_16; t++)
        end.of[t] = ends_of(e + t * LANES8);
    return end;
}

/* The sums of a block in the ways that are rarer. */
PERHAPS void end_slowly(const struct eight *s, const int32_t *e, int32_t *sums)
{
    for (int i = 0; i < BLOCK_8; i++) {
        const struct ending8 one = { 0, e[BLOCK_8 + i], e[ROUND_8 + i], e[SHIFT_8 + i] };
        sums[i] = ended(s, sums[i], &one);
    }
}

/* They end in y; or, `grow`, are added to those of all pixels. */
INLINE void end_block(const struct eight *s, const struct end8 *end, sum8 *a, int8_t *y, int some, int32_t *grow)
{
    int32_t made[BLOCK_8];
    if (end->plain && some == BLOCK_8 && grow == NULL) {
        UNROLL8
        for (int t = 0; t < VECS_16; t++)
            a[t] = twice8(a[t], &end->of[t]);
        put16(a, y, 1, BLOCK_8);
        return;
    }
    UNROLL8
    for (int t = 0; t < VECS_16; t++) {
        if (end->done)
            a[t] = twice8(a[t], &end->of[t]);
        else if (s->ending == SCALED)
            a[t] = add8(scaled8(a[t], &end->of[t]), all8(s->offset));
        if (end->done || s->ending == SCALED)
            a[t] = keep8(a[t], s->low, s->high);
        store8(made + t * LANES8, a[t]);
    }
    if (!end->done && s->ending != SCALED) {
        end_slowly(s, end->e, made);
        for (int t = 0; t < VECS_16; t++)
            a[t] = load8(made + t * LANES8);
    }
    if (grow == NULL)
        put16(a, y, 0, some);
    for (int i = 0; i < some && grow; i++)
        grow[i] += made[i];
}
#endif
