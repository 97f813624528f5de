/* net.c: residual, the kernels that ship.
   Made by lowtide; see net.h.
   This generated code carries no licence of lowtide's and is yours; the weights in it stay under
   the licence of the network. */
#include "net.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#ifdef ALIGNED /* what begins at a multiple of so many bytes: yours */
#elif defined __GNUC__
#define ALIGNED(bytes) __attribute__((aligned(bytes)))
#elif defined _MSC_VER
#define ALIGNED(bytes) __declspec(align(bytes))
#elif defined __STDC_VERSION__ && __STDC_VERSION__ >= 201112L
#define ALIGNED(bytes) _Alignas(bytes)
#else
#error "C99 has no way to align an array: compile as C11, or define ALIGNED(bytes)"
#endif
#if defined __GNUC__
#define MAY_ALIAS __attribute__((may_alias))
#else
#define MAY_ALIAS
#endif

typedef float MAY_ALIAS f32;

/* The memory map: each macro gives the address of element i of row r of a storage. */
/* S0: x, 8 rows of 24 float32, 768 bytes at 0 */
#define S0(r, i) ((f32 *)(void *)(arena + 0) + (r) * 24 + (i))
/* S1: dense, 1 rows of 5 float32, 20 bytes at 1152 */
#define S1(r, i) ((f32 *)(void *)(arena + 1152) + (r) * 5 + (i))
/* S2: skip, 8 rows of 32 float32, 1024 bytes row by row */
static const uint16_t S2_at[8] = {
    24, 28, 32, 0, 4, 8, 24, 0
};
#define S2(r, i) ((f32 *)(void *)(arena + (size_t)S2_at[r] * 32) + (i))
/* S3: second, 8 rows of 32 float32, 1024 bytes row by row */
static const uint16_t S3_at[8] = {
    0, 36, 8, 24, 12, 28, 4, 12
};
#define S3(r, i) ((f32 *)(void *)(arena + (size_t)S3_at[r] * 32) + (i))
/* S4: pooled, 4 rows of 16 float32, 256 bytes row by row */
static const uint16_t S4_at[4] = {
    4, 28, 0, 8
};
#define S4(r, i) ((f32 *)(void *)(arena + (size_t)S4_at[r] * 32) + (i))

#define READ(s, r, i) (*s(r, i))
#define WRITE(s, r, i, v) (*s(r, i) = (v))

#ifndef NET_AT /* a hook: what comes next is an operator's, or the driver's (NET_OPERATORS) */
#define NET_AT(operator) ((void)0)
#endif

#ifndef NET_WEIGHTS_IN /* where constants lie: __attribute__((section(".qspi"))) */
#define NET_WEIGHTS_IN
#endif
#define NET_CONSTANTS
#include "net_weights.c"

static inline float f_larger(float a, float b) { return a < b || b != b ? b : a; }
static inline float f_max(float a, float b) { return a < b ? b : a; }
/* The sizes that the kernels of rows are compiled with. */
enum { RUNS = 9, ZEROS = 12 };
/* What all rows of kernels have in common; the rest is in their shapes. */
#define ALL_GROUPS 1
#define ALL_PH 1
#define ALL_PW 1
#define ALL_POOL NO_POOL
#define ALL_GROWS 0
#define ALL_ON 0
/* Vectors of LANES floats as GCC and Clang have them, or plain floats. Weights lie in blocks of BLOCK
   channels. Sums of up to TILE pixels stay in registers, of VECS vectors each or, where fewer channels
   are left, of half as many. */
#ifndef LANES
#if !defined __GNUC__
#define LANES 1
#elif defined __AVX512F__
#define LANES 16
#elif defined __AVX__
#define LANES 8
#elif defined __SSE__ || defined __aarch64__
#define LANES 4
#else
#define LANES 1
#endif
#endif
#ifdef __GNUC__
#define INLINE static inline __attribute__((always_inline, unused)) /* some kernels need some of them */
#define APART static __attribute__((noinline))
#else
#define INLINE static inline
#define APART static
#endif
/* Before a loop over the sums of a tile: they stay in registers only where no index is left. */
#if defined __GNUC__ && !defined __clang__
#define UNROLL _Pragma("GCC unroll 16")
#else
#define UNROLL
#endif
enum { BLOCK = 16 };
#if defined __GNUC__ && defined __ARM_FEATURE_FMA && defined __thumb2__ && LANES == 1
#define QUADS /* quads.h */
#endif
#if LANES == 1 || !defined __GNUC__
#ifdef QUADS
#define TILE 4
enum { VECS = 4 };
#else
#define TILE 1
enum { VECS = BLOCK };
#endif
typedef f32 vec, in_memory;
#define SELECT(test, a, b) ((test) ? (a) : (b))
#else
#if LANES == 16
#define TILE 8
enum { VECS = 2 };
#elif LANES == 8
#define TILE 6
enum { VECS = 2 };
#elif defined __aarch64__
#define TILE 4
enum { VECS = 4 };
#else
#define TILE 2
enum { VECS = 4 };
#endif
typedef float vec __attribute__((vector_size(4 * LANES)));
typedef float in_memory __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int bits __attribute__((vector_size(4 * LANES)));
#define SELECT(test, a, b) ((vec)(((bits)(a) & (test)) | ((bits)(b) & ~(test))))
#endif
enum { WIDE = VECS * LANES < BLOCK ? BLOCK : VECS * LANES, HALF = (VECS + 1) / 2 };

