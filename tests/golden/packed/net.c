/* net.c: packed, the kernels that ship.
   Made by lowtide; see net.h. */
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
/* S1: dense, 1 rows of 6 float32, 24 bytes at 128 */
#define S1(r, i) ((f32 *)(void *)(arena + 128) + (r) * 6 + (i))
/* S2: active, 4 rows of 32 float32, 512 bytes at 288 */
#define S2(r, i) ((f32 *)(void *)(arena + 288) + (r) * 32 + (i))
/* S3: deep, 2 rows of 16 float32, 128 bytes at 0 */
#define S3(r, i) ((f32 *)(void *)(arena + 0) + (r) * 16 + (i))

#define READ(s, r, i) (*s(r, i))
#define WRITE(s, r, i, v) (*s(r, i) = (v))

#ifndef NET_AT /* a hook: what comes next is an operator's, or the driver's (NET_OPERATORS) */
#define NET_AT(operator) ((void)0)
#endif

#if defined __GNUC__
#define SPARE static inline __attribute__((unused)) /* not every program needs both */
#else
#define SPARE static inline
#endif

/* Low-bit weights: code k of `bits` bits, in two's complement, the first in the lowest bits. */
SPARE int code(const uint8_t *p, size_t k, int bits)
{
    const size_t at = k * (size_t)bits / 8;
    const unsigned below = (unsigned)(k * (size_t)bits % 8), sign = 1u << (bits - 1);
    const unsigned next = below + (unsigned)bits > 8 ? p[at + 1] : 0u;
    return (int)((((p[at] | next << 8) >> below) & (2 * sign - 1)) ^ sign) - (int)sign;
}

/* A float from its 16-bit form: shifted into place, its exponent is 112 too small. */
SPARE float half(uint16_t h)
{
    union { uint32_t bits; float value; } u;
    u.bits = (uint32_t)(h & 0x8000u) << 16 | (uint32_t)(h & 0x7fffu) << 13;
    return u.value * 0x1p112f;
}

#ifndef NET_WEIGHTS_IN /* where constants lie: __attribute__((section(".qspi"))) */
#define NET_WEIGHTS_IN
#endif
#define NET_CONSTANTS
#include "net_weights.c"

static inline float f_larger(float a, float b) { return a < b || b != b ? b : a; }
#ifndef INLINE
#ifdef __GNUC__
#define INLINE static inline __attribute__((always_inline, unused)) /* some kernels need some of them */
#else
#define INLINE static inline
#endif
#endif
#ifdef __GNUC__
#define PERHAPS static __attribute__((unused))
#else
#define PERHAPS static inline
#endif
#ifdef __clang__ /* a function in assembler: a compiler does not see what is read and written there */
#define NOIPA noinline
#else
#define NOIPA noipa
#endif

/* Stands where a test for padding has to stay a branch. GCC 12.2 at -O3 with AVX-512 (its PR 114375,
   mended in GCC 14) makes the test a mask, and where lanes of a vector share one element that is read
   under it, each of them reads another: wrong sums, and no warning. A statement that may not be left
   out keeps the branch. */
#if defined __GNUC__ && __GNUC__ < 14 && !defined __clang__
#define KEEP_BRANCH __asm__ volatile("")
#else
#define KEEP_BRANCH ((void)0)
#endif

/* The shape of a convolution's row: kernel, stride, dilation, padding left; input and output width,
   elements from pixel to pixel, channels. And its order: last pixel first if `back`, `group` pixels a
   step, which reads everything before it writes anything if `atomic`. */
struct conv { int kh, kw, sw, dw, pw, iw, is, ci, ow, os, co, back, group, atomic; };
enum { CONV_BLOCK = 32 };

#define ROWS(n) const f32 *x[n]
#define ROW(s, r, i) s(r, i)
#define OUT(s, r, i) s(r, i)

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

/* What is unpacked once serves so many pixels; so many inputs are unpacked at a time. */
enum { PACKED_PIXELS = 8, PACKED_INPUTS = 8 };

/* Pixels at a time: one if it is made in a buffer. One block of channels is read for all of them
   before any is written, so where there is but one, they may be more than the plan's steps have. */
static inline int packed_step(const struct conv *s, const float *pixel)
{
    if (pixel)
        return 1;
    return s->group < PACKED_PIXELS && s->co > CONV_BLOCK ? s->group : PACKED_PIXELS;
}

