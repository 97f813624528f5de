#ifdef FAMILY_HELIUM
/* Helium (Cortex-M55): VMLADAVA adds 16 products of bytes to one register. */

/* As many bytes; those from 0 to 255 become those from -128 to 127 if `flip` is 128. */
INLINE void copy_bytes(int8_t *to, const int8_t *from, int n, int flip)
{
    if (flip)
        __asm__ volatile("vdup.8 q1, %3\n dlstp.8 lr, %2\n 1: vldrb.8 q0, [%1], #16\n veor q0, q0, q1\n"
                         "vstrb.8 q0, [%0], #16\n letp lr, 1b"
                         : "+r"(to), "+r"(from) : "r"(n), "r"(flip) : "q0", "q1", "lr", "memory");
    else
        __asm__ volatile("dlstp.8 lr, %2\n 1: vldrb.8 q0, [%1], #16\n vstrb.8 q0, [%0], #16\n letp lr, 1b"
                         : "+r"(to), "+r"(from) : "r"(n) : "q0", "lr", "memory");
}

INLINE void fill_bytes(int8_t *to, int value, int n)
{
    __asm__ volatile("vdup.8 q0, %2\n dlstp.8 lr, %1\n 1: vstrb.8 q0, [%0], #16\n letp lr, 1b"
                     : "+r"(to) : "r"(n), "r"(value) : "q0", "lr", "memory");
}

INLINE void add_bytes(int32_t *sums, const int8_t *from, int n)
{
    __asm__ volatile("dlstp.32 lr, %2\n 1: vldrb.s32 q0, [%1], #4\n vldrw.32 q1, [%0]\n vadd.i32 q1, q1, q0\n"
                     "vstrw.32 q1, [%0], #16\n letp lr, 1b"
                     : "+r"(sums), "+r"(from) : "r"(n) : "q0", "q1", "lr", "memory");
}

/* Two pixels of some channels, four at a time. `e` has four numbers of each kind for four channels, as
   in struct ending8, shifts to the left. Sums end TWICE in y, up to `end`, each as many bytes behind y
   as `at` says; if `end` is NULL, those of four channels of each pixel are left in `sums`. */
struct quads8 { const struct ending8 *e; int8_t *y, *end; const int8_t *second; uint16_t at[8]; int32_t sums[8]; };

/* Sums are the even registers, as VMLADAVA wants it; x of both pixels, weights, where x ends, e and y the
   odd ones. 14 instructions for 128 products. Where an odd number of blocks begins is on the stack. */
#define BLOCK8(w) "vldrb.8 " w ", [r5], #16\n"
#define BOTH8(w, a, b) "vmladava.s8 " a ", " w ", q0\n vmladava.s8 " b ", " w ", q1\n"
#define BLOCK16 \
    "vldrb.8 q0, [r1], #16\n" BLOCK8("q2") "vldrb.8 q1, [r3], #16\n" BOTH8("q2", "r0", "r2") BLOCK8("q3") \
    BLOCK8("q2") BOTH8("q3", "r4", "r6") BLOCK8("q3") BOTH8("q2", "r8", "r10") BOTH8("q3", "r12", "lr")
#define TWO_OF(what, number) what " q0, q0, " number "\n" what " q1, q1, " number "\n"

__attribute__((naked, aligned(4), NOIPA, unused)) static void add_quads(
    const int8_t *x __attribute__((unused)), const int8_t *w __attribute__((unused)),
    int n __attribute__((unused)), struct quads8 *t __attribute__((unused)))
{
    __asm__ volatile(
        "push {r3-r11, lr}\n vpush {d8, d9}\n sub sp, #16\n ldrd r9, r11, [r3]\n ldrd r6, r7, [r3, #8]\n"
        "vldrh.16 q4, [r3, #16]\n strd r0, r7, [sp]\n adr.w r4, 1f\n adr.w r8, 2f\n tst r2, #16\n"
        "it ne\n movne r4, r8\n add r4, #1\n strd r4, r6, [sp, #8]\n mov r5, r1\n add r7, r0, r2\n"
        "0: ldrd r1, r3, [sp]\n ldm r9, {r0, r4, r8, r12}\n ldm r9!, {r2, r6, r10, lr}\n ldr pc, [sp, #8]\n"
        "1:\n" BLOCK16 "2:\n" BLOCK16 "cmp r1, r7\n bne 1b\n"
        "vmov q0[2], q0[0], r0, r8\n vmov q0[3], q0[1], r4, r12\n ldr r0, [sp, #12]\n"
        "vmov q1[2], q1[0], r2, r10\n vmov q1[3], q1[1], r6, lr\n cbz r0, 3f\n vldrw.32 q2, [r9], #16\n"
        TWO_OF("vqrdmulh.s32", "q2") "vshr.s32 q2, q0, #31\n vshr.s32 q3, q1, #31\n vadd.i32 q0, q0, q2\n"
        "vadd.i32 q1, q1, q3\n vldrw.32 q2, [r9], #16\n" TWO_OF("vadd.i32", "q2") "vldrw.32 q2, [r9], #16\n"
        "vshl.s32 q0, q0, q2\n vshl.s32 q1, q1, q2\n vqmovnb.s32 q0, q0\n vqmovnt.s32 q0, q1\n"
        "vqmovnb.s16 q0, q0\n vstrb.16 q0, [r11, q4]\n add r11, #4\n cmp r11, r0\n bne 0b\n b 4f\n"
        "3: ldr r1, [sp, #32]\n vstrw.32 q0, [r1, #32]\n vstrw.32 q1, [r1, #48]\n"
        "4: add sp, #16\n vpop {d8, d9}\n pop {r3-r11, pc}\n");
}

/* The same of a channel of four. */
INLINE struct ending8 one_of_quad(const struct ending8 *e, int k)
{
    const int32_t *numbers = (const int32_t *)(const void *)e;
    const struct ending8 one = { numbers[k], numbers[4 + k], numbers[8 + k], -numbers[12 + k] };
    return one;
}

#ifdef SCALED_LANES
/* The sums of four channels of a pixel, all SCALED: as `ended` has them. */
INLINE void scale_quad(const struct eight *s, const int32_t *sums, const struct ending8 *e, int8_t *y)
{
    __asm__ volatile(SCALE_QUAD
                     : : "r"(sums), "r"(e), "r"(s->offset), "r"(s->low), "r"(s->high), "r"(y) : "q0", "q1", "q2", "memory");
}
#endif
#endif
