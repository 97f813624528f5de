/* reference.c: small.onnx, the definitions alone, the judge's reference.
   Made by lowtide; see net.h. */
#include "net.h"

#ifdef LOWTIDE_CHECKED
#include "net_check.h"
#endif
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
#ifdef LOWTIDE_CHECKED
#define S0_FIRST 1u
#define S0_ROW 24
#define S1_FIRST 193u
#define S1_ROW 4
#endif

#ifdef LOWTIDE_CHECKED
/* The judge: every element of the arena remembers which element of which storage it holds. A read
   that finds another one is a fault; the first is kept. Elements are numbered through all storages,
   from 1. */
struct net_check net_check;
static uint32_t owner[NET_ARENA_BYTES / sizeof(f32) + 1];
static int task, task_row;
static const unsigned char *judged; /* the arena: one at a time */

#if defined __GNUC__
#define SELDOM __attribute__((noinline, cold)) /* a copy of it at every read takes long to compile */
#else
#define SELDOM
#endif

SELDOM static void fault(ptrdiff_t byte, uint32_t wanted, uint32_t found)
{
    if (net_check.faults++ == 0) {
        net_check.task = task;
        net_check.row = task_row;
        net_check.byte = (long)byte;
        net_check.wanted = wanted;
        net_check.found = found;
    }
}

static inline int in_arena(ptrdiff_t byte)
{
    return byte >= 0 && byte + (ptrdiff_t)sizeof(f32) <= (ptrdiff_t)NET_ARENA_BYTES;
}

static inline const f32 *check_read(const f32 *p, uint32_t element)
{
    static const f32 nothing = 0;
    const ptrdiff_t byte = (const unsigned char *)p - judged;
    net_check.reads++;
    if (!in_arena(byte)) {
        fault(byte, element, 0);
        return &nothing;
    }
    if (owner[byte / (ptrdiff_t)sizeof(f32)] != element)
        fault(byte, element, owner[byte / (ptrdiff_t)sizeof(f32)]);
    return p;
}

static inline f32 *check_write(f32 *p, uint32_t element)
{
    static f32 nothing;
    const ptrdiff_t byte = (const unsigned char *)p - judged;
    if (!in_arena(byte)) {
        fault(byte, element, 0);
        return &nothing;
    }
    owner[byte / (ptrdiff_t)sizeof(f32)] = element;
    return p;
}

static inline void check_area(f32 *p, uint32_t element, int elements, int made)
{
    for (int i = 0; i < elements; i++) {
        if (made)
            check_write(p + i, element + (uint32_t)i);
        else
            check_read(p + i, element + (uint32_t)i);
    }
}

#define ELEMENT(s, r, i) ((uint32_t)s##_FIRST + (uint32_t)((r) * s##_ROW + (i)))
#define READ(s, r, i) (*check_read(s(r, i), ELEMENT(s, r, i)))
#define WRITE(s, r, i, v) \
    do { const f32 v_ = (v); *check_write(s(r, i), ELEMENT(s, r, i)) = v_; } while (0)
#define USE_ELEMENT(s, r, i) ((void)READ(s, r, i))
#define USE_RUN(s, r, i, elements) check_area(s(r, i), ELEMENT(s, r, i), elements, 0)
#define CLAIM(s, r, i) ((void)check_write(s(r, i), ELEMENT(s, r, i)))
#define USE(s, elements) check_area(s(0, 0), ELEMENT(s, 0, 0), elements, 0)
#define MADE(s, elements) check_area(s(0, 0), ELEMENT(s, 0, 0), elements, 1)
#define USE_ROW(s, r, elements) check_area(s(r, 0), ELEMENT(s, r, 0), elements, 0)
#define MADE_ROW(s, r, elements) check_area(s(r, 0), ELEMENT(s, r, 0), elements, 1)
#define TASK(number, row) (task = (number), task_row = (row))
#define JUDGED(memory) (judged = (memory))
#else
#define READ(s, r, i) (*s(r, i))
#define WRITE(s, r, i, v) (*s(r, i) = (v))
#define USE_ELEMENT(s, r, i) ((void)0)
#define USE_RUN(s, r, i, elements) ((void)0)
#define USE(s, elements) ((void)0)
#define MADE(s, elements) ((void)0)
#define USE_ROW(s, r, elements) ((void)0)
#define MADE_ROW(s, r, elements) ((void)0)
#define TASK(number, row) ((void)0)
#define JUDGED(memory) ((void)0)
#endif

#ifndef NET_AT /* a hook: what comes next is an operator's, or the driver's (NET_OPERATORS) */
#define NET_AT(operator) ((void)0)
#endif

#ifndef NET_WEIGHTS_IN /* where constants lie: __attribute__((section(".qspi"))) */
#define NET_WEIGHTS_IN
#endif
static NET_WEIGHTS_IN ALIGNED(64) const float w0[108] = {
    0.12573022f, -0.9217254f, -1.2883614f, -0.6331941f, -1.2654215f, -0.6538286f, -0.49591073f, -0.2873877f,
    0.41163054f, -0.31392282f, 1.0039616f, -1.4015203f, -0.13210486f, -0.45772582f, 0.39512205f, -0.3775635f,
    -0.62327445f, -0.12961364f, 0.32896963f, 1.5744083f, 1.0425134f, 1.4580207f, -0.61790705f, 0.50268286f,
    0.64042264f, 0.22019513f, 0.4298637f, -1.0911461f, 0.04132598f, 0.7839755f, -0.25857255f, -0.43278584f,
    -0.12853466f, 1.9602584f, 1.8220114f, 0.989713f, 0.104900114f, -1.0096182f, 0.6960427f, -1.2776802f,
    -2.3250308f, 1.4934311f, 1.5834728f, -0.7354833f, 1.3664634f, 1.8016349f, -1.320431f, -0.16429459f,
    -0.5356694f, -0.20917557f, -1.1841179f, 0.6304115f, -0.21879166f, -1.2590655f, 1.320361f, 0.24978538f,
    -0.6651947f, 1.3151038f, -0.66152805f, -1.0743649f, 0.36159506f, -0.15922502f, -0.6617026f, 0.5811658f,
    -1.245911f, 1.5139238f, 0.63335264f, 1.0314531f, 0.35151008f, 0.35738042f, 0.93505f, 0.87304217f,
    1.304f, 0.5408456f, -0.43643525f, 1.2945588f, -0.7322674f, 1.3458754f, -2.2035098f, 0.16100958f,
    0.90347016f, -1.2083186f, 0.049054615f, -1.280394f, 0.94708097f, 0.21465912f, -1.169802f, -0.75460577f,
    -0.544259f, 0.7813114f, 0.052028973f, -0.58552885f, 0.0940123f, -0.004454133f, 2.0023925f, -0.71306807f,
    -0.70373523f, 0.3553727f, 1.7393678f, 1.6891074f, -0.31630015f, 0.26445562f, 0.6836862f, -1.3412197f,
    -0.7434993f, 0.65647495f, 0.1885192f, 0.6210179f,
};
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
    TASK(0, 0);
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
    JUDGED(arena);
    MADE(S0, 192);
    NET_AT(0);
    op0_globalaveragepool(arena);
    NET_AT(NET_OPERATORS);
    USE(S1, 4);
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
