#if !defined FAMILY_DOT && !defined FAMILY_HELIUM
/* A row of a convolution of each channel by itself. A table has where the columns under some pixels lie;
   those in the padding are a pixel of the zero point. Weights lie in blocks of channels: [tap][16]. */
enum { BLOCK8 = 16 };

/* The columns from `first` on, in all rows of the window. */
static void find_columns(const struct eight *s, const int8_t *const *x, int first, int columns, int step,
                         const int8_t *padding, const int8_t **table)
{
    for (int ky = 0; ky < s->kh; ky++)
        for (int c = 0; c < columns; c++) {
            const int8_t *at = column_of(s, x[ky], first + c * step);
            *table++ = at == NULL ? padding : at;
        }
}

/* Adds the products of all taps in n of 16 channels, from the x-th of a pixel on, to their sums. */
#ifdef __SSE2__
#include <emmintrin.h>
INLINE __m128i pairs_of(__m128i even, __m128i odd, int high, int from_zero, int last)
{
    const __m128i both = high ? _mm_unpackhi_epi8(even, odd) : _mm_unpacklo_epi8(even, odd);
    const __m128i up = last ? _mm_unpackhi_epi8(both, both) : _mm_unpacklo_epi8(both, both);
    return from_zero ? _mm_srli_epi16(up, 8) : _mm_srai_epi16(up, 8);
}

INLINE __m128i sixteen(const int8_t *from, int n)
{
    int8_t held[BLOCK8] = { 0 };
    if (n == BLOCK8)
        return _mm_loadu_si128((const __m128i *)(const void *)from);
    for (int i = 0; i < n; i++)
        held[i] = from[i];
    return _mm_loadu_si128((const __m128i *)(const void *)held);
}

INLINE void add_taps(const int8_t *const *table, int at, const int8_t *w, int taps, int n, int from_zero,
                     int32_t *sums)
{
    __m128i a[4] = { _mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128() };
    for (int t = 0; t < taps; t += 2) {
        const int second = t + 1 < taps;
        const __m128i none = _mm_setzero_si128(), x = sixteen(table[t] + at, n), v = sixteen(w + t * BLOCK8, BLOCK8);
        const __m128i y = second ? sixteen(table[t + 1] + at, n) : none;
        const __m128i u = second ? sixteen(w + (t + 1) * BLOCK8, BLOCK8) : none;
        for (int k = 0; k < 4; k++)
            a[k] = _mm_add_epi32(a[k], _mm_madd_epi16(pairs_of(x, y, k / 2, from_zero, k % 2),
                                                      pairs_of(v, u, k / 2, 0, k % 2)));
    }
    for (int k = 0; k < 4; k++)
        _mm_storeu_si128((__m128i *)(void *)(sums + 4 * k), a[k]);
}
#elif defined IN_PASSES8
INLINE void add_taps_of(const int8_t *const *table, int at, const int8_t *w, int taps, int n, int from_zero,
                        int32_t *sums)
{
    for (int i = 0; i < n; i += 4) {
        const int8_t *v = w + i;
        const int whole = n - i >= 4;
        int32_t a = 0, b = 0, c = 0, d = 0;
        for (int t = 0; t < taps; t++, v += BLOCK8) {
            const int8_t *x = table[t] + at + i;
            a += (from_zero ? (uint8_t)x[0] : x[0]) * v[0];
            if (whole || n - i > 1)
                b += (from_zero ? (uint8_t)x[1] : x[1]) * v[1];
            if (whole || n - i > 2)
                c += (from_zero ? (uint8_t)x[2] : x[2]) * v[2];
            if (whole)
                d += (from_zero ? (uint8_t)x[3] : x[3]) * v[3];
        }
        sums[i] = a;
        sums[i + 1] = b;
        sums[i + 2] = c;
        sums[i + 3] = d;
    }
}