/* The larger or smaller of a and b, and a if either is NaN. */
#if LANES == 16 && defined __AVX512F__
#define MASKS 1
#include <immintrin.h>
#define LARGER(a, b) ((vec)_mm512_max_ps((__m512)(b), (__m512)(a)))
#define SMALLER(a, b) ((vec)_mm512_min_ps((__m512)(b), (__m512)(a)))
#elif LANES == 8 && defined __AVX__
#include <immintrin.h>
#define LARGER(a, b) ((vec)_mm256_max_ps((__m256)(b), (__m256)(a)))
#define SMALLER(a, b) ((vec)_mm256_min_ps((__m256)(b), (__m256)(a)))
#elif LANES == 4 && defined __SSE__
#include <xmmintrin.h>
#define LARGER(a, b) ((vec)_mm_max_ps((__m128)(b), (__m128)(a)))
#define SMALLER(a, b) ((vec)_mm_min_ps((__m128)(b), (__m128)(a)))
#else
#define LARGER(a, b) SELECT((a) < (b), b, a)
#define SMALLER(a, b) SELECT((b) < (a), b, a)
#endif
#ifndef MASKS
#define MASKS 0
#endif

/* The first `some` elements of a vector, or all; the lanes behind them are 0. */
INLINE vec load(const f32 *from, int some)
{
#if MASKS && defined __AVX512F__
    if (some < LANES)
        return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << some) - 1), from);
#else
    f32 held[LANES] = { 0.0f };
    for (int t = 0; t < some && some < LANES; t++)
        held[t] = from[t];
    if (some < LANES)
        return *(const in_memory *)held;
#endif
    return *(const in_memory *)from;
}

/* Writes the first `some` elements of a vector, or all. */
INLINE void store(f32 *to, vec v, int some)
{
#if MASKS && defined __AVX512F__
    if (some < LANES) {
        _mm512_mask_storeu_ps(to, (__mmask16)((1u << some) - 1), (__m512)v);
        return;
    }
#else
    f32 held[LANES];
    *(in_memory *)held = v;
    for (int t = 0; t < some && some < LANES; t++)
        to[t] = held[t];
    if (some < LANES)
        return;
#endif
    *(in_memory *)to = v;
}

/* What rows are made of. Windows: kernel, stride, dilation and padding along the row; input: width,
   elements from pixel to pixel, channels; output: width, from pixel to pixel, channels; how many
   groups of those channels there are. A pool of `ph` rows and `pw` columns that follows is made in
   the same go, and so is an activation. Where sums grow, what is made is added to what is there, and
   where they go `on`, they begin with it. A mean is over the padding, too, if `padded`. */
enum activation { NO_ACTIVATION, RELU, CLAMP, LEAKY };
enum pooling { NO_POOL, MAX_POOL, SUM_POOL };
struct rows {
    int kh, kw, stride, dilation, before, iw, is, ci, ow, os, co, groups, ph, pw, pool, grows, on, padded, act;
    float low, high;
};

#define ROW_POINTERS(n, m) const f32 *in[n]; f32 *out[m]
#define IN_ROW(k, s, r, i) s(r, i)
#define OUT_ROW(k, s, r, i) s(r, i)

/* A pixel in the padding reads these. */
static const float zeros[ZEROS] = { 0.0f };

/* Output pixel q of row j, at tap (py, px) of the pool that follows. */
struct spot { int j, q, py, px; };

/* Some pixels: where the rows under the window of each begin in x, its first column, its output.
   `straight` ones lie side by side in one row. */
struct tile {
    const f32 *const *rows[TILE];
    f32 *out[TILE];
    int column[TILE], straight;
};

/* n pixels from a spot on, row after row of `count`; those from n on stand for the last. */
INLINE void find_tile(const struct rows *s, const f32 *const *x, f32 *const *y, int count,
                      struct spot at, int n, struct tile *t)
{
    const int step = ALL_PW * s->stride, first = at.px * s->stride - s->before;
    const f32 *const *rows = x + (at.j * ALL_PH + at.py) * s->kh;
    f32 *out = y[at.j];
    t->straight = count == 1 || at.q + n <= s->ow;
    for (int p = 0, q = at.q; p < TILE; p++) {
        t->rows[p] = rows;
        t->column[p] = q * step + first;
        t->out[p] = out + q * s->os;
        if (p + 1 < n && ++q == s->ow && !t->straight) {
            rows = x + (++at.j * ALL_PH + at.py) * s->kh;
            out = y[at.j];
            q = 0;
        }
    }
}

