static inline int in_arena(ptrdiff_t byte, int size)
{
    return byte >= 0 && byte + size <= (ptrdiff_t)NET_ARENA_BYTES;
}

/* Whether an element may be read: all its bytes are in the arena. It should be the one it was. */
static inline int check_read_of(const void *p, int size, uint32_t element)
{
    const ptrdiff_t byte = (const unsigned char *)p - judged;
    net_check.reads++;
    if (!in_arena(byte, size)) {
        fault(byte, element, 0);
        return 0;
    }
    for (int k = 0; k < size; k++)
        if (owner[byte + k] != element) {
            fault(byte + k, element, owner[byte + k]);
            break;
        }
    return 1;
}

static inline int check_write_of(const void *p, int size, uint32_t element)
{
    const ptrdiff_t byte = (const unsigned char *)p - judged;
    if (!in_arena(byte, size)) {
        fault(byte, element, 0);
        return 0;
    }
    for (int k = 0; k < size; k++)
        owner[byte + k] = element;
    return 1;
}

static inline void check_area(const void *p, int size, uint32_t element, int elements, int made)
{
    const unsigned char *at = p;
    for (int i = 0; i < elements; i++, at += size) {
        if (made)
            check_write_of(at, size, element + (uint32_t)i);
        else
            check_read_of(at, size, element + (uint32_t)i);
    }
}

#define SIZE(s) ((int)sizeof(s##_TYPE))
#define ELEMENT(s, r, i) ((uint32_t)s##_FIRST + (uint32_t)((r) * s##_ROW + (i)))
#define READ(s, r, i) (check_read_of(s(r, i), SIZE(s), ELEMENT(s, r, i)) ? *s(r, i) : 0)
#define WRITE(s, r, i, v) \
    do { \
        const s##_TYPE v_ = (v); \
        if (check_write_of(s(r, i), SIZE(s), ELEMENT(s, r, i))) \
            *s(r, i) = v_; \
    } while (0)
#define USE_ELEMENT(s, r, i) ((void)READ(s, r, i))
#define USE_RUN(s, r, i, elements) check_area(s(r, i), SIZE(s), ELEMENT(s, r, i), elements, 0)
#define CLAIM(s, r, i) ((void)check_write_of(s(r, i), SIZE(s), ELEMENT(s, r, i)))
#define USE(s, elements) USE_RUN(s, 0, 0, elements)
#define MADE(s, elements) check_area(s(0, 0), SIZE(s), ELEMENT(s, 0, 0), elements, 1)
#define KEPT(s, of, elements) \
    (check_area(s(0, 0), SIZE(s), ELEMENT(of, 0, 0), elements, 0), MADE(s, elements))
#define USE_ROW(s, r, elements) USE_RUN(s, r, 0, elements)
#define MADE_ROW(s, r, elements) check_area(s(r, 0), SIZE(s), ELEMENT(s, r, 0), elements, 1)
