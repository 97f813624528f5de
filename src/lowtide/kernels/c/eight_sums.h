#ifndef FAMILY_DOT
/* Sums of a tile: four pixels, two or one, of two channels. x has words of two inputs, those of the pixels
   side by side (`gathered`), or columns side by side, of which each serves several pixels: two more
   than pixels where windows of three columns are one apart (`sliding`), one more than twice as many
   where they are two apart, even ones first (`striding`). A word of weights has the two inputs of two
   channels: a0 b0 a1 b1.

   `pairs` of channels are made one after the other; their sums end TWICE in y, in all of -128 to 127,
   until one that ends in another way. Its sums are left in the tile; so are the first if y is NULL. Where
   assembler has SCALED_TILES, all may be SCALED, in numbers of all 8 bits: `low` is the least of them, `offset` what is
   added, less `low`. */
enum { WIDE8 = 4, NARROW8 = 2 };
struct tile8 { const struct ending8 *e; int8_t *y; int os, pairs; int32_t sums[2 * WIDE8]; int apart, offset, low; };
typedef void tile8_sums(const wide16 *x, const int8_t *w, int bytes, struct tile8 *t);

#if defined __ARM_FEATURE_DSP && defined __GNUC__
/* Thirteen instructions for sixteen products: eight sums, r4 to r11, stay in registers, and no other
   is left. In C, GCC 12 spills them. On the stack: x, where the weights of a pair end, their bytes, t. */
#pragma GCC diagnostic ignored "-Woverlength-strings" /* Clang: assembler is one string */
#define SUMS(name) \
    __attribute__((naked, NOIPA, unused)) static void name( \
        const wide16 *x __attribute__((unused)), const int8_t *w __attribute__((unused)), \
        int bytes __attribute__((unused)), struct tile8 *t __attribute__((unused)))
#define BEGIN \
    "push {r0-r11, lr}\n 0:\n ldr r2, [sp, #8]\n ldr r0, [sp]\n add r2, r1\n ldr r3, [sp, #12]\n" \
    "str r2, [sp, #4]\n ldr r3, [r3]\n ldr r4, [r3]\n ldr r8, [r3, #16]\n" \
    "mov r5, r4\n mov r6, r4\n mov r7, r4\n mov r9, r8\n mov r10, r8\n mov r11, r8\n"
#define WEIGHTS "ldr lr, [r1], #4\n sxtb16 r12, lr\n sxtb16 lr, lr, ror #8\n"
#define FIRST "smlad r4, r12, r2, r4\n smlad r8, lr, r2, r8\n smlad r5, r12, r3, r5\n smlad r9, lr, r3, r9\n"
#define LAST "smlad r6, r12, r2, r6\n smlad r10, lr, r2, r10\n smlad r7, r12, r3, r7\n smlad r11, lr, r3, r11\n"
#define PAIR WEIGHTS "ldrd r2, r3, [r0], #8\n" FIRST "ldrd r2, r3, [r0], #8\n" LAST
#define PAIR_NARROW WEIGHTS "ldrd r2, r3, [r0], #8\n" FIRST
#define PAIR_SINGLE TAP_SINGLE("[r0], #4")
#define TAP(first, last) WEIGHTS "ldrd r2, r3, " last "\n" LAST "ldrd r2, r3, " first "\n" FIRST
#define TAP_NARROW(first) WEIGHTS "ldrd r2, r3, " first "\n" FIRST
#define TAP_SINGLE(only) WEIGHTS "ldr r2, " only "\n smlad r4, r12, r2, r4\n smlad r8, lr, r2, r8\n"
#define UNTIL "ldr r2, [sp, #4]\n cmp r1, r2\n bne 1b\n"
#define ONE(sum, at) \
    "lsl " sum ", #1\n smmulr " sum ", " sum ", r3\n add " sum ", " sum ", " sum ", asr #31\n" \
    "add " sum ", r12\n asr " sum ", lr\n ssat " sum ", #8, " sum "\n strb " sum ", " at "\n"
#define CHANNEL(at) \
    "ldr r3, [r0, #4 + " at "]\n ldr r12, [r0, #8 + " at "]\n ldr lr, [r0, #12 + " at "]\n"
#define OF_WIDE(one, a, b, c, d) \
    one(a, "[r1]") one(b, "[r1, r2]") one(c, "[r1, r2, lsl #1]") "add r1, r2\n" one(d, "[r1, r2, lsl #1]") "sub r1, r2\n"
