/* general_twice.c: how sums end, for every sum below 2^30, factor, shift and offset that kernels/ending.py lets through. */
#include "net.c"
#include "__fc_builtin.h"
int main(void)
{
    int sum = 0;
    for (int shift = 1; shift <= 22; shift++)
        for (int offset = -128; offset <= 127; offset++) {
        const struct ending8 e = { 0, Frama_C_interval(0, 0x7fffffff), (1 << (shift - 1)) + offset * (1 << shift), shift };
        sum |= twice(Frama_C_interval(-(1 << 30) + 1, (1 << 30) - 1), &e);
        }
    return sum;
}
