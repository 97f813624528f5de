/* cycles.h: where cycles go on your own Cortex-M (M3 and later), operator by operator.

       cc ... -include cycles.h -c net.c         and in one other file, before it includes cycles.h:
       #define NET_CYCLES_HERE

   cycles_begin();                               once
   net_run();
   cycles[k]                                     of operator k of plan.json; cycles[NET_OPERATORS]: the driver's */
#ifndef CYCLES_H
#define CYCLES_H
#include "net.h"
#include <stdint.h>

extern uint32_t cycles[NET_OPERATORS + 1], cycles_since;
extern int cycles_now;

#define DEMCR (*(volatile uint32_t *)0xE000EDFC)
#define DWT_CTRL (*(volatile uint32_t *)0xE0001000)
#define DWT_CYCCNT (*(volatile uint32_t *)0xE0001004)

/* The work that comes next is an operator's; what it took until here was another one's. */
static inline void cycles_at(int operator)
{
    const uint32_t now = DWT_CYCCNT;
    cycles[cycles_now] += now - cycles_since;
    cycles_now = operator;
    cycles_since = DWT_CYCCNT;
}
#define NET_AT(operator) cycles_at(operator)

#ifdef NET_CYCLES_HERE
uint32_t cycles[NET_OPERATORS + 1], cycles_since;
int cycles_now = NET_OPERATORS;
void cycles_begin(void)
{
    DEMCR |= 1u << 24;      /* TRCENA; a Cortex-M7 may want 0xC5ACCE55 in 0xE0001FB0 before */
    DWT_CYCCNT = 0;
    DWT_CTRL |= 1;
    for (int k = 0; k <= NET_OPERATORS; k++)
        cycles[k] = 0;
    cycles_since = DWT_CYCCNT;
}
#else
void cycles_begin(void);
#endif
#endif
