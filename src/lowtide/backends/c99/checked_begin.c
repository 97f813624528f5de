#ifdef LOWTIDE_CHECKED
/* The judge: every element of the arena remembers which element of which storage it holds. A read
   that finds another one is a fault; the first is kept. Elements are numbered through all storages,
   from 1. */
struct net_check net_check;
static uint32_t owner[OWNERS];
static int task, task_row;
static const unsigned char *judged; /* the arena: one at a time */

#if defined __GNUC__
#define SELDOM __attribute__((noinline, cold)) /* a copy of it at every read takes long to compile */
#else
#define SELDOM
#endif

SELDOM static void fault(ptrdiff_t byte, uint32_t wanted, uint32_t found)
{
    if (net_check.faults++ == 0) {
        net_check.task = task;
        net_check.row = task_row;
        net_check.byte = (long)byte;
        net_check.wanted = wanted;
        net_check.found = found;
    }
}

