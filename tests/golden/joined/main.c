/* main.c: how net.c is called; net.h says how to compile both. Change it as you like: what is
   changed stays, whatever lowtide writes here. */
#include "net.h"

#include <stdio.h>

int main(void)
{
    /* Yours: 'x', [H 8][W 8][C 2]. */
    float *in_x = net_input_x();
    for (int i = 0; i < NET_INPUT_X_ELEMENTS; i++)
        in_x[i] = (float)(i % 256) / 255.0f;
    net_run();
    const float *out_last = net_output_last();
    printf("last, [H 8][W 8][C 2]:");
    for (int i = 0; i < NET_OUTPUT_LAST_ELEMENTS && i < 10; i++)
        printf(" %g", (double)out_last[i]);
    printf("\n");
    return 0;
}