#define OF_NARROW(one, a, b, c, d) one(a, "[r1]") one(b, "[r1, r2]")
#define OF_SINGLE(one, a, b, c, d) one(a, "[r1]")
#ifdef SCALED_TILES
#define SCALED_CHANNEL(at) "ldr r3, [r0, #4 + " at "]\n vmov s1, r3\n"
#define UNLESS_TO_THE_RIGHT "cmp lr, #0\n beq 5f\n blt 3f\n"
#define SCALED_END(of) \
    "5: ldrd r12, lr, [r3, #52]\n" SCALED_CHANNEL("0") of(SCALE, "r4", "r5", "r6", "r7") \
    "add r1, #1\n" SCALED_CHANNEL("16") of(SCALE, "r8", "r9", "r10", "r11") "b 4b\n"
#else
#define UNLESS_TO_THE_RIGHT "cmp lr, #0\n ble 3f\n"
#define SCALED_END(of)
#endif
#define END(of) \
    "ldr r3, [sp, #12]\n ldm r3, {r0-r2}\n ldr lr, [r0, #12]\n cmp r1, #0\n beq 3f\n" UNLESS_TO_THE_RIGHT \
    CHANNEL("0") of(ONE, "r4", "r5", "r6", "r7") "add r1, #1\n" CHANNEL("16") of(ONE, "r8", "r9", "r10", "r11") \
    "4: ldr r3, [sp, #12]\n add r1, #1\n add r0, #32\n ldr r12, [r3, #12]\n strd r0, r1, [r3]\n" \
    "ldr r1, [sp, #4]\n subs r12, #1\n str r12, [r3, #12]\n bne 0b\n pop {r0-r11, pc}\n" SCALED_END(of) \
    "3:\n add r3, #16\n stm r3, {r4-r11}\n pop {r0-r11, pc}\n"
#define ALL(name, taps, until) SUMS(name) { __asm__ volatile(BEGIN taps until END(OF_WIDE)); }
#define HALF(name, taps, until) SUMS(name) { __asm__ volatile(BEGIN taps until END(OF_NARROW)); }
#define LEAST(name, taps, until) SUMS(name) { __asm__ volatile(BEGIN taps until END(OF_SINGLE)); }
/* Of the same sums, x has the bytes of pixels that lie `apart`, r2: twenty instructions for sixteen products. */
#define APART "ldr r3, [sp, #12]\n ldr r2, [r3, #48]\n 1:\n"
#define ADDED(at, turn, a, b) \
    "ldr r3, " at "\n sxtb16 r3, r3" turn "\n smlad " a ", r12, r3, " a "\n smlad " b ", lr, r3, " b "\n"
#define OTHERS(turn) ADDED("[r0]", turn, "r5", "r9") ADDED("[r0, r2]", turn, "r6", "r10") ADDED("[r0, r2, lsl #1]", turn, "r7", "r11")
#define NEXT(turn) ADDED("[r0], #4", turn, "r4", "r8")
#define TURN ", ror #8"
#define DIRECT WEIGHTS ADDED("[r0]", "", "r4", "r8") "add r0, r2\n" OTHERS("") WEIGHTS OTHERS(TURN) "sub r0, r2\n" NEXT(TURN)
#define DIRECT_NARROW \
    WEIGHTS ADDED("[r0]", "", "r4", "r8") ADDED("[r0, r2]", "", "r5", "r9") WEIGHTS ADDED("[r0, r2]", TURN, "r5", "r9") NEXT(TURN)
#define DIRECT_SINGLE WEIGHTS ADDED("[r0]", "", "r4", "r8") WEIGHTS NEXT(TURN)
#define UNTIL_DIRECT "ldr r3, [sp, #4]\n cmp r1, r3\n bne 1b\n"
#define FOURS(pair) "sub r2, r1\n tst r2, #8\n bne 2f\n 1:\n" pair pair "2:\n" pair pair
#define TWICE_OVER(taps) "1:\n" taps taps

ALL(gathered, FOURS(PAIR), UNTIL)
ALL(sliding, TWICE_OVER(TAP("[r0, #8]", "[r0, #16]") TAP("[r0, #4]", "[r0, #12]") TAP("[r0], #24", "[r0, #8]")), UNTIL)
ALL(striding, TWICE_OVER(TAP("[r0, #4]", "[r0, #12]") TAP("[r0, #20]", "[r0, #28]") TAP("[r0], #36", "[r0, #8]")), UNTIL)
HALF(gathered_narrow, FOURS(PAIR_NARROW), UNTIL)
HALF(sliding_narrow, TWICE_OVER(TAP_NARROW("[r0, #8]") TAP_NARROW("[r0, #4]") TAP_NARROW("[r0], #16")), UNTIL)
HALF(striding_narrow, TWICE_OVER(TAP_NARROW("[r0, #4]") TAP_NARROW("[r0, #12]") TAP_NARROW("[r0], #20")), UNTIL)
LEAST(gathered_single, FOURS(PAIR_SINGLE), UNTIL)
LEAST(sliding_single, TWICE_OVER(TAP_SINGLE("[r0, #8]") TAP_SINGLE("[r0, #4]") TAP_SINGLE("[r0], #12")), UNTIL)
LEAST(striding_single, TWICE_OVER(TAP_SINGLE("[r0, #4]") TAP_SINGLE("[r0, #8]") TAP_SINGLE("[r0], #12")), UNTIL)
ALL(direct, APART DIRECT, UNTIL_DIRECT)
HALF(direct_narrow, APART DIRECT_NARROW, UNTIL_DIRECT)
LEAST(direct_single, APART DIRECT_SINGLE, UNTIL_DIRECT)
#else
#ifdef __SSE2__
/* Of a word, two inputs of four pixels are multiplied at once. */
#include <emmintrin.h>
typedef struct { __m128i of[2]; } sums8;

