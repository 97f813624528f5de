static inline int in_arena(ptrdiff_t byte)
{
    return byte >= 0 && byte + (ptrdiff_t)sizeof(f32) <= (ptrdiff_t)NET_ARENA_BYTES;
}

static inline const f32 *check_read(const f32 *p, uint32_t element)
{
    static const f32 nothing = 0;
    const ptrdiff_t byte = (const unsigned char *)p - judged;
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
    const ptrdiff_t byte = (const unsigned char *)p - judged;
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
#define KEPT(s, of, elements) \
    (check_area(s(0, 0), ELEMENT(of, 0, 0), elements, 0), MADE(s, elements))
#define USE_ROW(s, r, elements) check_area(s(r, 0), ELEMENT(s, r, 0), elements, 0)
#define MADE_ROW(s, r, elements) check_area(s(r, 0), ELEMENT(s, r, 0), elements, 1)