/* The scales of n outputs from m on, and the biases that their sums begin with. */
static inline void packed_start(const struct packed *w, const float *b, int m, int n, int pixels,
                                float (*acc)[CONV_BLOCK], float *scale)
{
    unpack_scales(w, m, n, scale);
    for (int t = 0; t < n; t++)
        for (int p = 0; p < pixels; p++)
            acc[p][t] = b ? b[m + t] : 0.0f;
}

/* Where the inputs of some pixels lie at one tap, NULL for padding; 0 if all of it is. */
static inline int packed_pixels(const struct conv *s, const f32 *const *x, int tap, int k,
                                int pixels, const f32 **a)
{
    const f32 *row = x[tap / s->kw];
    for (int p = 0; p < pixels; p++) {
        const int q = s->back ? s->ow - 1 - k - p : k + p;
        KEEP_BRANCH; /* Arm GCC 12.2 gets masks of constants wrong with Helium: all pixels exist */
        const int column = q * s->sw - s->pw + tap % s->kw * s->dw;
        a[p] = row == NULL || column < 0 || column >= s->iw ? NULL : row + column * s->is;
    }
    return row != NULL;
}

/* Writes the sums, into `pixel` if there is one. */
static inline void packed_end(const struct conv *s, int k, int m, int n, int pixels,
                              float (*acc)[CONV_BLOCK], f32 *y, float *pixel)
{
    for (int p = 0; p < pixels; p++) {
        const int q = s->back ? s->ow - 1 - k - p : k + p;
        for (int t = 0; t < n; t++)
            *(pixel ? pixel + m + t : y + q * s->os + m + t) = acc[p][t];
    }
}

/* acc += a * v over some inputs of some pixels; a pixel that is NULL lies in the padding. */
static inline void packed_sum(float (*acc)[CONV_BLOCK], const f32 *const *a, int pixels, int i,
                              int inputs, float (*v)[CONV_BLOCK], int n)
{
    for (int p = 0; p < pixels; p++) {
        KEEP_BRANCH;
        if (a[p] == NULL)
            continue;
        for (int j = 0; j < inputs; j++)
            for (int t = 0; t < n; t++)
                acc[p][t] += a[p][i + j] * v[j][t];
    }
}

/* conv_row with packed weights [kh][kw][ci][co]: what is unpacked serves some pixels at a time. */
static void packed_conv_row(const struct conv *s, const f32 *const *x, const struct packed *w,
                            const float *b, f32 *y, float *pixel)
{
    const int step = packed_step(s, pixel);
    for (int k = 0; k < s->ow; k += step) {
        const int pixels = s->ow - k < step ? s->ow - k : step;
        for (int m = 0; m < s->co; m += CONV_BLOCK) {
            const int n = s->co - m < CONV_BLOCK ? s->co - m : CONV_BLOCK;
            float acc[PACKED_PIXELS][CONV_BLOCK], v[PACKED_INPUTS][CONV_BLOCK], scale[CONV_BLOCK];
            packed_start(w, b, m, n, pixels, acc, scale);
            for (int tap = 0; tap < s->kh * s->kw; tap++) {
                const f32 *a[PACKED_PIXELS];
                if (!packed_pixels(s, x, tap, k, pixels, a))
                    continue;
                for (int i = 0; i < s->ci; i += PACKED_INPUTS) {
                    const int inputs = s->ci - i < PACKED_INPUTS ? s->ci - i : PACKED_INPUTS;
                    unpack(w, ((size_t)tap * s->ci + i) * s->co + m, (size_t)s->co, inputs, n, scale, v[0],
                           CONV_BLOCK);
                    if (n == CONV_BLOCK)
                        packed_sum(acc, a, pixels, i, inputs, v, CONV_BLOCK);
                    else
                        packed_sum(acc, a, pixels, i, inputs, v, n);
                }
            }
            packed_end(s, k, m, n, pixels, acc, y, pixel);
        }
        for (int m = 0; m < s->co && pixel; m++)
            y[(s->back ? s->ow - 1 - k : k) * s->os + m] = pixel[m];
    }
}