INLINE sums8 begin_sums8(const struct ending8 *e)
{
    const sums8 begun = { { _mm_set1_epi32(e[0].start), _mm_set1_epi32(e[1].start) } };
    return begun;
}

INLINE void add_word(const wide16 *x, const int8_t *w, sums8 *a, int pixels)
{
    const __m128i *from = (const __m128i *)(const void *)x;
    int32_t word, only;
    __builtin_memcpy(&word, w, 4);
    __builtin_memcpy(&only, x, 4);
    const __m128i inputs = pixels == WIDE8 ? _mm_loadu_si128(from)
                           : pixels == 1 ? _mm_cvtsi32_si128(only) : _mm_loadl_epi64(from);
    const __m128i both = _mm_set1_epi32(word), first = _mm_srai_epi16(_mm_slli_epi16(both, 8), 8);
    a->of[0] = _mm_add_epi32(a->of[0], _mm_madd_epi16(inputs, first));
    a->of[1] = _mm_add_epi32(a->of[1], _mm_madd_epi16(inputs, _mm_srai_epi16(both, 8)));
}

/* `twice` of four sums. They are made positive, so that 64 bits shift without a sign. */
INLINE __m128i twice_four(__m128i sums, const struct ending8 *e)
{
    const int64_t half = 1 << 30, more = (half << 31) + half - half * e->m;
    const __m128i up = _mm_add_epi32(sums, _mm_set1_epi32(1 << 30)), m = _mm_set1_epi32(e->m);
    const __m128i by = _mm_set1_epi64x(more), low = _mm_srli_epi64(_mm_add_epi64(_mm_mul_epu32(up, m), by), 31);
    const __m128i odd = _mm_mul_epu32(_mm_srli_epi64(up, 32), m);
    const __m128i high = _mm_slli_epi64(_mm_srli_epi64(_mm_add_epi64(odd, by), 31), 32);
    const __m128i found = _mm_sub_epi32(_mm_or_si128(low, high), _mm_set1_epi32(1 << 30));
    const __m128i away = _mm_add_epi32(found, _mm_srai_epi32(found, 31));
    return _mm_sra_epi32(_mm_add_epi32(away, _mm_set1_epi32(e->round)), _mm_cvtsi32_si128(e->shift));
}

INLINE void end_sums8(const sums8 *a, const struct tile8 *t, int pixels)
{
    const __m128i words = _mm_packs_epi32(twice_four(a->of[0], t->e), twice_four(a->of[1], t->e + 1));
    int8_t made[2 * WIDE8];
    _mm_storel_epi64((__m128i *)(void *)made, _mm_packs_epi16(words, words));
    for (int p = 0; p < pixels; p++) {
        t->y[p * t->os] = made[p];
        t->y[p * t->os + 1] = made[WIDE8 + p];
    }
}

INLINE void keep_sums8(const sums8 *a, int32_t *sums)
{
    for (int c = 0; c < 2; c++)
        _mm_storeu_si128((__m128i *)(void *)(sums + WIDE8 * c), a->of[c]);
}
#else
typedef struct { uint32_t of[2][WIDE8]; } sums8; /* sums that leave 32 bits wrap */

INLINE sums8 begin_sums8(const struct ending8 *e)
{
    sums8 begun;
    for (int p = 0; p < 2 * WIDE8; p++)
        begun.of[p / WIDE8][p % WIDE8] = (uint32_t)e[p / WIDE8].start;
    return begun;
}

INLINE void add_word(const wide16 *x, const int8_t *w, sums8 *a, int pixels)
{
    for (int p = 0; p < pixels; p++) {
        a->of[0][p] += (uint32_t)(x[2 * p] * w[0] + x[2 * p + 1] * w[2]);
        a->of[1][p] += (uint32_t)(x[2 * p] * w[1] + x[2 * p + 1] * w[3]);
    }
}

