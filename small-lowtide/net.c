/* net.c: small.onnx, the kernels that ship.
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
/* S0: image, 8 rows of 24 float32, 768 bytes at 0 */
#define S0(r, i) ((f32 *)(void *)(arena + 0) + (r) * 24 + (i))
/* S1: scores, 1 rows of 4 float32, 16 bytes at 768 */
#define S1(r, i) ((f32 *)(void *)(arena + 768) + (r) * 4 + (i))

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
/* Stands where a test for padding has to stay a branch. GCC 12.2 at -O3 with AVX-512 (its PR 114375,
   mended in GCC 14) makes the test a mask, and where lanes of a vector share one element that is read
   under it, each of them reads another: wrong sums, and no warning. A statement that may not be left
   out keeps the branch. */
#if defined __GNUC__ && __GNUC__ < 14 && !defined __clang__
#define KEEP_BRANCH __asm__ volatile("")
#else
#define KEEP_BRANCH ((void)0)
#endif

/* mean: Conv+Relu+GlobalAveragePool 1x3x8x8 -> 1x4x1x1 */
static void op0_globalaveragepool(unsigned char *const arena) {
    float acc1[4];
    for (int c = 0; c < 4; c++) {
        acc1[c] = 0.0f;
    }
    for (int pr2 = 0; pr2 < 8; pr2++) {
        for (int pr3 = 0; pr3 < 8; pr3++) {
            float acc0[4];
            for (int c = 0; c < 4; c++) {
                acc0[c] = 0.0f;
            }
            for (int ky = 0; ky < 3; ky++) {
                const int h = pr2 + ky - 1;
                if (h >= 0 && h < 8) {
                    for (int kx = 0; kx < 3; kx++) {
                        KEEP_BRANCH;
                        const int w = pr3 + kx - 1;
                        if (w >= 0 && w < 8) {
                            for (int i = 0; i < 3; i++) {
                                const float a0 = READ(S0, h, i + w * 3);
                                for (int c = 0; c < 4; c++) {
                                    acc0[c] += a0 * w0[c + i * 4 + ky * 36 + kx * 12];
                                }
                            }
                        }
                    }
                }
            }
            for (int c = 0; c < 4; c++) {
                acc1[c] += f_larger(acc0[c], 0.0f);
            }
        }
    }
    for (int c = 0; c < 4; c++) {
        WRITE(S1, 0, c, acc1[c] / 64.0f);
    }
}

float *net_input_image_in(void *memory) { unsigned char *const arena = memory; return S0(0, 0); }
const float *net_output_scores_in(void *memory) { unsigned char *const arena = memory; return S1(0, 0); }

void net_run_in(void *memory) {
    unsigned char *const arena = memory;
    NET_AT(0);
    op0_globalaveragepool(arena);
    NET_AT(NET_OPERATORS);
}

#ifndef NET_NO_ARENA /* the caller hands one in */
#ifndef NET_ARENA_IN /* where it lies: __attribute__((section(".ccmram"))) */
#define NET_ARENA_IN
#endif
static NET_ARENA_IN ALIGNED(NET_ARENA_ALIGN) unsigned char net_arena[NET_ARENA_BYTES];
float *net_input_image(void) { return net_input_image_in(net_arena); }
const float *net_output_scores(void) { return net_output_scores_in(net_arena); }
void net_run(void) { net_run_in(net_arena); }
#endif
