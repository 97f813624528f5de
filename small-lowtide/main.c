/* main.c: how net.c is called; net.h says how to compile both. Change it as you like: what is
   changed stays, whatever lowtide writes here. */
#include "net.h"

#include <stdio.h>

int main(void)
{
    /* Yours: 'image', [H 8][W 8][C 3]. */
    float *in_image = net_input_image();
    for (int i = 0; i < NET_INPUT_IMAGE_ELEMENTS; i++)
        in_image[i] = (float)(i % 256) / 255.0f;
    net_run();
    const float *out_scores = net_output_scores();
    printf("scores, [C 4]:");
    for (int i = 0; i < NET_OUTPUT_SCORES_ELEMENTS && i < 10; i++)
        printf(" %g", (double)out_scores[i]);
    printf("\n");
    return 0;
}
