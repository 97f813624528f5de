#ifdef FAMILY_HELIUM
/* A row of a convolution of each channel by itself. A table has where the columns under a pixel's window lie;
   those in the padding are a pixel of the zero point. Weights lie in blocks of channels: [tap][16]. */
enum { BLOCK8 = 16 };

/* Some pixels, 16 channels at a time, from the table of the first. What SCALED sums need follows; `flip` is
   128 where numbers go from 0 to 255, which are read as those from -128 to 127. */
struct lanes8 { const int8_t *w; const struct ending8 *e; int8_t *y; int co, step, out, pixels, at, offset, low, high, flip; };

/* Sums are q0 to q3, of channels 0 4 8 12, 2 6 10 14 and so on; one vector too few is left, so that the
   second input of two is read twice. r0 is the table, r1 what to add to where it points, r4 weights, r5 e,
   r6 y, r8 channels left, r9 pixels left, r11 taps. */
#define WIDEN8(from, a, b) \
    "vmovlb.s16 q4, " from "\n vadd.i32 " a ", " a ", q4\n vmovlt.s16 q4, " from "\n vadd.i32 " b ", " b ", q4\n"
#define START8(a, at) "vldrw.32 " a ", [r5, #" at "]\n"
#define END8(a, m, round, shift) \
    "vldrw.32 q4, [r5, #" m "]\n vldrw.32 q5, [r5, #" round "]\n vqrdmulh.s32 " a ", " a ", q4\n" \
    "vldrw.32 q6, [r5, #" shift "]\n vshr.s32 q4, " a ", #31\n vadd.i32 " a ", " a ", q5\n" \
    "vadd.i32 " a ", " a ", q4\n vshl.s32 " a ", " a ", q6\n"

/* x is read as far as channels go: where there are fewer than 16, under a mask. */
#define SOME8(load) "vpst\n vldrbt.8 " load "\n"
#define WHOLE8(load) "vldrb.8 " load "\n"
#define EACH_LANES(name, ALL_TAPS, ENDS) \
__attribute__((naked, NOIPA, unused)) static void name( \
    const int8_t *const *table __attribute__((unused)), int taps __attribute__((unused)), \
    const struct lanes8 *t __attribute__((unused))) \
{ \
    __asm__ volatile( \
        "push {r0-r11, lr}\n vpush {d8-d15}\n ldr r6, [r2, #8]\n ldr r9, [r2, #24]\n ldr r7, [r2, #28]\n" \
        "mov r10, r2\n mov r11, r1\n ldr r12, [r2, #44]\n" \
        "0: ldrd r4, r5, [r10]\n ldr r8, [r10, #12]\n mov r1, r7\n" \
        "1: ldr r0, [sp, #64]\n vctp.8 r8\n" START8("q0", "0") START8("q1", "64") START8("q2", "128") START8("q3", "192") \
        ALL_TAPS "4:\n" ENDS "vpst\n vstrbt.8 q0, [r6], #16\n" \
        "add r1, #16\n add r5, #256\n subs r8, #16\n bgt 1b\n" \
        "ldrd r2, r3, [r10, #16]\n ldr r0, [r10, #12]\n add r7, r2\n" \
        "add r0, #15\n bic r0, #15\n sub r3, r0\n add r6, r3\n subs r9, #1\n bne 0b\n" \
        "vpop {d8-d15}\n pop {r0-r11, pc}\n"); \
}
#define ONE_TAP8(LOAD, flip) \
    "ldr r2, [r0], #4\n vldrb.8 q5, [r4], #16\n add r2, r1\n" LOAD("q4, [r2]") flip \
    "vmullb.s8 q6, q4, q5\n vmullt.s8 q7, q4, q5\n" WIDEN8("q6", "q0", "q1") WIDEN8("q7", "q2", "q3")
#define HALVED8 "vqmovnb.s32 q0, q0\n vqmovnt.s32 q0, q1\n vqmovnb.s32 q2, q2\n vqmovnt.s32 q2, q3\n"
#define ADD_LANES(name, LOAD) \
    EACH_LANES(name, \
        "tst r11, #1\n beq 2f\n" ONE_TAP8(LOAD, "") \
        "2: lsr r2, r11, #1\n wls lr, r2, 4f\n" \
        "3: ldrd r2, r3, [r0], #8\n add r2, r1\n" LOAD("q4, [r2]") "vldrb.8 q5, [r4], #16\n add r3, r1\n" \
        "vmullb.s8 q6, q4, q5\n vmullt.s8 q7, q4, q5\n" LOAD("q4, [r3]") "vldrb.8 q5, [r4], #16\n" \
        "vmullb.s8 q4, q4, q5\n vadd.i16 q6, q6, q4\n" LOAD("q4, [r3]") "vmullt.s8 q4, q4, q5\n vadd.i16 q7, q7, q4\n" \
        WIDEN8("q6", "q0", "q1") WIDEN8("q7", "q2", "q3") \
        "le lr, 3b\n", \
        END8("q0", "16", "32", "48") END8("q1", "80", "96", "112") END8("q2", "144", "160", "176") \
        END8("q3", "208", "224", "240") HALVED8 "vqmovnb.s16 q0, q0\n vqmovnt.s16 q0, q2\n")