/* depthwise_row with packed weights [kh][kw][c]: what is unpacked serves some pixels at a time. */
static void packed_depthwise_row(const struct conv *s, const f32 *const *x,
                                 const struct packed *w, const float *b, f32 *y, float *pixel)
{
    const int step = packed_step(s, pixel);
    for (int k = 0; k < s->ow; k += step) {
        const int pixels = s->ow - k < step ? s->ow - k : step;
        for (int m = 0; m < s->co; m += CONV_BLOCK) {
            const int n = s->co - m < CONV_BLOCK ? s->co - m : CONV_BLOCK;
            float acc[PACKED_PIXELS][CONV_BLOCK], v[CONV_BLOCK], scale[CONV_BLOCK];
            packed_start(w, b, m, n, pixels, acc, scale);
            for (int tap = 0; tap < s->kh * s->kw; tap++) {
                const f32 *a[PACKED_PIXELS];
                if (!packed_pixels(s, x, tap, k, pixels, a))
                    continue;
                unpack(w, (size_t)tap * s->co + m, 0, 1, n, scale, v, 0);
                for (int p = 0; p < pixels; p++) {
                    KEEP_BRANCH;
                    if (a[p] == NULL)
                        continue;
                    for (int t = 0; t < n; t++)
                        acc[p][t] += a[p][m + t] * v[t];
                }
            }
            packed_end(s, k, m, n, pixels, acc, y, pixel);
        }
        for (int m = 0; m < s->co && pixel; m++)
            y[(s->back ? s->ow - 1 - k : k) * s->os + m] = pixel[m];
    }
}

/* first: Conv+Relu 1x3x8x8 -> 1x8x4x4, last pixel first */
static void op0_conv(unsigned char *const arena, const int first, const int rows) {
    for (int y = first; y < first + rows; y++) {
        static const struct conv shape = { 3, 3, 2, 1, 1, 8, 3, 3, 4, 8, 8, 1, 1, 1 };
        ROWS(3);
        for (int ky = 0; ky < 3; ky++) {
            const int h = y * 2 + ky - 1;
            x[ky] = h >= 0 ? ROW(S0, h, 0) : NULL;
        }
        const struct packed weights = { w0_first, w0_first_scales, 4, 0, 1, 1 };
        f32 *y_out = OUT(S2, y, 0);
        packed_conv_row(&shape, x, &weights, NULL, y_out, NULL);
        for (int x = 0; x < 4; x++) {
            for (int c = 0; c < 8; c++) {
                f32 *v = y_out + x * 8 + c;
                *v = f_larger(*v, 0.0f);
            }
        }
    }
}

/* deep: Conv 1x8x4x4 -> 1x8x2x2 */
static void op1_conv(unsigned char *const arena, const int first, const int rows) {
    for (int y = first; y < first + rows; y++) {
        static const struct conv shape = { 3, 3, 1, 1, 0, 4, 8, 8, 2, 8, 8, 0, 1, 1 };
        ROWS(3);
        for (int ky = 0; ky < 3; ky++) {
            const int h = y + ky;
            x[ky] = ROW(S2, h, 0);
        }
        const struct packed weights = { w1_deep, w1_deep_scales, 4, 0, 1, 1 };
        f32 *y_out = OUT(S3, y, 0);
        packed_depthwise_row(&shape, x, &weights, NULL, y_out, NULL);
    }
}

/* dense_conv: Conv 1x8x2x2 -> 1x6x1x1 */
static void op2_conv(unsigned char *const arena) {
    float acc[6];
    for (int c = 0; c < 6; c++) {
        acc[c] = 0.0f;
    }
    for (int ky = 0; ky < 2; ky++) {
        for (int kx = 0; kx < 2; kx++) {
            for (int i = 0; i < 8; i++) {
                const float a0 = READ(S3, ky, i + kx * 8);
                for (int c = 0; c < 6; c++) {
                    acc[c] += a0 * ((float)code(w2_dense_conv, c + i * 6 + ky * 96 + kx * 48, 4)) * half(w2_dense_conv_scales[c]);
                }
            }
        }
    }
    for (int c = 0; c < 6; c++) {
        WRITE(S1, 0, c, acc[c]);
    }
}

float *net_input_x_in(void *memory) { unsigned char *const arena = memory; return S0(0, 0); }
const float *net_output_dense_in(void *memory) { unsigned char *const arena = memory; return S1(0, 0); }

void net_run_in(void *memory) {
    unsigned char *const arena = memory;
    NET_AT(0);
    for (int y = 3; y >= 0; y--)
        op0_conv(arena, y, 1);
    NET_AT(1);
    for (int y = 0; y < 2; y++)
        op1_conv(arena, y, 1);
    NET_AT(2);
    op2_conv(arena);
    NET_AT(NET_OPERATORS);
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