/* The spot n pixels on. */
INLINE struct spot advanced(const struct rows *s, struct spot at, int n)
{
    for (at.q += n; at.q >= s->ow; at.q -= s->ow)
        at.j++;
    return at;
}

/* How many of the pixels that are left are made next: the last two tiles share what there is. */
INLINE int next_pixels(int left)
{
#ifdef QUADS
    return left < TILE ? left : TILE;
#else
    return left <= TILE ? left : left < 2 * TILE ? (left + 1) / 2 : TILE;
#endif
}

INLINE void activate(const struct rows *s, int vectors, vec *acc)
{
    const vec zero = { 0.0f }, low = zero + s->low, high = zero + s->high;
    if (s->act == LEAKY)
        UNROLL
        for (int k = 0; k < vectors; k++)
            acc[k] = SELECT(acc[k] < zero, acc[k] * low, acc[k]);
    if (s->act == RELU || s->act == CLAMP)
        UNROLL
        for (int k = 0; k < vectors; k++)
            acc[k] = LARGER(acc[k], low);
    if (s->act == CLAMP)
        UNROLL
        for (int k = 0; k < vectors; k++)
            acc[k] = SMALLER(acc[k], high);
}

/* QUADS: Arm's FPU on a core without vectors. Of 32 registers 16 are the sums of four pixels by four
   channels, the others hold two inputs of each pixel and the weights of both. In assembler, for GCC 12
   spills the sums at -O3; elsewhere in C, so that it can be tested there. */
#ifdef QUADS
/* For each pixel: where its four sums begin, and where they go, which both move on by four; in bytes,
   how far its inputs lie behind those of the run; what is applied. The order is the assembler's. */
struct quads {
    const f32 *start[4];
    f32 *out[4];
    ptrdiff_t from;
    int act;
    float low, high;
};

#ifdef __ARM_FEATURE_FMA
#define QUAD_P0(M, ...) M("0", "16", "s0", "s1", "s2", "s3", "s16", "s17", "%[x0]", __VA_ARGS__)
#define QUAD_P1(M, ...) M("4", "20", "s4", "s5", "s6", "s7", "s18", "s19", "%[x1]", __VA_ARGS__)
#define QUAD_P2(M, ...) M("8", "24", "s8", "s9", "s10", "s11", "s20", "s21", "%[x2]", __VA_ARGS__)
#define QUAD_P3(M, ...) M("12", "28", "s12", "s13", "s14", "s15", "s22", "s23", "%[x3]", __VA_ARGS__)
#define QUAD_1(...) QUAD_P0(__VA_ARGS__)
#define QUAD_2(...) QUAD_1(__VA_ARGS__) QUAD_P1(__VA_ARGS__)
#define QUAD_4(...) QUAD_2(__VA_ARGS__) QUAD_P2(__VA_ARGS__) QUAD_P3(__VA_ARGS__)
#define QUAD_START(i, o, a, b, c, d, e, f, x, _) \
    "ldr %[n], [%[q], #" i "]\n vldmia %[n]!, {" a "-" d "}\n str %[n], [%[q], #" i "]\n"
#define QUAD_LIMITS(i, o, a, b, c, d, e, f, x, w, test) \
    ".irp s, " a ", " b ", " c ", " d "\n vcmp.f32 \\s, " w "\n vmrs APSR_nzcv, fpscr\n" \
    "it " test "\n vmov" test ".f32 \\s, " w "\n .endr\n"
#define QUAD_END(i, o, a, b, c, d, e, f, x, _) \
    "ldr %[n], [%[q], #" o "]\n vstmia %[n]!, {" a "-" d "}\n str %[n], [%[q], #" o "]\n"
#define QUAD_FINISH(P) \
    "ldr %[n], [%[q], #36]\n" \
    "vldr.32 s16, [%[q], #40]\n" \
    "vldr.32 s17, [%[q], #44]\n" \
    "cmp %[n], #0\n" \
    "beq 6f\n" \
    P(QUAD_LIMITS, "s16", "mi") \
    "cmp %[n], #2\n" \
    "bne 6f\n" \
    P(QUAD_LIMITS, "s17", "gt") \
    "6:\n" \
    P(QUAD_END, )
#define QUAD_CLOBBERS \
    "cc", "memory", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", \
    "s13", "s14", "s15", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", "s25", "s26", \
    "s27", "s28", "s29", "s30", "s31"
#else
INLINE void quad_end(struct quads *q, const float *sums, int pixels)
{
    for (int k = 0; k < 4 * pixels; k++) {
        const float least = q->act && sums[k] < q->low ? q->low : sums[k];
        q->out[k / 4][k % 4] = q->act == CLAMP && least > q->high ? q->high : least;
    }
    for (int p = 0; p < pixels; p++)
        q->start[p] += 4, q->out[p] += 4;
}
#endif
#endif