ADD_LANES(add_lanes, WHOLE8)
ADD_LANES(add_some_lanes, SOME8)

#ifdef SCALED_LANES
/* Tap by tap, so that weights may be -128. */
#define SCALE_LANES(name, LOAD) \
    EACH_LANES(name, \
        "dls lr, r11\n 3:\n" ONE_TAP8(LOAD, "vadd.i8 q4, q4, r12\n") "le lr, 3b\n", \
        "ldrd r2, r3, [r10, #32]\n vdup.32 q5, r3\n ldr r3, [r10, #40]\n vdup.32 q6, r3\n" \
        SCALE8("q0", "16") SCALE8("q1", "80") SCALE8("q2", "144") SCALE8("q3", "208") \
        HALVED8 "vmovnb.i16 q0, q0\n vmovnt.i16 q0, q2\n")
SCALE_LANES(scale_lanes, WHOLE8)
SCALE_LANES(scale_some_lanes, SOME8)
#define LANES(s, some) ((s)->ending == SCALED ? (some) ? scale_some_lanes : scale_lanes : (some) ? add_some_lanes : add_lanes)
#else
#define LANES(s, some) ((some) ? add_some_lanes : add_lanes)
#define SCALED_LANES 0
#endif

/* One pixel, if sums end in another way. Endings are in the order of WIDEN8. */
static void depthwise_pixel(const struct eight *s, const int8_t *const *table, const int8_t *w,
                            const struct ending8 *e, int8_t *y)
{
    const int taps = s->kh * s->kw;
    for (int c = 0; c < s->co; c++) {
        const int8_t *const from = w + c / BLOCK8 * BLOCK8 * taps + c % BLOCK8;
        const struct ending8 one = one_of_quad(e + c / BLOCK8 * BLOCK8 + 8 * (c % 2) + 4 * (c / 2 % 2), c % BLOCK8 / 4);
        uint32_t sum = (uint32_t)one.start;
        for (int t = 0; t < taps; t++)
            sum += (uint32_t)((s->from_zero ? (uint8_t)table[t][c] - 128 : table[t][c]) * from[BLOCK8 * t]);
        y[c] = ended(s, (int32_t)sum, &one);
    }
}

/* A row, as many pixels at once as have all of their window inside. Pixels of few channels that lie side by
   side are made as one of 16, whose weights are repeated. */
static void depthwise_eight(const struct eight *s, const int8_t *const *x, const int8_t *w,
                            const struct ending8 *e, int8_t *y, wide16 *scratch)
{
    const int reach = (s->kw - 1) * s->dilation;
    const int vectors = s->ending == SCALED ? SCALED_LANES : s->plain && !s->from_zero;
    const int flat = s->stride == 1 && BLOCK8 % s->co == 0 && s->is == s->co && s->os == s->co;
    const int8_t *table[COLUMNS8], *padding = (int8_t *)scratch;
    int whole = vectors, pixels;
    fill_bytes((int8_t *)scratch, s->zero, s->co);
    for (int ky = 0; ky < s->kh; ky++)
        whole = whole && x[ky] != NULL;
    for (int q = 0; q < s->ow; q += pixels) {
        const int first = q * s->stride - s->before, more = s->iw - 1 - reach - first;
        pixels = whole && first >= 0 && more >= 0 ? more / s->stride + 1 : 1;
        pixels = pixels < s->ow - q ? pixels : s->ow - q;
        for (int t = 0; t < s->kh * s->kw; t++) {
            const int8_t *at = column_of(s, x[t / s->kw], first + t % s->kw * s->dilation);
            table[t] = at == NULL ? padding : at;
        }
        if (!vectors) {
            depthwise_pixel(s, table, w, e, y + q * s->os);
            continue;
        }
        struct lanes8 t = { w, e, y + q * s->os, s->co, s->stride * s->is, s->os, pixels, 0,
                            s->offset, s->low, s->high, s->from_zero ? 128 : 0 };
        if (flat && pixels * s->co >= BLOCK8) {
            t.pixels = pixels * s->co / BLOCK8;
            t.co = t.step = t.out = BLOCK8;
            pixels = t.pixels * (BLOCK8 / s->co);
        }
        LANES(s, t.co % BLOCK8)(table, s->kh * s->kw, &t);
    }
}
#endif
