/* net.h: made by lowtide from small.onnx
   sha256 8a1c8f24c6b294d6123709f02c9a185a7f8dba8a08b1de3ad0420f6f2287bf31

   The program computes the network in one arena: yours, handed to the functions that end
   in _in, or a static one (-DNET_NO_ARENA leaves it out, NET_ARENA_IN, a macro, says in
   which section it lies). It is C99, allocates nothing,
   uses no recursion and no stdio, and keeps no state between calls but the arena.

   RAM    arena 784 bytes (layer by layer with whole tensors: 1792), stack 192, state 0: 976 bytes
   flash  weights 432 bytes (net_weights.c), code 396: 828 bytes
   (stack, state and code as compiled with -O2 on the PC that made this file; a board's differ)
   work   6912 multiply-adds

   How to call it:
       float *image = net_input_image();
       ... write 192 floats, [H 8][W 8][C 3] ...
       net_run();
       net_output_scores() points to the result, [C 4]

   The inputs are overwritten while the network runs: write them anew before each run.

   How to compile it, and an example of a caller:
       OUT=.      # this folder, from wherever you are
       cc -std=c99 -O3 -ffp-contract=fast -I"$OUT" -c "$OUT/net.c"      add -march=native or your core's
       cc -std=c99 -O3 -ffp-contract=fast -I"$OUT" "$OUT/main.c" "$OUT/net.c" -o net_example
   checks/net.c is the same with a judge, for -DLOWTIDE_CHECKED -I.: every read must find
   its own bytes (checks/net_check.h).
   NET_AT(operator), if it is a macro, is told whose work comes next: an operator's (its
   number in plan.json) or the driver's (NET_OPERATORS). For counters of your own.
*/
#ifndef NET_H
#define NET_H

#define NET_ARENA_BYTES 784
#define NET_ARENA_ALIGN 64
#define NET_OPERATORS 1

#ifdef __cplusplus
extern "C" {
#endif

/* input 'image', 1x3x8x8, in memory [H 8][W 8][C 3] */
#define NET_INPUT_IMAGE_ELEMENTS 192

/* output 'scores', 1x4x1x1, in memory [C 4] */
#define NET_OUTPUT_SCORES_ELEMENTS 4

#ifndef NET_NO_ARENA
float *net_input_image(void);
const float *net_output_scores(void);
void net_run(void);
#endif

/* The same in memory of yours, NET_ARENA_BYTES at a multiple of NET_ARENA_ALIGN. */
float *net_input_image_in(void *memory);
const float *net_output_scores_in(void *memory);
void net_run_in(void *memory);

#ifdef __cplusplus
}
#endif
#endif
