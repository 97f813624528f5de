/* What rows are made of. Windows: kernel, stride, dilation and padding along the row; input: width,
   elements from pixel to pixel, channels; output: width, from pixel to pixel, channels; how many
   groups of those channels there are. A pool of `ph` rows and `pw` columns that follows is made in
   the same go, and so is an activation. Where sums grow, what is made is added to what is there, and
   where they go `on`, they begin with it. A mean is over the padding, too, if `padded`. */
enum activation { NO_ACTIVATION, RELU, CLAMP, LEAKY };
enum pooling { NO_POOL, MAX_POOL, SUM_POOL };
struct rows {
    int kh, kw, stride, dilation, before, iw, is, ci, ow, os, co, groups, ph, pw, pool, grows, on, padded, act;
    float low, high;
};

#ifdef LOWTIDE_CHECKED
/* What a kernel of whole rows does to the arena, before it is called: all that it makes is stamped,
   then all that it reads must be there. So none of its outputs may lie on any of its inputs. */
static void check_rows(const struct rows *s, const f32 *const *x, const uint32_t *from,
                       f32 *const *y, const uint32_t *to, int rows)
{
    for (int j = 0; j < rows; j++)
        for (int q = 0; q < s->ow; q++)
            for (int m = 0; m < s->co * s->groups; m++)
                check_write(y[j] + q * s->os + m, to[j] + (uint32_t)(q * s->os + m));
    for (int k = 0; k < rows * s->ph * s->kh; k++) {
        for (int t = 0; t < s->ow * s->pw * s->kw && x[k] != NULL; t++) {
            const int column = t / s->kw * s->stride - s->before + t % s->kw * s->dilation;
            for (int i = 0; i < s->ci * s->groups && column >= 0 && column < s->iw; i++)
                check_read(x[k] + column * s->is + i, from[k] + (uint32_t)(column * s->is + i));
        }
    }
}

#define ROW_POINTERS(n, m) const f32 *in[n]; f32 *out[m]; uint32_t from[n], to[m]
#define IN_ROW(k, s, r, i) (from[k] = ELEMENT(s, r, i), s(r, i))
#define OUT_ROW(k, s, r, i) (to[k] = ELEMENT(s, r, i), s(r, i))
#define CHECK_ROWS(shape, rows) check_rows(shape, in, from, out, to, rows)
#else
#define ROW_POINTERS(n, m) const f32 *in[n]; f32 *out[m]
#define IN_ROW(k, s, r, i) s(r, i)
#define OUT_ROW(k, s, r, i) s(r, i)
#define CHECK_ROWS(shape, rows) ((void)0)
#endif

/* A pixel in the padding reads these. */
static const float zeros[ZEROS] = { 0.0f };

/* Output pixel q of row j, at tap (py, px) of the pool that follows. */
struct spot { int j, q, py, px; };

/* Some pixels: where the rows under the window of each begin in x, its first column, its output.
   `straight` ones lie side by side in one row. */
struct tile {
    const f32 *const *rows[TILE];
    f32 *out[TILE];
    int column[TILE], straight;
};

/* n pixels from a spot on, row after row of `count`; those from n on stand for the last. */
INLINE void find_tile(const struct rows *s, const f32 *const *x, f32 *const *y, int count,
                      struct spot at, int n, struct tile *t)
{
    const int step = s->pw * s->stride, first = at.px * s->stride - s->before;
    const f32 *const *rows = x + (at.j * s->ph + at.py) * s->kh;
    f32 *out = y[at.j];
    t->straight = count == 1 || at.q + n <= s->ow;
    for (int p = 0, q = at.q; p < TILE; p++) {
        t->rows[p] = rows;
        t->column[p] = q * step + first;
        t->out[p] = out + q * s->os;
        if (p + 1 < n && ++q == s->ow && !t->straight) {
            rows = x + (++at.j * s->ph + at.py) * s->kh;
            out = y[at.j];
            q = 0;
        }
    }
}

/* The spot n pixels on. */
INLINE struct spot advanced(const struct rows *s, struct spot at, int n)
{
    for (at.q += n; at.q >= s->ow; at.q -= s->ow)
        at.j++;
    return at;
}

/* How many of the pixels that are left are made next: the last two tiles share what there is. */
INLINE int next_pixels(int left)
{
#ifdef QUADS
    return left < TILE ? left : TILE;
#else
    return left <= TILE ? left : left < 2 * TILE ? (left + 1) / 2 : TILE;
#endif
}

INLINE void activate(const struct rows *s, int vectors, vec *acc)
{
    const vec zero = { 0.0f }, low = zero + s->low, high = zero + s->high;
    if (s->act == LEAKY)
        UNROLL
        for (int k = 0; k < vectors; k++)
            acc[k] = SELECT(acc[k] < zero, acc[k] * low, acc[k]);
    if (s->act == RELU || s->act == CLAMP)
        UNROLL
        for (int k = 0; k < vectors; k++)
            acc[k] = LARGER(acc[k], low);
    if (s->act == CLAMP)
        UNROLL
        for (int k = 0; k < vectors; k++)
            acc[k] = SMALLER(acc[k], high);
}