INLINE void end_sums8(const sums8 *a, const struct tile8 *t, int pixels)
{
    for (int c = 0; c < 2; c++)
        for (int p = 0; p < pixels; p++) {
            const int32_t v = twice((int32_t)a->of[c][p], t->e + c);
            t->y[p * t->os + c] = (int8_t)(v < -128 ? -128 : v > 127 ? 127 : v);
        }
}

INLINE void keep_sums8(const sums8 *a, int32_t *sums)
{
    for (int p = 0; p < 2 * WIDE8; p++)
        sums[p] = (int32_t)a->of[p / WIDE8][p % WIDE8];
}

#ifndef __ARM_NEON
/* Without vectors there are registers for the sums of two pixels at a time. */
#define IN_PASSES8 2
#ifdef __GNUC__ /* nothing of the next word is read before; each product is added at once where one instruction does */
#define AFTER8(x, w, s) __asm__("" : "+r"(x), "+r"(w), "+r"(s[0]), "+r"(s[1]), "+r"(s[2]), "+r"(s[3]))
#else
#define AFTER8(x, w, s) (void)0
#endif
#if defined __GNUC__ && defined __arm__
#define NOW8(s) __asm__("" : "+r"(s[0]), "+r"(s[1]), "+r"(s[2]), "+r"(s[3]))
#else
#define NOW8(s) (void)0
#endif

INLINE void add_two(const wide16 *x, const int8_t *w, uint32_t *sums, int both)
{
    for (int i = 0; i < 2; i++) {
        sums[0] += (uint32_t)(x[i] * w[2 * i]);
        sums[1] += (uint32_t)(x[i] * w[2 * i + 1]);
        if (both) {
            sums[2] += (uint32_t)(x[2 + i] * w[2 * i]);
            sums[3] += (uint32_t)(x[2 + i] * w[2 * i + 1]);
        }
        NOW8(sums);
    }
}

INLINE void sum_pass(const wide16 *x, const int8_t *w, const int8_t *end, sums8 *a, int p, int both, int words,
                     int second, int third)
{
    uint32_t sums[4] = { a->of[0][p], a->of[1][p], both ? a->of[0][p + 1] : 0, both ? a->of[1][p + 1] : 0 };
    for (; w < end; x += 2 * words, w += 4) {
        if (third) {
            add_two(x + 2 * third, w, sums, both);
            AFTER8(x, w, sums);
            add_two(x + 2 * second, w + 4, sums, both);
            AFTER8(x, w, sums);
            w += 8;
        }
        add_two(x, w, sums, both);
        AFTER8(x, w, sums);
    }
    a->of[0][p] = sums[0];
    a->of[1][p] = sums[1];
    if (both) {
        a->of[0][p + 1] = sums[2];
        a->of[1][p + 1] = sums[3];
    }
}
#endif
#endif

/* `second` and `third` columns of a window lie so many words behind the first; none if 0. */
INLINE void sum_words(const wide16 *from, const int8_t *w, int bytes, struct tile8 *t, int pixels, int words,
                      int second, int third)
{
    for (; t->pairs; t->pairs--) {
        sums8 a = begin_sums8(t->e);
        const int8_t *const end = w + bytes;
#ifdef IN_PASSES8
        for (int p = 0; p < pixels; p += IN_PASSES8)
            sum_pass(from + 2 * p, w, end, &a, p, pixels > 1, words, second, third);
        w = end;
#else
        for (const wide16 *x = from; w < end; x += 2 * words, w += 4) {
            if (third) {
                add_word(x + 2 * third, w, &a, pixels);
                add_word(x + 2 * second, w + 4, &a, pixels);
                w += 8;
            }
            add_word(x, w, &a, pixels);
        }
#endif
        if (t->y == NULL || t->e->shift <= 0) {
            keep_sums8(&a, t->sums);
            return;
        }
        end_sums8(&a, t, pixels);
        t->e += 2;
        t->y += 2;
    }
}

#define SUMS(name, pixels, words, second, third) \
    PERHAPS void name(const wide16 *x, const int8_t *w, int bytes, struct tile8 *t) \
    { \
        sum_words(x, w, bytes, t, pixels, words, second, third); \
    }
SUMS(gathered, WIDE8, 4, 0, 0)
SUMS(sliding, WIDE8, 6, 1, 2)
SUMS(striding, WIDE8, 9, 5, 1)
SUMS(gathered_narrow, NARROW8, 2, 0, 0)
SUMS(sliding_narrow, NARROW8, 4, 1, 2)
SUMS(striding_narrow, NARROW8, 5, 3, 1)
SUMS(gathered_single, 1, 1, 0, 0)
SUMS(sliding_single, 1, 3, 1, 2)
SUMS(striding_single, 1, 3, 2, 1)
#endif
#endif