INLINE void add_taps(const int8_t *const *table, int at, const int8_t *w, int taps, int n, int from_zero,
                     int32_t *sums)
{
    if (from_zero)
        add_taps_of(table, at, w, taps, n, 1, sums);
    else
        add_taps_of(table, at, w, taps, n, 0, sums);
}
#else
INLINE void add_taps(const int8_t *const *table, int at, const int8_t *w, int taps, int n, int from_zero,
                     int32_t *sums)
{
    for (int i = 0; i < BLOCK8; i++)
        sums[i] = 0;
    for (int t = 0; t < taps; t++, w += BLOCK8) {
        const int8_t *x = table[t] + at;
        if (from_zero)
            for (int i = 0; i < n; i++)
                sums[i] += (uint8_t)x[i] * w[i];
        else if (n == BLOCK8)
            for (int i = 0; i < BLOCK8; i++)
                sums[i] += x[i] * w[i];
        else
            for (int i = 0; i < n; i++)
                sums[i] += x[i] * w[i];
    }
}
#endif

/* One pixel, from channel `made` on. */
static void depthwise_pixel(const struct eight *s, const int8_t *const *table, const int8_t *w,
                            const struct ending8 *e, int8_t *y, int made)
{
    const int taps = s->kh * s->kw;
    for (int m = made / BLOCK8 * BLOCK8; m < s->co; m += BLOCK8) {
        const int n = s->co - m < BLOCK8 ? s->co - m : BLOCK8;
        int32_t sums[BLOCK8];
        add_taps(table, m, w + m * taps, taps, n, s->from_zero, sums);
        for (int i = m < made ? made - m : 0; i < n; i++)
            if (s->plain) {
                const int32_t v = twice(e[m + i].start + sums[i], e + m + i);
                y[m + i] = (int8_t)(v < -128 ? -128 : v > 127 ? 127 : v);
            } else {
                y[m + i] = ended(s, (int32_t)((uint32_t)e[m + i].start + (uint32_t)sums[i]), e + m + i);
            }
    }
}

#if defined __ARM_FEATURE_DSP && defined __GNUC__
/* Four channels of four pixels, two or one, under windows of three columns: two channels, then the two
   between. Sums are r4 to r11, weights r1 to r3; where the weights of the next row lie is on the stack.
   Rows of the table are those of four pixels. `turn` widens two channels of a column. Sums end TWICE in y,
   or SCALED (`offset`, `low`: as of a tile). */
struct depth8 { const struct ending8 *e; int8_t *y; int os, off; const int8_t *const *end; const int8_t *w; int offset, low; };
#define BOTH(a, b, w) "smlabb " a ", r12, " w ", " a "\n smlatt " b ", r12, " w ", " b "\n"
#define PIXEL_0(w) BOTH("r4", "r8", w)
#define PIXEL_1(w) BOTH("r5", "r9", w)
#define PIXEL_2(w) BOTH("r6", "r10", w)
#define PIXEL_3(w) BOTH("r7", "r11", w)
#define COLUMN(turn) "ldr r12, [r0], #4\n ldr r12, [r12, lr]\n " turn "\n"
#define COLUMNS_OF_ONE(turn) COLUMN(turn) PIXEL_0("r1") COLUMN(turn) PIXEL_0("r2") COLUMN(turn) PIXEL_0("r3")
#define BEGUN_ONE_APART(turn) COLUMN(turn) PIXEL_0("r1") COLUMN(turn) PIXEL_0("r2") PIXEL_1("r1")
#define WIDE_ONE_APART(turn) \
    BEGUN_ONE_APART(turn) \
    COLUMN(turn) PIXEL_0("r3") PIXEL_1("r2") PIXEL_2("r1") COLUMN(turn) PIXEL_1("r3") PIXEL_2("r2") PIXEL_3("r1") \
    COLUMN(turn) PIXEL_2("r3") PIXEL_3("r2") COLUMN(turn) PIXEL_3("r3")
#define NARROW_ONE_APART(turn) \
    BEGUN_ONE_APART(turn) COLUMN(turn) PIXEL_0("r3") PIXEL_1("r2") COLUMN(turn) PIXEL_1("r3") "add r0, #8\n"
