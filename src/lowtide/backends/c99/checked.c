#ifdef CHECKED
/* The judge: every element of the arena remembers which element of which storage it holds. A read
   that finds another one is a fault; the first is kept. Elements are numbered through all storages,
   from 1. */
struct net_check net_check;
static uint32_t owner[NET_ARENA_BYTES / sizeof(f32) + 1];
static int task, task_row;

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

static inline int in_arena(ptrdiff_t byte)
{
    return byte >= 0 && byte + (ptrdiff_t)sizeof(f32) <= (ptrdiff_t)NET_ARENA_BYTES;
}

static inline const f32 *check_read(const f32 *p, uint32_t element)
{
    static const f32 nothing = 0;
    const ptrdiff_t byte = (const unsigned char *)p - arena;
    net_check.reads++;
    if (!in_arena(byte)) {
        fault(byte, element, 0);
        return &nothing;
    }
    if (owner[byte / (ptrdiff_t)sizeof(f32)] != element)
        fault(byte, element, owner[byte / (ptrdiff_t)sizeof(f32)]);
    return p;
}

static inline f32 *check_write(f32 *p, uint32_t element)
{
    static f32 nothing;
    const ptrdiff_t byte = (const unsigned char *)p - arena;
    if (!in_arena(byte)) {
        fault(byte, element, 0);
        return &nothing;
    }
    owner[byte / (ptrdiff_t)sizeof(f32)] = element;
    return p;
}

static inline void check_area(f32 *p, uint32_t element, int elements, int made)
{
    for (int i = 0; i < elements; i++) {
        if (made)
            check_write(p + i, element + (uint32_t)i);
        else
            check_read(p + i, element + (uint32_t)i);
    }
}

#define ELEMENT(s, r, i) ((uint32_t)s##_FIRST + (uint32_t)((r) * s##_ROW + (i)))
#define READ(s, r, i) (*check_read(s(r, i), ELEMENT(s, r, i)))
#define WRITE(s, r, i, v) \
    do { const f32 v_ = (v); *check_write(s(r, i), ELEMENT(s, r, i)) = v_; } while (0)
#define USE_ELEMENT(s, r, i) ((void)READ(s, r, i))
#define USE_RUN(s, r, i, elements) check_area(s(r, i), ELEMENT(s, r, i), elements, 0)
#define CLAIM(s, r, i) ((void)check_write(s(r, i), ELEMENT(s, r, i)))
#define USE(s, elements) check_area(s(0, 0), ELEMENT(s, 0, 0), elements, 0)
#define MADE(s, elements) check_area(s(0, 0), ELEMENT(s, 0, 0), elements, 1)
#define USE_ROW(s, r, elements) check_area(s(r, 0), ELEMENT(s, r, 0), elements, 0)
#define MADE_ROW(s, r, elements) check_area(s(r, 0), ELEMENT(s, r, 0), elements, 1)
#define TASK(number, row) (task = (number), task_row = (row))
#else
#define READ(s, r, i) (*s(r, i))
#define WRITE(s, r, i, v) (*s(r, i) = (v))
#define USE_ELEMENT(s, r, i) ((void)0)
#define USE_RUN(s, r, i, elements) ((void)0)
#define USE(s, elements) ((void)0)
#define MADE(s, elements) ((void)0)
#define USE_ROW(s, r, elements) ((void)0)
#define MADE_ROW(s, r, elements) ((void)0)
#ifndef TASK /* `lowtide bench --profile` counts time here */
#define TASK(number, row) ((void)0)
#endif
#endif
