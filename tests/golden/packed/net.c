/* net.c: packed, the kernels that ship.
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
/* S1: dense, 1 rows of 6 float32, 24 bytes at 128 */
#define S1(r, i) ((f32 *)(void *)(arena + 128) + (r) * 6 + (i))
/* S2: active, 4 rows of 32 float32, 512 bytes at 288 */
#define S2(r, i) ((f32 *)(void *)(arena + 288) + (r) * 32 + (i))
/* S3: deep, 2 rows of 16 float32, 128 bytes at 0 */
#define S3(r, i) ((f32 *)(void *)(arena + 0) + (r) * 16 + (i))
/* S4: active.scratch, 1 rows of 136 float32, 544 bytes at 800 */
#define S4(r, i) ((f32 *)(void *)(arena + 800) + (r) * 136 + (i))
/* S5: deep.scratch, 1 rows of 80 float32, 320 bytes at 800 */
#define S5(r, i) ((f32 *)(void *)(arena + 800) + (r) * 80 + (i))

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
SPARE int code(const uint8_t *p, int k, int bits)
{
    const size_t at = (size_t)k * (size_t)bits / 8;
    const unsigned below = (unsigned)((size_t)k * (size_t)bits % 8), sign = 1u << (bits - 1);
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
/* The sizes that the kernels of rows are compiled with. */
enum { BITS_1 = 0, BITS_2 = 0, BITS_3 = 0, BITS_4 = 1, BITS_5 = 0, BITS_6 = 0, BITS_7 = 0, BITS_8 = 0, BITS_ANY = 0 };
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

#define ROWS(n) const f32 *in[n]
#define ROW(s, r, i) s(r, i)
#define OUT(s, r, i) s(r, i)

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

/* What is unpacked once serves so many pixels; so many inputs are unpacked at a time. */
enum { PACKED_PIXELS = 8, PACKED_INPUTS = 8 };

/* Pixels at a time: one if it is made in a buffer. A block of `wide` channels is read for all of them
   before any is written, so where there is but one, they may be `most`, more than the plan's steps have. */
static inline int packed_step(const struct conv *s, const float *pixel, int wide, int most)
{
    if (pixel)
        return 1;
    return s->group < most && s->co > wide ? s->group : most;
}

/* Pixel k of a row in its order. */
static inline int packed_pixel(const struct conv *s, int k)
{
    return s->back ? s->ow - 1 - k : k;
}

/* Where the inputs of a pixel lie at a tap, NULL for padding. */
static inline const f32 *packed_input(const struct conv *s, const f32 *const *x, int tap, int q)
{
    const f32 *row = x[tap / s->kw];
    KEEP_BRANCH; /* Arm GCC 12.2 gets masks of constants wrong with Helium: all pixels exist */
    const int column = q * s->sw - s->pw + tap % s->kw * s->dw;
    return row == NULL || column < 0 || column >= s->iw ? NULL : row + column * s->is;
}

/* sums += inputs * v of one pixel, for n channels. */
static inline void packed_sum(f32 *sums, const f32 *inputs, int count, const f32 *v, int n)
{
    float acc[CONV_BLOCK];
    for (int t = 0; t < n; t++)
        acc[t] = sums[t];
    for (int j = 0; j < count; j++, v += n) {
        const float input = inputs[j];
        for (int t = 0; t < n; t++)
            acc[t] += input * v[t];
    }
    for (int t = 0; t < n; t++)
        sums[t] = acc[t];
}

/* n channels from m on of some pixels, in `room`: their scales, their sums, what is unpacked. */
static void packed_block(const struct conv *s, const f32 *const *x, const struct packed *w, const float *b,
                         int k, int pixels, int m, int n, f32 *room)
{
    f32 *const scale = room, *const sums = scale + n, *const v = sums + PACKED_PIXELS * n;
    unpack_scales(w, m, n, scale);
    for (int p = 0; p < pixels; p++)
        for (int t = 0; t < n; t++)
            sums[p * n + t] = b ? b[m + t] : 0.0f;
    for (int tap = 0; tap < s->kh * s->kw; tap++) {
        for (int i = 0; i < s->ci && x[tap / s->kw]; i += PACKED_INPUTS) {
            const int inputs = s->ci - i < PACKED_INPUTS ? s->ci - i : PACKED_INPUTS;
            const size_t all = (size_t)s->co, first = (size_t)(tap * s->ci + i) * all + (size_t)m;
            unpack(w, first, all, inputs, n, scale, v, n);
            for (int p = 0; p < pixels; p++) {
                const f32 *a = packed_input(s, x, tap, packed_pixel(s, k + p));
                KEEP_BRANCH;
                if (a && n == CONV_BLOCK)
                    packed_sum(sums + p * n, a + i, inputs, v, CONV_BLOCK);
                else if (a)
                    packed_sum(sums + p * n, a + i, inputs, v, n);
            }
        }
    }
}

/* conv_row with packed weights [kh][kw][ci][co]: what is unpacked serves some pixels at a time. */
static void packed_conv_row(const struct conv *s, const f32 *const *x, const struct packed *w,
                            const float *b, f32 *y, float *pixel, f32 *room)
{
    const int step = packed_step(s, pixel, CONV_BLOCK, PACKED_PIXELS);
    for (int k = 0; k < s->ow; k += step) {
        const int pixels = s->ow - k < step ? s->ow - k : step;
        for (int m = 0; m < s->co; m += CONV_BLOCK) {
            const int n = s->co - m < CONV_BLOCK ? s->co - m : CONV_BLOCK;
            const f32 *sums = room + n;
            packed_block(s, x, w, b, k, pixels, m, n, room);
            for (int p = 0; p < pixels; p++, sums += n)
                for (int t = 0; t < n; t++)
                    *(pixel ? pixel + m + t : y + packed_pixel(s, k + p) * s->os + m + t) = sums[t];
        }
        for (int m = 0; m < s->co && pixel; m++)
            y[packed_pixel(s, k) * s->os + m] = pixel[m];
    }
}

#if defined __SSE__ || defined __aarch64__
enum { EACH_TWO = 1 }; /* every other input: vectors */
#else
enum { EACH_TWO = 0 };
#endif

/* acc += inputs * v of n channels, `each` inputs of each. */
INLINE void packed_each(float *acc, const f32 *inputs, int each, const f32 *v, int wide, int n)
{
    for (int i = 0; i < each; i++)
        for (int t = 0; t < n; t++)
            acc[t] += inputs[t * each + i] * v[i * wide + t];
}

/* Some channels of a pixel, each of its own inputs: depthwise_row with packed weights [kh][kw][ci][co], ci
   of a channel. All taps of some channels are unpacked, and serve all pixels of a step. */
static void packed_depthwise_row(const struct conv *s, const f32 *const *x,
                                 const struct packed *w, const float *b, f32 *y, float *pixel, f32 *room)
{
    const int each = s->ci / s->co, taps = s->kh * s->kw, wide = w->floats / (taps * each + 1);
    const int step = packed_step(s, pixel, wide, s->co > wide ? PACKED_PIXELS : s->ow);
    f32 *const scale = room, *const unpacked = scale + wide;
    for (int k = 0; k < s->ow; k += step) {
        for (int m = 0; m < s->co; m += wide) {
            const int n = s->co - m < wide ? s->co - m : wide;
            unpack_scales(w, m, n, scale);
            unpack(w, (size_t)m, (size_t)s->co, taps * each, n, scale, unpacked, wide);
            for (int p = 0; p < step && k + p < s->ow; p++) {
                const int q = packed_pixel(s, k + p);
                float acc[CONV_BLOCK];
                for (int t = 0; t < n; t++)
                    acc[t] = b ? b[m + t] : 0.0f;
                const f32 *v = unpacked;
                for (int tap = 0; tap < taps; tap++, v += each * wide) {
                    const f32 *a = packed_input(s, x, tap, q);
                    KEEP_BRANCH;
                    if (a == NULL)
                        continue;
                    if (EACH_TWO && each == 2)
                        packed_each(acc, a + 2 * m, 2, v, wide, n);
                    else
                        packed_each(acc, a + m * each, each, v, wide, n);
                }
                for (int t = 0; t < n; t++)
                    *(pixel ? pixel + m + t : y + q * s->os + m + t) = acc[t];
            }
        }
        for (int m = 0; m < s->co && pixel; m++)
            y[packed_pixel(s, k) * s->os + m] = pixel[m];
    }
}

/* first: Conv+Relu 1x3x8x8 -> 1x8x4x4, last pixel first */
static void op0_conv(unsigned char *const arena, const int first, const int rows) {
    for (int y = first; y < first + rows; y++) {
        static const struct conv shape = { 3, 3, 2, 1, 1, 8, 3, 3, 4, 8, 8, 1, 1, 1 };
        ROWS(3);
        for (int ky = 0; ky < 3; ky++) {
            const int h = y * 2 + ky - 1;
            in[ky] = h >= 0 ? ROW(S0, h, 0) : NULL;
        }
        static const struct packed weights = { w0_first, w0_first_scales, 4, 0, 1, 1, 136 };
        f32 *y_out = OUT(S2, y, 0);
        packed_conv_row(&shape, in, &weights, NULL, y_out, NULL, S4(0, 0));
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
            in[ky] = ROW(S2, h, 0);
        }
        static const struct packed weights = { w1_deep, w1_deep_scales, 4, 0, 1, 1, 80 };
        f32 *y_out = OUT(S3, y, 0);
        packed_depthwise_row(&shape, in, &weights, NULL, y_out, NULL, S5(0, 0));
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

float *net_input_x_in(void *memory) { unsigned char *const arena = (unsigned char *)memory; return S0(0, 0); }
const float *net_output_dense_in(void *memory) { unsigned char *const arena = (unsigned char *)memory; return S1(0, 0); }

void net_run_in(void *memory) {
    unsigned char *const arena = (unsigned char *)memory;
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