/* Inputs that lie one behind the other for each pixel of a tile, and so do their weights: where
   those of each pixel begin, the first one's number among a window's, how many there are. */
struct run {
    const f32 *x[TILE];
    int first, length;
};

/* Adds the runs of row ky of the windows of pixels that lie side by side. Taps one behind the other
   are one run as long as the same pixels, those from `low` up to `high`, have them in the image. */
INLINE struct run *find_straight(const struct rows *s, const struct tile *at, int ky, int dense,
                                 struct run *run)
{
    const f32 *row = at->rows[0][ky];
    int was_low = 0, was_high = 0, column = 0;
    for (int kx = 0; kx < s->kw && row; kx++, column += s->dilation) {
        int low = 0, high = TILE;
        while (low < TILE && at->column[low] + column < 0)
            low++;
        while (high > low && at->column[high - 1] + column >= s->iw)
            high--;
        if (dense && low < high && low == was_low && high == was_high) {
            run[-1].length += s->ci;
        } else if (low < high) {
            run->first = (ky * s->kw + kx) * s->ci;
            run->length = s->ci;
            for (int p = 0; p < TILE; p++)
                run->x[p] = row + (at->column[p] + column) * (ptrdiff_t)s->is;
            for (int p = 0; p < low; p++)
                run->x[p] = zeros;
            for (int p = high; p < TILE; p++)
                run->x[p] = zeros;
            run++;
        }
        was_low = low;
        was_high = high;
    }
    return run;
}

/* Adds the runs of row ky of the windows of pixels that lie anywhere: its taps. */
INLINE struct run *find_taps(const struct rows *s, const struct tile *at, int ky, struct run *run)
{
    for (int kx = 0; kx < s->kw; kx++) {
        int some = 0;
        for (int p = 0; p < TILE; p++) {
            const f32 *row = at->rows[p][ky];
            const int column = at->column[p] + kx * s->dilation;
            const int there = row && column >= 0 && column < s->iw;
            run->x[p] = there ? row + column * s->is : zeros;
            some |= there;
        }
        run->first = (ky * s->kw + kx) * s->ci;
        run->length = s->ci;
        run += some;
    }
    return run;
}

/* The runs of a tile over rows ky .. end - 1 of its windows, and how many. */
INLINE int find_runs(const struct rows *s, const struct tile *at, int ky, int end, struct run *runs)
{
    const int dense = s->is == s->ci && s->dilation == 1;
    struct run *run = runs;
    for (; ky < end; ky++)
        run = at->straight ? find_straight(s, at, ky, dense, run) : find_taps(s, at, ky, run);
    return (int)(run - runs);
}

/* Four channels of 1, 2 or 4 pixels: sums over the runs of inputs; weights lie `each` apart. */
#ifdef QUADS
#ifdef __ARM_FEATURE_FMA
#define QUAD_FIND(i, o, a, b, c, d, e, f, x, _) "ldr " x ", [%[run], #" i "]\n add " x ", %[n]\n"
#define QUAD_TWO(i, o, a, b, c, d, e, f, x, _) "vldmia " x "!, {" e "-" f "}\n"
#define QUAD_ONE(i, o, a, b, c, d, e, f, x, _) "vldr.32 " e ", [" x "]\n"
#define QUAD_EVEN(i, o, a, b, c, d, e, f, x, _) \
    "vfma.f32 " a ", s24, " e "\n vfma.f32 " b ", s25, " e "\n" \
    "vfma.f32 " c ", s26, " e "\n vfma.f32 " d ", s27, " e "\n"
#define QUAD_ODD(i, o, a, b, c, d, e, f, x, _) \
    "vfma.f32 " a ", s28, " f "\n vfma.f32 " b ", s29, " f "\n" \
    "vfma.f32 " c ", s30, " f "\n vfma.f32 " d ", s31, " f "\n"
#define QUAD_ASM(P) \
    P(QUAD_START, ) \
    "cmp %[runs], #0\n" \
    "beq 5f\n" \
    "1: ldr %[n], [%[q], #32]\n" \
    P(QUAD_FIND, ) \
    "ldr %[wp], [%[run], #16]\n" \
    "mla %[wp], %[wp], %[each], %[w]\n" \
    "ldr %[n], [%[run], #20]\n" \
    "adds %[run], #24\n" \
    "subs %[n], #2\n" \
    "blt 3f\n" \
    "2: vldmia %[wp], {s24-s27}\n" \
    P(QUAD_TWO, ) \
    "add %[wp], %[each]\n" \
    P(QUAD_EVEN, ) \
    "vldmia %[wp], {s28-s31}\n" \
    "add %[wp], %[each]\n" \
    P(QUAD_ODD, ) \
    "subs %[n], #2\n" \
    "bge 2b\n" \
    "3: adds %[n], #1\n" \
    "bmi 4f\n" \
    "vldmia %[wp], {s24-s27}\n" \
    P(QUAD_ONE, ) P(QUAD_EVEN, ) \
    "4: subs %[runs], #1\n" \
    "bne 1b\n" \
    "5:" QUAD_FINISH(P)
