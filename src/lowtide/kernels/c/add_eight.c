/* Sums of two 8-bit numbers, each rescaled before and their sum after; shifts are to the right. */
enum { RAISED8 = 20 };
struct scaled8 { int32_t zero, m, shift; };
struct add8 { struct scaled8 x[2], y; int32_t low, high; };

#ifdef FAMILY_HELIUM
/* `numbers` are zeros, factors and shifts, below 0, of both and of the sum; bounds; by how much a number
   of each is shifted to be 1 if it is below 0, and 0 if it is not, or if no shift follows; an offset. */
#define ROUND8(sum, sign, by) "vshl.u32 q2, " sum ", " sign "\n vsub.i32 " sum ", " sum ", q2\n vrshl.s32 " sum ", " by "\n"
#define TERM8(sum, zero, m, by, sign) \
    "vadd.i32 " sum ", " sum ", " zero "\n vshl.i32 " sum ", " sum ", #20\n" \
    "vqrdmulh.s32 " sum ", " sum ", " m "\n" ROUND8(sum, sign, by)
#define SPREAD8(to) "ldr r12, [r0], #4\n vdup.32 " to ", r12\n"
__attribute__((naked, NOIPA, unused)) static void add_vectors(
    const int32_t *numbers __attribute__((unused)), const int8_t *a __attribute__((unused)),
    const int8_t *b __attribute__((unused)), int8_t *y __attribute__((unused)), int n __attribute__((unused)))
{
    __asm__ volatile(
        "push {r4-r11, lr}\n vpush {d8-d15}\n ldm r0!, {r4-r11}\n"
        SPREAD8("q3") SPREAD8("q4") SPREAD8("q5") SPREAD8("q6") SPREAD8("q7")
        "ldr r12, [sp, #100]\n dlstp.32 lr, r12\n ldr r12, [r0]\n"
        "1: vldrb.s32 q0, [r1], #4\n vldrb.s32 q1, [r2], #4\n"
        TERM8("q0", "r4", "r5", "r6", "q5") TERM8("q1", "r7", "r8", "r9", "q6")
        "vadd.i32 q0, q0, q1\n vqrdmulh.s32 q0, q0, r10\n" ROUND8("q0", "q7", "r11")
        "vadd.i32 q0, q0, r12\n vmax.s32 q0, q0, q3\n vmin.s32 q0, q0, q4\n vstrb.32 q0, [r3], #4\n"
        "letp lr, 1b\n vpop {d8-d15}\n pop {r4-r11, pc}\n");
}

static void add_run(const struct add8 *s, const int8_t *a, const int8_t *b, int8_t *y, int n)
{
    const struct scaled8 *x = s->x;
    const int32_t numbers[] = { -x[0].zero, x[0].m, -x[0].shift, -x[1].zero, x[1].m, -x[1].shift, s->y.m, -s->y.shift,
                                s->low, s->high, x[0].shift ? -31 : -32, x[1].shift ? -31 : -32,
                                s->y.shift ? -31 : -32, s->y.zero };
    add_vectors(numbers, a, b, y, n);
}
#else
/* Numbers below 0 that a shift follows are moved down by 1, `below`, so that halves go away from 0. */
struct factor8 { int32_t m, half, shift, below; };

INLINE struct factor8 factor_of(const struct scaled8 *s)
{
    const struct factor8 f = { s->m, s->shift ? 1 << (s->shift - 1) : 0, s->shift, s->shift ? -1 : 0 };
    return f;
}

INLINE int32_t rescaled(int32_t v, struct factor8 f)
{
    const int32_t high = product8(v, f.m);
    return (high + (high >> 31 & f.below) + f.half) >> f.shift;
}

/* The factor of the second is 1/2 if it is `halved`. */
INLINE void add_numbers(const struct add8 *s, const int8_t *a, const int8_t *b, int first, int8_t *y, int n, int halved)
{
    const struct factor8 f = factor_of(s->x + first), g = factor_of(s->x + !first), h = factor_of(&s->y);
    const int32_t zero = s->x[first].zero, other = s->x[!first].zero, offset = s->y.zero, low = s->low, high = s->high;
    for (int i = 0; i < n; i++) {
        const int32_t raised = (b[i] - other) * (1 << (RAISED8 - halved));
        const int32_t both = rescaled((a[i] - zero) * (1 << RAISED8), f) + (halved ? raised : rescaled(raised, g));
        const int32_t v = rescaled(both, h) + offset;
        y[i] = (int8_t)(v < low ? low : v > high ? high : v);
    }
}

static void add_run(const struct add8 *s, const int8_t *a, const int8_t *b, int8_t *y, int n)
{
    const struct scaled8 *x = s->x;
    if (x[0].m == 1 << 30 && x[0].shift == 0)
        add_numbers(s, b, a, 1, y, n, 1);
    else if (x[1].m == 1 << 30 && x[1].shift == 0)
        add_numbers(s, a, b, 0, y, n, 1);
    else
        add_numbers(s, a, b, 0, y, n, 0);
}
#endif

/* Whether n numbers may be made from x from the first on, some at a time. */
INLINE int in_order(const int8_t *x, const int8_t *y, int n)
{
    return (uintptr_t)y <= (uintptr_t)x || (uintptr_t)y >= (uintptr_t)(x + n);
}

/* A row. Where it lies over what is to be read yet, each pixel is made beside it. */
static void add_eight(const struct eight *s, const struct add8 *numbers, const int8_t *const *x, int8_t *y)
{
    const int n = s->ow * s->co;
    int8_t made[PIXEL8];
    if (in_order(x[0], y, n) && in_order(x[1], y, n)) {
        add_run(numbers, x[0], x[1], y, n);
        return;
    }
    for (int k = 0; k < s->ow; k++) {
        const int at = (s->back ? s->ow - 1 - k : k) * s->co;
        add_run(numbers, x[0] + at, x[1] + at, made, s->co);
        for (int i = 0; i < s->co; i++)
            y[at + i] = made[i];
    }
}