#define SINGLE_ONE_APART(turn) COLUMNS_OF_ONE(turn) "add r0, #12\n"
#define BEGUN_TWO_APART(turn) COLUMNS_OF_ONE(turn) PIXEL_1("r1") COLUMN(turn) PIXEL_1("r2") COLUMN(turn) PIXEL_1("r3")
#define WIDE_TWO_APART(turn) \
    BEGUN_TWO_APART(turn) PIXEL_2("r1") COLUMN(turn) PIXEL_2("r2") \
    COLUMN(turn) PIXEL_2("r3") PIXEL_3("r1") COLUMN(turn) PIXEL_3("r2") COLUMN(turn) PIXEL_3("r3")
#define NARROW_TWO_APART(turn) BEGUN_TWO_APART(turn) "add r0, #16\n"
#define SINGLE_TWO_APART(turn) COLUMNS_OF_ONE(turn) "add r0, #24\n"
#define COPIED_WIDE "mov r5, r4\n mov r6, r4\n mov r7, r4\n mov r9, r8\n mov r10, r8\n mov r11, r8\n"
#define COPIED_NARROW "mov r5, r4\n mov r9, r8\n"
#define COPIED_SINGLE
#define TWO_CHANNELS(width, apart, widen, turn, a, b, ends) \
    "ldr r12, [sp, #4]\n ldr r0, [sp]\n ldr r2, [r12, #20]\n ldr lr, [r12, #12]\n str r2, [sp, #8]\n" \
    "ldr r3, [r12]\n ldr r4, [r3, #" a "]\n ldr r8, [r3, #" b "]\n" COPIED_##width "1:\n" \
    "ldr r12, [sp, #8]\n ldr r1, [r12]\n ldr r2, [r12, #16]\n ldr r3, [r12, #32]\n add r12, #48\n str r12, [sp, #8]\n" \
    "sxtb16 r1, r1" turn "\n sxtb16 r2, r2" turn "\n sxtb16 r3, r3" turn "\n" width##_##apart(widen " r12, r12" turn) \
    "ldr r12, [sp, #4]\n ldr r12, [r12, #16]\n cmp r0, r12\n bne 1b\n ldr r12, [sp, #4]\n" ends
#define ENDED(width, channel, one, a, b) \
    channel(a) OF_##width(one, "r4", "r5", "r6", "r7") "add r1, #2\n" channel(b) OF_##width(one, "r8", "r9", "r10", "r11")
#define ENDED_TWICE(width, a, b, moved) "ldm r12, {r0-r2}\n" moved ENDED(width, CHANNEL, ONE, a, b)
#define ENDED_SCALED(width, a, b, moved) \
    "ldm r12, {r0-r2}\n ldr lr, [r12, #28]\n ldr r12, [r12, #24]\n" moved ENDED(width, SCALED_CHANNEL, SCALE, a, b)
typedef void depth8_sums(const int8_t *const *table, const struct depth8 *t);
#define DEPTHWISE(name, width, apart, widen, ends) \
    __attribute__((naked, NOIPA, unused)) static void name( \
        const int8_t *const *table __attribute__((unused)), const struct depth8 *t __attribute__((unused))) \
    { \
        __asm__ volatile("push {r0-r2, r4-r11, lr}\n" \
                         TWO_CHANNELS(width, apart, widen, "", "0", "32", ends(width, "0", "32", "")) \
                         TWO_CHANNELS(width, apart, widen, ", ror #8", "16", "48", ends(width, "16", "48", "add r1, #1\n")) \
                         "pop {r0-r2, r4-r11, pc}\n"); \
    }