#define QUAD_CALL(P) \
    __asm volatile(QUAD_ASM(P) \
                   : [run] "+r"(run), [runs] "+r"(runs), [x0] "=&r"(x0), [x1] "=&r"(x1), [x2] "=&r"(x2), \
                     [x3] "=&r"(x3), [wp] "=&r"(wp), [n] "=&r"(n) \
                   : [q] "r"(q), [w] "r"(w), [each] "r"(4 * each) \
                   : QUAD_CLOBBERS)

APART void quad_sums(struct quads *q, const struct run *run, int runs, const float *w, int each, int pixels)
{
    int x0, x1, x2, x3, wp, n;
    if (pixels == 1)
        QUAD_CALL(QUAD_1);
    else if (pixels == 2)
        QUAD_CALL(QUAD_2);
    else
        QUAD_CALL(QUAD_4);
}
#else
APART void quad_sums(struct quads *q, const struct run *run, int runs, const float *w, int each, int pixels)
{
    float sums[16];
    for (int k = 0; k < 4 * pixels; k++)
        sums[k] = q->start[k / 4][k % 4];
    for (const struct run *end = run + runs; run < end; run++)
        for (int i = 0; i < run->length; i++)
            for (int k = 0; k < 4 * pixels; k++)
                sums[k] += run->x[k / 4][i + q->from / 4] * w[(run->first + i) * each + k % 4];
    quad_end(q, sums, pixels);
}
#endif
#endif

/* `width` channels from m on, of `left` in the group: their inputs from channel `from` on, their
   weights, of two blocks `apart`; and the rows of taps that are summed at this time, up to `end`. */
struct block {
    int m, width, left, from, ky, end;
    ptrdiff_t apart;
    const float *w;
};

/* acc[pixel][channel] += x * w over the runs of a tile. */
INLINE void conv_sums(const struct run *run, int runs, const struct block *c, int pixels, int vecs,
                      vec *acc)
{
    for (; runs > 0; runs--, run++) {
        const f32 *x[TILE];
        const ptrdiff_t each = c->width < BLOCK ? c->width : BLOCK, apart = c->apart;
        const float *w = c->w + run->first * each;
        UNROLL
        for (int p = 0; p < pixels; p++)
            x[p] = run->x[p] + c->from;
        for (int i = 0; i < run->length; i++, w += each) {
            vec v[VECS];
            UNROLL
            for (int t = 0; t < vecs; t++)
                v[t] = *(const in_memory *)(w + t * LANES % BLOCK + t * LANES / BLOCK * apart);
            UNROLL
            for (int k = 0; k < pixels * vecs; k++)
                acc[k] += v[k % vecs] * x[k / vecs][i];
        }
    }
}

/* Adds what a tile has made of some channels of a pixel to what the taps of a pool before have left. */
INLINE vec pooled(const struct rows *s, vec a, const f32 *out, int some, int tap)
{
    const vec old = load(out, some), taps = (vec){ 0.0f } + (float)(ALL_PH * ALL_PW);
    (void)s; /* where what it decides is the same in all rows */
    if (ALL_POOL == MAX_POOL)
        return tap ? LARGER(old, a) : a;
    if (ALL_GROWS)
        return old + a;
    return tap == ALL_PH * ALL_PW - 1 ? (old + a) / taps : tap ? old + a : a;
}

/* Writes the pixels of a block, or adds them to what is there. */
INLINE void conv_end(const struct rows *s, const struct tile *at, const struct block *c, int tap,
                     int pixels, int vecs, const vec *acc)
{
    if ((c->width == vecs * LANES || (MASKS && vecs == 1)) && ALL_POOL == NO_POOL) {
        UNROLL
        for (int k = 0; k < pixels * vecs; k++)
            store(at->out[k / vecs] + c->m + k % vecs * LANES, acc[k],
                  vecs == 1 ? c->width : LANES);
        return;
    }
    vec made[TILE * VECS];
    UNROLL
    for (int k = 0; k < pixels * vecs; k++)
        made[k] = acc[k];
    for (int k = 0; k < pixels * vecs; k++) {
        const int t = k % vecs * LANES, some = c->width - t;
        f32 *out = at->out[k / vecs] + c->m + t;
        if (some > 0)
            store(out, ALL_POOL == NO_POOL ? made[k] : pooled(s, made[k], out, some, tap), some);
    }
}

/* What the sums of a tile are made of, and at which tap of the pool that follows they stand. */
struct sums {
    struct tile at;
    struct run runs[RUNS];
    int count, tap;
};

