/* net.h: made by lowtide from packed
   sha256 39b43a48da7ecf6b27671f1d0ca787b607cd8f7dc73e8f1c3784f4f5dc074dfa

   The program computes the network in one arena: yours, handed to the functions that end
   in _in, or a static one (-DNET_NO_ARENA leaves it out, NET_ARENA_IN, a macro, says in
   which section it lies). It is C99, allocates nothing,
   uses no recursion and no stdio, and keeps no state between calls but the arena.

   This generated code carries no licence of lowtide's and is yours; the weights in it stay under
   the licence of the network.

   RAM    arena 1344 bytes (layer by layer with whole tensors: 1280), stack not measured
   flash  weights 284 bytes (net_weights.c), code not measured
          written out: weights 240, factors and biases 44, tables 0 (counted as code)
   work   3936 multiply-adds

   How to call it:
       float *x = net_input_x();
       ... write 192 floats, [H 8][W 8][C 3] ...
       net_run();
       net_output_dense() points to the result, [C 6]

   The inputs are overwritten while the network runs: write them anew before each run.

   How to compile it, and an example of a caller:
       OUT=.      # this folder, from wherever you are
       cc -std=c99 -O3 -ffp-contract=fast -I"$OUT" -c "$OUT/net.c"      add -march=native or your core's
       cc -std=c99 -O3 -ffp-contract=fast -I"$OUT" "$OUT/main.c" "$OUT/net.c" -o net_example
   checks/net.c is the same with a judge, for -DLOWTIDE_CHECKED -I.: every read must find
   its own bytes (checks/net_check.h).
   A breakpoint at an operator: compile with -g as well, and break op2_conv. net.c has
   such a function for each, its name in the network above it; gdb finds it inlined, too.
   NET_AT(operator), if it is a macro, is told whose work comes next: an operator's (its
   number in plan.json) or the driver's (NET_OPERATORS). For counters of your own.
*/
#ifndef NET_H
#define NET_H

#define NET_LOWTIDE_VERSION "0.1.0"
#define NET_CONTRACT "float32/float64" /* docs/stability.md */
#define NET_ARENA_BYTES 1344
#define NET_ARENA_ALIGN 64
#define NET_OPERATORS 3

#ifdef __cplusplus
extern "C" {
#endif

/* input 'x', 1x3x8x8, in memory [H 8][W 8][C 3]: row by row, the channels of a pixel together */
#define NET_INPUT_X_ELEMENTS 192

/* output 'dense', 1x6, in memory [C 6] */
#define NET_OUTPUT_DENSE_ELEMENTS 6

/* While operator k works, from its first step to its last, at most NET_IN_USE[k] bytes
   of the arena are in use; NET_FREE[k], a first byte and how many, are free to lend out.
       const long free_of[NET_OPERATORS][2] = NET_FREE;
   NET_AT tells when an operator begins a step. */
#define NET_IN_USE { \
    1312, 832, 152 \
}
#define NET_FREE { \
    {0,0}, {1120,224}, {152,1192} \
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