#define DEPTHWISES(kind, widen, ends) \
    DEPTHWISE(kind##_one_apart, WIDE, ONE_APART, widen, ends) \
    DEPTHWISE(kind##_one_apart_narrow, NARROW, ONE_APART, widen, ends) \
    DEPTHWISE(kind##_one_apart_single, SINGLE, ONE_APART, widen, ends) \
    DEPTHWISE(kind##_two_apart, WIDE, TWO_APART, widen, ends) \
    DEPTHWISE(kind##_two_apart_narrow, NARROW, TWO_APART, widen, ends) \
    DEPTHWISE(kind##_two_apart_single, SINGLE, TWO_APART, widen, ends) \
    static depth8_sums *const kind##_kinds[][3] = { \
        { kind##_one_apart_single, kind##_one_apart_narrow, kind##_one_apart }, \
        { kind##_two_apart_single, kind##_two_apart_narrow, kind##_two_apart } };
DEPTHWISES(depthwise, "sxtb16", ENDED_TWICE)
#ifdef SCALED_TILES
DEPTHWISES(depthwise_scaled, "sxtb16", ENDED_SCALED)
DEPTHWISES(depthwise_unsigned, "uxtb16", ENDED_SCALED)
#define SCALED_KINDS(s) ((s)->high - (s)->low < 255 ? NULL : (s)->from_zero ? depthwise_unsigned_kinds : depthwise_scaled_kinds)
#else
#define SCALED_KINDS(s) NULL
#endif

/* As many channels of a row as come in fours. */
static int depthwise_fours(const struct eight *s, const int8_t *const *x, const int8_t *w,
                           const struct ending8 *e, int8_t *y, const int8_t *padding, const int8_t **table)
{
    depth8_sums *const (*kinds)[3] = s->ending == SCALED ? SCALED_KINDS(s) : s->plain && !s->from_zero ? depthwise_kinds : NULL;
    const int columns = s->stride == 1 ? WIDE8 + 2 : 2 * WIDE8 + 1, fours = s->co / 4 * 4;
    int whole = 1, built = -1, pixels;
    if (kinds == NULL || s->kw != 3 || s->dilation != 1 || s->stride > 2)
        return 0;
    for (int ky = 0; ky < s->kh; ky++)
        whole = whole && x[ky] != NULL;
    for (int q = 0; q < s->ow; q += pixels) {
        const int first = q * s->stride - s->before, left = s->ow - q;
        pixels = left >= WIDE8 ? WIDE8 : left >= NARROW8 ? NARROW8 : 1;
        const int inside = whole && first >= 0 && first + (pixels - 1) * s->stride + 3 <= s->iw;
        if (!inside || built < 0) {
            find_columns(s, x, first, columns, 1, padding, table);
            built = inside ? first : -1;
        }
        struct depth8 t = { e, y + q * s->os, s->os, inside ? (first - built) * s->is : 0,
                            table + s->kh * columns, w, s->offset - s->low, s->low };
        for (int m = 0; m < fours; m += 4) {
            kinds[s->stride - 1][pixels / 2](table, &t);
            t.e += 4;
            t.y += 4;
            t.off += 4;
            t.w += m % BLOCK8 == BLOCK8 - 4 ? 3 * s->kh * BLOCK8 - (BLOCK8 - 4) : 4;
        }
    }
    return fours;
}
#else
INLINE int depthwise_fours(const struct eight *s, const int8_t *const *x, const int8_t *w,
                           const struct ending8 *e, int8_t *y, const int8_t *padding, const int8_t **table)
{
    (void)s, (void)x, (void)w, (void)e, (void)y, (void)padding, (void)table;
    return 0;
}
#endif

static void depthwise_eight(const struct eight *s, const int8_t *const *x, const int8_t *w,
                            const struct ending8 *e, int8_t *y, wide16 *scratch)
{
    const int8_t *table[COLUMNS8];
    int8_t *padding = (int8_t *)scratch;
    for (int i = 0; i < s->co; i++)
        padding[i] = (int8_t)(s->zero > 127 ? s->zero - 256 : s->zero);
    const int made = depthwise_fours(s, x, w, e, y, padding, table);
    for (int q = 0; q < s->ow && made < s->co; q++) {
        find_columns(s, x, q * s->stride - s->before, s->kw, s->dilation, padding, table);
        depthwise_pixel(s, table, w, e, y + q * s->os, made);
    }
}
#endif