/* One block of a tile. */
INLINE void conv_tile(const struct rows *s, const struct sums *a, const struct block *c,
                      const float *b, int pixels, int vecs)
{
    vec acc[TILE * VECS], start[VECS];
    UNROLL
    for (int t = 0; t < vecs; t++)
        start[t] = b ? load(b + c->m + t * LANES, c->width - t * LANES) : (vec){ 0.0f };
    UNROLL
    for (int k = 0; k < pixels * vecs; k++)
        acc[k] = start[k % vecs];
    if (c->ky > 0)
        UNROLL
        for (int k = 0; k < pixels * vecs; k++)
            acc[k] = *(const in_memory *)(a->at.out[k / vecs] + c->m + k % vecs * LANES);
    else if (ALL_ON)
        UNROLL
        for (int k = 0; k < pixels * vecs; k++)
            acc[k] = load(a->at.out[k / vecs] + c->m + k % vecs * LANES, c->width - k % vecs * LANES);
    conv_sums(a->runs, a->count, c, pixels, vecs, acc);
    if (c->end == s->kh)
        activate(s, pixels * vecs, acc);
    conv_end(s, &a->at, c, a->tap, pixels, vecs, acc);
}

#ifdef QUADS
/* Four channels of a block, or what is left of them, that do not end as the assembler ends them. */
APART void conv_quad(const struct rows *s, const struct sums *a, const struct block *c,
                      const float *b, int each, int pixels, int made)
{
    float start[4] = { 0.0f }, acc[4 * TILE];
    struct quads q = { .from = (ptrdiff_t)sizeof(f32) * c->from };
    for (int t = 0; b && t < c->width; t++)
        start[t] = b[c->m + t];
    for (int p = 0; p < made; p++) {
        q.start[p] = q.out[p] = acc + 4 * p;
        for (int t = 0; t < 4; t++)
            acc[4 * p + t] = (c->ky > 0 || ALL_ON) && t < c->width ? a->at.out[p][c->m + t] : start[t];
    }
    quad_sums(&q, a->runs, a->count, c->w, each, made);
    if (c->end == s->kh)
        activate(s, 4 * made, acc);
    conv_end(s, &a->at, c, a->tap, pixels, 4, acc);
}

/* One block of a tile; where three pixels are left, a fourth stands for the last once more. */
APART void conv_quads(const struct rows *s, const struct sums *a, const struct block *c,
                       const float *b, int pixels)
{
    static const float none[BLOCK] = { 0.0f };
    const int each = c->width, made = pixels == 3 ? 4 : pixels, last = c->end == s->kh;
    const float *w = c->w;
    int m = 0;
    if (ALL_POOL == NO_POOL && s->act != LEAKY) {
        struct quads q;
        q.from = (ptrdiff_t)sizeof(f32) * c->from;
        q.act = last ? s->act : NO_ACTIVATION;
        q.low = s->low;
        q.high = s->high;
        for (int p = 0; p < made; p++) {
            q.out[p] = a->at.out[p] + c->m;
            q.start[p] = c->ky > 0 || ALL_ON ? q.out[p] : b ? b + c->m : none;
        }
        for (; m + 4 <= c->width; m += 4, w += 4)
            quad_sums(&q, a->runs, a->count, w, each, made);
    }
    for (struct block part = *c; m < c->width; m += part.width, w += 4) {
        part.m = c->m + m;
        part.width = c->width - m < 4 ? c->width - m : 4;
        part.w = w;
        conv_quad(s, a, &part, b, each, pixels, made);
    }
}
#else

/* Functions of their own for each number of pixels: all registers are for the sums. */
typedef void conv_tile_of(const struct rows *s, const struct sums *a, const struct block *c,
                          const float *b);
#define CONV_TILE(pixels) \
    APART void conv_wide_##pixels(const struct rows *s, const struct sums *a, \
                                  const struct block *c, const float *b) \
    { \
        conv_tile(s, a, c, b, pixels, VECS); \
    } \
    APART void conv_narrow_##pixels(const struct rows *s, const struct sums *a, \
                                    const struct block *c, const float *b) \
    { \
        conv_tile(s, a, c, b, pixels, HALF); \
    }
#define CONV_TILES(pixels) { conv_wide_##pixels, conv_narrow_##pixels }
CONV_TILE(1)
#if TILE > 1
CONV_TILE(2)
#endif
#if TILE > 2
CONV_TILE(3)
CONV_TILE(4)
#endif
#if TILE > 4
CONV_TILE(5)
CONV_TILE(6)
#endif
#if TILE > 6
CONV_TILE(7)
CONV_TILE(8)
#endif
static conv_tile_of *const conv_tiles[TILE][2] = {
    CONV_TILES(1),
#if TILE > 1
    CONV_TILES(2),
#endif
#if TILE > 2
    CONV_TILES(3), CONV_TILES(4),
#endif
#if TILE > 4
    CONV_TILES(5), CONV_TILES(6),
#endif
#if TILE > 6
    CONV_TILES(7), CONV_TILES(8),
#endif
};
#endif

