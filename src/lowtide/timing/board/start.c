/* start.c: reset, vectors and faults, the same for every Cortex-M. */
#include "board.h"

extern uint32_t board_stack_low[], board_stack_top[], board_data[], board_data_end[], board_data_load[], board_bss[], board_bss_end[];
/* Of these only the addresses count: origins and lengths of the linker's memories. */
extern uint8_t board_boot[], board_flash[], board_flash_bytes[], board_ram[], board_ram_bytes[], board_host[], board_host_bytes[];
int main(void);
#define REGISTER(address) (*(volatile uint32_t *)(address))

/* The MPU lets the program have its flash (to read), its RAM and the host's memory; anything else faults. */
static void allow(uint8_t *from, uint32_t bytes, int writable)
{
    static uint32_t number;
    uint32_t base = (uint32_t)from;
#if __ARM_ARCH >= 8
    REGISTER(0xE000ED98) = number++;
    REGISTER(0xE000ED9C) = base | (writable ? 2 : 6);
    REGISTER(0xE000EDA0) = ((base + bytes - 1) & ~31u) | 1;
#else
    while (bytes) {                                 /* regions of powers of two that begin at multiples of themselves */
        uint32_t log = 31 - (uint32_t)__builtin_clz(bytes);
        while (base & ((1u << log) - 1)) log--;
        if (number == 8) board_print("the MPU's 8 regions do not cover this much RAM: choose a rounder size\n"), board_exit(71);
        REGISTER(0xE000ED98) = number++;
        REGISTER(0xE000ED9C) = base;
        REGISTER(0xE000EDA0) = (writable ? 3u : 6u) << 24 | 1u << 19 | (log - 1) << 1 | 1;
        base += 1u << log;
        bytes -= 1u << log;
    }
#endif
}

static void protect(void)
{
    REGISTER(0xE000EDC0) = 0x44;                    /* v8-M: attribute 0 is normal memory */
    if (board_boot + 1024 == board_flash)
        allow(board_boot, 1024 + (uint32_t)board_flash_bytes, 0);
    else
        allow(board_boot, 1024, 0), allow(board_flash, (uint32_t)board_flash_bytes, 0);
    allow(board_ram, (uint32_t)board_ram_bytes, 1);
    allow(board_host, (uint32_t)board_host_bytes, 1);
    REGISTER(0xE000ED94) = 1;
    __asm volatile("dsb\n isb" ::: "memory");
}

__attribute__((used)) static void run(void)
{
    for (uint32_t *to = board_data, *from = board_data_load; to < board_data_end;) *to++ = *from++;
    for (uint32_t *to = board_bss; to < board_bss_end;) *to++ = 0;
    REGISTER(0xE000ED88) |= 0xFu << 20;             /* CPACR: the FPU, and with it Helium */
    REGISTER(0xE000ED14) |= 1u << 19;               /* CCR.LOB: loops of the low overhead branch extension; ignored before v8.1-M */
    __asm volatile("dsb\n isb" ::: "memory");
    protect();
    board_exit(main());
}

__attribute__((naked)) void board_reset(void)
{
    __asm volatile(
#if __ARM_ARCH >= 8
        "ldr r0, =board_stack_low\n msr msplim, r0\n"
#endif
        "bl run\n .ltorg");
}

static void say(const char *name, uint32_t value)
{
    board_print(name);
    board_print_number(value, 16);
}

__attribute__((used)) static _Noreturn void fault(const uint32_t *frame)
{
    const uint32_t status = REGISTER(0xE000ED28);
    const int inside = frame >= board_stack_low && frame + 8 <= board_stack_top;
    board_print(!inside || status & 1u << 20 ? "FAULT stack overflow" : "FAULT");
    say(" pc=", inside ? frame[6] : 0);
    say(" lr=", inside ? frame[5] : 0);
    say(" status=", status);
    say(" address=", status & 0x80 ? REGISTER(0xE000ED34) : status & 0x8000 ? REGISTER(0xE000ED38) : 0);
    board_print("\n");
    board_exit(70);
}

__attribute__((naked)) void board_fault(void)
{
    __asm volatile(
#if __ARM_ARCH >= 8
        "mov r0, #0\n msr msplim, r0\n"
#endif
        "mrs r0, msp\n ldr r1, =board_stack_top\n mov sp, r1\n bl fault\n .ltorg");
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    board_stack_top, (void *)board_reset, (void *)board_fault, (void *)board_fault,
    (void *)board_fault, (void *)board_fault, (void *)board_fault, (void *)board_fault,
    (void *)board_fault, (void *)board_fault, (void *)board_fault, (void *)board_fault,
    (void *)board_fault, (void *)board_fault, (void *)board_fault, (void *)board_fault,
};
