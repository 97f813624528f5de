/* net.h: made by lowtide from residual
   sha256 d339e2285d71d71e61054fd26cb6ce93752b679af346f7614e3cfbc72e01d5fc

   The program computes the network in one arena: yours, handed to the functions that end
   in _in, or a static one (-DNET_NO_ARENA leaves it out, NET_ARENA_IN, a macro, says in
   which section it lies). It is C99, allocates nothing,
   uses no recursion and no stdio, and keeps no state between calls but the arena.

   This generated code carries no licence of lowtide's and is yours; the weights in it stay under
   the licence of the network.

   RAM    arena 1280 bytes (layer by layer with whole tensors: 3072), stack not measured
   flash  weights 2320 bytes (net_weights.c), code not measured
          written out: weights 2408, factors and biases 32, tables 108 (counted as code)
   work   16448 multiply-adds

   How to call it:
       float *x = net_input_x();
       ... write 192 floats, [H 8][W 8][C 3] ...
       net_run();
       net_output_dense() points to the result, [C 5]

   The inputs are overwritten while the network runs: write them anew before each run.

   How to compile it, and an example of a caller:
       OUT=.      # this folder, from wherever you are
       cc -std=c99 -O3 -ffp-contract=fast -I"$OUT" -c "$OUT/net.c"      add -march=native or your core's
       cc -std=c99 -O3 -ffp-contract=fast -I"$OUT" "$OUT/main.c" "$OUT/net.c" -o net_example
   checks/net.c is the same with a judge, for -DLOWTIDE_CHECKED -I.: every read must find
   its own bytes (checks/net_check.h).
   A breakpoint at an operator: compile with -g as well, and break op3_conv. net.c has
   such a function for each, its name in the network above it; gdb finds it inlined, too.
   NET_AT(operator), if it is a macro, is told whose work comes next: an operator's (its
   number in plan.json) or the driver's (NET_OPERATORS). For counters of your own.
*/
#ifndef NET_H
#define NET_H

#define NET_LOWTIDE_VERSION "0.1.0"
#define NET_CONTRACT "float32/float64" /* docs/stability.md */
#define NET_ARENA_BYTES 1280
#define NET_ARENA_ALIGN 64
#define NET_OPERATORS 4

#ifdef __cplusplus
extern "C" {
#endif

/* input 'x', 1x3x8x8, in memory [H 8][W 8][C 3]: row by row, the channels of a pixel together */
#define NET_INPUT_X_ELEMENTS 192

/* output 'dense', 1x5, in memory [C 5] */
#define NET_OUTPUT_DENSE_ELEMENTS 5

/* While operator k works, from its first step to its last, at most NET_IN_USE[k] bytes
   of the arena are in use; NET_FREE[k], a first byte and how many, are free to lend out.
       const long free_of[NET_OPERATORS][2] = NET_FREE;
   NET_AT tells when an operator begins a step. */
#define NET_IN_USE { \
    1280, 1280, 1280, 1172 \
}
#define NET_FREE { \
    {0,0}, {0,0}, {0,0}, {1172,108} \
}

#ifndef NET_NO_ARENA
float *net_input_x(void);
const float *net_output_dense(void);
void net_run(void);
#endif

/* The same in memory of yours, NET_ARENA_BYTES at a multiple of NET_ARENA_ALIGN. */
float *net_input_x_in(void *memory);
const float *net_output_dense_in(void *memory);
void net_run_in(void *memory);

#ifdef __cplusplus
}
#endif
#endif
