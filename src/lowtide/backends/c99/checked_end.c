#define TASK(number, row) (task = (number), task_row = (row))
#define JUDGED(memory) (judged = (memory))
#else
#define READ(s, r, i) (*s(r, i))
#define WRITE(s, r, i, v) (*s(r, i) = (v))
#define USE_ELEMENT(s, r, i) ((void)0)
#define USE_RUN(s, r, i, elements) ((void)0)
#define USE(s, elements) ((void)0)
#define MADE(s, elements) ((void)0)
#define KEPT(s, of, elements) ((void)0)
#define USE_ROW(s, r, elements) ((void)0)
#define MADE_ROW(s, r, elements) ((void)0)
#define TASK(number, row) ((void)0)
#define JUDGED(memory) ((void)0)
#endif

#ifndef NET_AT /* a hook: what comes next is an operator's, or the driver's (NET_OPERATORS) */
#define NET_AT(operator) ((void)0)
#endif