/* The block behind one, of whole vectors as long as there are some in the group. */
INLINE struct block conv_next(const struct rows *s, struct block c)
{
    const ptrdiff_t taps = (ptrdiff_t)s->kh * s->kw * s->ci;
    c.w += taps * c.width;
    c.m += c.width;
    c.left -= c.width;
    if (c.left == 0) {
        c.left = s->co;
        c.from += s->ci;
    }
    c.width = c.left >= WIDE ? WIDE : c.left < BLOCK ? c.left : BLOCK;
    c.apart = taps * BLOCK;
    return c;
}

/* Moves a tile a tile on in its row to `at`, if no window leaves the image here nor there. */
INLINE int conv_move(const struct rows *s, struct spot at, struct sums *a)
{
    const int step = TILE * ALL_PW * s->stride, end = s->iw - (s->kw - 1) * s->dilation;
    struct tile *t = &a->at;
    if (at.q < TILE || at.q + TILE > s->ow || t->column[0] < 0 || t->column[TILE - 1] + step >= end)
        return 0;
    for (int k = 0; k < a->count; k++)
        for (int p = 0; p < TILE; p++)
            a->runs[k].x[p] += step * s->is;
    for (int p = 0; p < TILE; p++) {
        t->column[p] += step;
        t->out[p] += TILE * s->os;
    }
    return 1;
}

/* All pixels of the blocks from c up to channel m, at one tap of the pool that follows. */
INLINE void conv_pixels(const struct rows *s, const f32 *const *x, f32 *const *y, int rows,
                        struct spot at, struct block first, int m, const float *b)
{
    struct sums a;
    a.tap = at.py * ALL_PW + at.px;
    for (int n, left = rows * s->ow; left > 0; left -= n, at = advanced(s, at, n)) {
        n = next_pixels(left);
        if (n < TILE || !conv_move(s, at, &a)) {
            find_tile(s, x, y, rows, at, n, &a.at);
            a.count = find_runs(s, &a.at, first.ky, first.end, a.runs);
        }
        for (struct block c = first; c.m < m; c = conv_next(s, c))
#ifdef QUADS
            conv_quads(s, &a, &c, b, n);
#else
            conv_tiles[n - 1][c.width <= HALF * LANES](s, &a, &c, b);
#endif
    }
}

/* Weights that stay in a cache while all pixels pass. */
enum { CACHED = 48 << 10 };

/* Rows of a convolution, `rows` at a time: output row j is y[j], its inputs are x[j * kh ..], or
   x[j * ph * kh ..] where a pool follows; NULL is padding. w is [co / 16][kh][kw][ci][16], the last
   block as wide as what is left. Sums run over ky, kx, i in that order. All pixels pass by as many
   blocks as a cache holds, a tile by one block after the other; by a block that is larger than that,
   some rows of its taps at a time. */
static void conv_rows(const struct rows *s, const f32 *const *x, f32 *const *y, int rows,
                      const float *w, const float *b)
{
    const int taps = CACHED / (s->kw * s->ci * WIDE) + 1;
    struct block c = conv_next(s, (struct block){ .left = s->co, .w = w }), next = c;
    for (; c.m < s->co * ALL_GROUPS; c = next) {
        int count = 0;
        for (; next.m < s->co * ALL_GROUPS && next.w - c.w < CACHED; count++)
            next = conv_next(s, next);
        const int parts = count == 1 && c.width == WIDE && ALL_POOL == NO_POOL;
        for (c.ky = 0; c.ky < s->kh; c.ky = c.end) {
            c.end = parts && c.ky + taps < s->kh ? c.ky + taps : s->kh;
            for (int tap = 0; tap < ALL_PH * ALL_PW; tap++) {
                const struct spot first = { 0, 0, tap / ALL_PW, tap % ALL_PW };
                conv_pixels(s, x, y, rows, first, c, next.m, b);
            }
        }
    }
}

/* y += x w, w is [n][co]: it passes by once, four of its rows at a time. Each sum takes the inputs
   in their order. */
static void dense(const f32 *x, int n, const float *w, int co, f32 *y)
{
    for (int i = 0, k; i < n; i += k, w += k * (ptrdiff_t)co) {
        const int whole = co - co % LANES;
        k = n - i < 4 ? 1 : 4;
        for (int m = 0; m < whole; m += LANES) {
            const float *v = w + m;
            vec acc = *(const in_memory *)(y + m);
            acc += *(const in_memory *)v * x[i];
            if (k == 4) {
                acc += *(const in_memory *)(v + co) * x[i + 1];
                acc += *(const in_memory *)(v + 2 * (ptrdiff_t)co) * x[i + 2];
                acc += *(const in_memory *)(v + 3 * (ptrdiff_t)co) * x[i + 3];
            }
            *(in_memory *)(y + m) = acc;
        }
        for (int m = whole; m < co; m++)
            for (int j = 0; j < k; j++)
                y[m] += w[j * (ptrdiff_t)co + m] * x[i + j];
    }
}

