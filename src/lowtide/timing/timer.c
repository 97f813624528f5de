/* The program that `lowtide bench` runs: it makes each result once, then runs the network when asked.

   timer INPUTS OUTPUTS      files of numbers: sets of inputs, and where to write the outputs of each
   stdin   r SET TIMES       nanoseconds of each run: the processor's, and those on the wall
           p 0 MILLIONS      nanoseconds of so many million multiply-adds, as fast as this core can
           t 0 0             nanoseconds spent in each operator so far, and from here on anew
   stdout  @ready, then a line that begins with @ for each of these */
#define _POSIX_C_SOURCE 200112L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "ports.h"

static long long now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* With --profile, net.c calls this where an operator begins; what passes until the next one begins
   is its. The processor's own clock takes 0.8 microseconds to read, that on the wall 0.03: only where
   enough passed that something else may have run is the former asked how much of it was ours. */
static long long spent[TASKS + 1], since, away;
static int current = TASKS;

void timer_task(int number)
{
    const long long t = now(CLOCK_MONOTONIC);
    long long took = t - since;
    if (took > 50000) {
        const long long others = t - now(CLOCK_PROCESS_CPUTIME_ID);
        took -= others - away;
        away = others;
    }
    spent[current] += took;
    since = t;
    current = number;
}

static int read_inputs(FILE *file, long set)
{
    if (fseek(file, set * (long)(INPUT_BYTES), SEEK_SET))
        return 0;
    for (int k = 0; k < INPUTS; k++)
        if (fread(input[k], 1, input_bytes[k], file) != input_bytes[k])
            return 0;
    return 1;
}

static void run_once(void)
{
    timer_task(TASKS); /* from here on it is the network's */
    run_network();
    timer_task(TASKS);
}

static void run(FILE *inputs, long set, long times)
{
    for (long n = 0; n < times; n++) {
        if (!read_inputs(inputs, set))
            exit(1);
        const long long wall = now(CLOCK_MONOTONIC), own = now(CLOCK_PROCESS_CPUTIME_ID);
        run_once();
        const long long own_end = now(CLOCK_PROCESS_CPUTIME_ID);
        printf("%lld %lld ", own_end - own, now(CLOCK_MONOTONIC) - wall);
    }
}

#if defined __AVX512F__
#define LANES 16
#elif defined __AVX__
#define LANES 8
#else
#define LANES 4
#endif

#ifdef __GNUC__
typedef float vector __attribute__((vector_size(4 * LANES)));

/* Ten sums that do not wait for each other keep the multipliers of every core busy. */
static long long peak(long millions)
{
    static volatile float factor = 0.5f;
    vector a[10], m;
    for (int i = 0; i < LANES; i++)
        m[i] = factor;
    for (int k = 0; k < 10; k++)
        a[k] = m * (float)k;
    const long long began = now(CLOCK_PROCESS_CPUTIME_ID);
    for (long n = millions * 1000000L / (10 * LANES); n > 0; n--)
        for (int k = 0; k < 10; k++)
            a[k] = a[k] * m + m;
    const long long took = now(CLOCK_PROCESS_CPUTIME_ID) - began;
    for (int k = 0; k < 10; k++)
        factor = a[k][0] > 8 ? a[k][0] : 0.5f;
    return took;
}
#else
static long long peak(long millions) { return millions * 0; }
#endif

int main(int count, char **arguments)
{
    FILE *inputs = count == 3 ? fopen(arguments[1], "rb") : NULL;
    FILE *outputs = count == 3 ? fopen(arguments[2], "wb") : NULL;
    char what;
    long set, number;
    if (!inputs || !outputs)
        return 2;
    setvbuf(inputs, NULL, _IONBF, 0);
    find_ports();
    for (set = 0; set < SETS && read_inputs(inputs, set); set++) {
        run_once();
        for (int k = 0; k < OUTPUTS; k++)
            fwrite(output[k], 1, output_bytes[k], outputs);
    }
    fclose(outputs);
    puts("@ready");
    fflush(stdout);
    while (scanf(" %c %ld %ld", &what, &set, &number) == 3) {
        putchar('@');
        if (what == 'r')
            run(inputs, set, number);
        if (what == 'p')
            printf("%lld", peak(number));
        for (int k = 0; what == 't' && k < TASKS; k++) {
            printf("%lld ", spent[k]);
            spent[k] = 0;
        }
        puts("");
        fflush(stdout);
    }
    return 0;
}
