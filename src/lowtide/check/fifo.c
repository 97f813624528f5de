/* A machine of processes and FIFOs, cycle by cycle.

   stdin     64-bit numbers: processes, edges, frames; firings in a frame, by process; the firings
             that write, by process, and that read, by edge, each list with its length first; for
             each process when its firings may begin, a list too, empty unless it is an input; the
             ends of each edge; then the number of runs, and for each: whether inputs keep to their
             times, whether to stop at the first wait, and the depth of each edge
   stdout    a line for each run: cycles, waits for room, 1 if it locked, and the first edge that
             was full

   A process reads and writes in the same cycle. What is written in a cycle can be read from the
   next on, and the room of what is read is there from the next on. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct list { int64_t count; int64_t *at; };

static void *room(int64_t count, size_t size)
{
    void *held = calloc((size_t)count + 1, size);
    if (held == NULL)
        exit(3);
    return held;
}

static int64_t number(void)
{
    int64_t n;
    if (fread(&n, sizeof n, 1, stdin) != 1)
        exit(2);
    return n;
}

static struct list list(int64_t count)
{
    struct list one = { count, room(count, sizeof(int64_t)) };
    if (fread(one.at, sizeof(int64_t), (size_t)count, stdin) != (size_t)count)
        exit(2);
    return one;
}

static int64_t processes, edges, frames;
static struct list firings, *writes, *reads, *times, ends;

/* The firing in which pixel `n` passes, pixels of later frames included. */
static int64_t when(const struct list *pixels, int64_t n, int64_t per_frame)
{
    if (n >= pixels->count * frames)
        return -1;
    return n / pixels->count * per_frame + pixels->at[n % pixels->count];
}

struct state { int64_t fired, next, written; int fires; };   /* of a process */
struct fifo { int64_t held, next, read; };                   /* of an edge */

static void run(int paced, int stop, const struct list *depths)
{
    struct state *p = room(processes, sizeof *p);
    struct fifo *e = room(edges, sizeof *e);
    int64_t *wants = room(processes, sizeof *wants), *full = room(processes, sizeof *full);
    int64_t cycle, waits = 0, first = -1, left = processes;
    int locked = 0;
    for (int64_t k = 0; k < processes; k++)
        p[k].next = when(&writes[k], 0, firings.at[k]);
    for (int64_t k = 0; k < edges; k++)
        e[k].next = when(&reads[k], 0, firings.at[ends.at[2 * k + 1]]);
    for (cycle = 0; left && !locked && !(stop && waits); cycle++) {
        int64_t fires = 0, later = 0;
        for (int64_t k = 0; k < processes; k++)
            wants[k] = 0, full[k] = -1;
        for (int64_t k = 0; k < edges; k++) {
            int64_t from = ends.at[2 * k], to = ends.at[2 * k + 1];
            if (e[k].next == p[to].fired && !e[k].held)
                wants[to] = 1;
            if (p[from].next == p[from].fired && e[k].held >= depths->at[k])
                full[from] = k;
        }
        for (int64_t k = 0; k < processes; k++) {
            int done = p[k].fired == firings.at[k] * frames;
            int early = !done && paced && times[k].count && times[k].at[p[k].fired] > cycle;
            later |= early;
            p[k].fires = !done && !early && !wants[k] && full[k] < 0;
            if (!done && !early && !wants[k] && full[k] >= 0) {
                waits++;
                first = first < 0 ? full[k] : first;
            }
            fires += p[k].fires;
        }
        for (int64_t k = 0; k < edges; k++) {
            int64_t from = ends.at[2 * k], to = ends.at[2 * k + 1];
            int in = p[from].fires && p[from].next == p[from].fired;
            int out = p[to].fires && e[k].next == p[to].fired;
            e[k].held += in - out;
            if (out)
                e[k].next = when(&reads[k], ++e[k].read, firings.at[to]);
        }
        for (int64_t k = 0; k < processes; k++)
            if (p[k].fires) {
                if (p[k].next == p[k].fired)
                    p[k].next = when(&writes[k], ++p[k].written, firings.at[k]);
                p[k].fired++;
                left -= p[k].fired == firings.at[k] * frames;
            }
        locked = left && !fires && !later;
    }
    printf("%lld %lld %d %lld\n", (long long)cycle, (long long)waits, locked, (long long)first);
    free(p), free(e), free(wants), free(full);
}

static struct list *lists(int64_t count)
{
    struct list *all = room(count, sizeof *all);
    for (int64_t k = 0; k < count; k++)
        all[k] = list(number());
    return all;
}

int main(void)
{
    processes = number(), edges = number(), frames = number();
    firings = list(processes);
    writes = lists(processes);
    reads = lists(edges);
    times = lists(processes);
    ends = list(2 * edges);
    for (int64_t left = number(); left; left--) {
        int paced = (int)number(), stop = (int)number();
        struct list depths = list(edges);
        run(paced, stop, &depths);
        free(depths.at);
    }
    return 0;
}