/* first: Conv+Relu 1x3x8x8 -> 1x4x8x8 */
static void op0_conv(unsigned char *const arena, const int first, const int rows) {
    static const struct rows shape = { .kh = 3, .kw = 3, .stride = 1, .dilation = 1, .before = 1, .iw = 8, .is = 3, .ci = 3, .ow = 8, .os = 4, .co = 4, .groups = 1, .ph = 1, .pw = 1, .act = RELU, .high = INFINITY };
    ROW_POINTERS(3, 1);
    for (int j = 0; j < rows; j++) {
        const int y = first + j;
        for (int ky = 0; ky < 3; ky++) {
            const int h = y + ky - 1;
            in[j * 3 + ky] = h >= 0 && h < 8 ? IN_ROW(j * 3 + ky, S0, h, 0) : NULL;
        }
        out[j] = OUT_ROW(j, S2, y, 0);
    }
    conv_rows(&shape, in, out, rows, w1_first, w0_first);
}

/* second: Conv 1x4x8x8 -> 1x4x8x8 */
static void op1_conv(unsigned char *const arena, const int first, const int rows) {
    static const struct rows shape = { .kh = 3, .kw = 3, .stride = 1, .dilation = 1, .before = 1, .iw = 8, .is = 4, .ci = 4, .ow = 8, .os = 4, .co = 4, .groups = 1, .ph = 1, .pw = 1 };
    ROW_POINTERS(6, 2);
    for (int j = 0; j < rows; j++) {
        const int y = first + j;
        for (int ky = 0; ky < 3; ky++) {
            const int h = y + ky - 1;
            in[j * 3 + ky] = h >= 0 && h < 8 ? IN_ROW(j * 3 + ky, S2, h, 0) : NULL;
        }
        out[j] = OUT_ROW(j, S3, y, 0);
    }
    conv_rows(&shape, in, out, rows, w3_second, w2_second);
}

/* pooled: Add+Relu+MaxPool 1x4x8x8 -> 1x4x4x4 */
static void op2_maxpool(unsigned char *const arena, const int first, const int rows) {
    for (int y = first; y < first + rows; y++) {
        for (int x = 0; x < 4; x++) {
            float acc[4];
            for (int c = 0; c < 4; c++) {
                acc[c] = -INFINITY;
            }
            for (int pky = 0; pky < 2; pky++) {
                for (int pkx = 0; pkx < 2; pkx++) {
                    for (int c = 0; c < 4; c++) {
                        acc[c] = f_max(acc[c], f_larger((READ(S3, y * 2 + pky, c + x * 8 + pkx * 4) + READ(S2, y * 2 + pky, c + x * 8 + pkx * 4)), 0.0f));
                    }
                }
            }
            for (int c = 0; c < 4; c++) {
                WRITE(S4, y, c + x * 4, acc[c]);
            }
        }
    }
}

/* dense_conv: Conv 1x4x4x4 -> 1x5x1x1 */
static void op3_conv(unsigned char *const arena, const int first, const int rows) {
    for (int ky = first; ky < first + rows; ky++) {
        for (int c = 0; c < 5; c++) {
            if (ky == 0)
                WRITE(S1, 0, c, 0.0f);
        }
        dense(S4(ky, 0), 16, w4_dense_conv + (ptrdiff_t)ky * 80, 5, S1(0, 0));
    }
}

float *net_input_x_in(void *memory) { unsigned char *const arena = (unsigned char *)memory; return S0(0, 0); }
const float *net_output_dense_in(void *memory) { unsigned char *const arena = (unsigned char *)memory; return S1(0, 0); }

/* The order of the steps: in step k operator order[k] makes its next rows. */
static const unsigned char order[20] = {
    0, 0, 0, 1, 2, 3, 0, 0, 1, 2, 3, 0, 0, 1, 2, 3,
    0, 1, 2, 3
};

void net_run_in(void *memory) {
    unsigned char *const arena = (unsigned char *)memory;
    int steps_made[4] = { 0 };
    for (int k = 0; k < 20; k++) {
        const int s = steps_made[order[k]]++;
        switch (order[k]) {
        case 0: NET_AT(0); op0_conv(arena, s, 1); break;
        case 1: NET_AT(1); op1_conv(arena, 2 * s, 2); break;
        case 2: NET_AT(2); op2_maxpool(arena, s, 1); break;
        case 3: NET_AT(3); op3_conv(arena, s, 1); break;
        }
        NET_AT(NET_OPERATORS);
    }
}

#ifndef NET_NO_ARENA /* the caller hands one in */
#ifndef NET_ARENA_IN /* where it lies: __attribute__((section(".ccmram"))) */
#define NET_ARENA_IN
#endif
static NET_ARENA_IN ALIGNED(NET_ARENA_ALIGN) unsigned char net_arena[NET_ARENA_BYTES];
float *net_input_x(void) { return net_input_x_in(net_arena); }
const float *net_output_dense(void) { return net_output_dense_in(net_arena); }
void net_run(void) { net_run_in(net_arena); }
#endif
