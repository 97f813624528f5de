/* The shape of a convolution's row: kernel, stride, dilation, padding left; input and output width,
   elements from pixel to pixel, channels. And its order: last pixel first if `back`, `group` pixels a
   step, which reads everything before it writes anything if `atomic`. */
struct conv { int kh, kw, sw, dw, pw, iw, is, ci, ow, os, co, back, group, atomic; };
enum { CONV_BLOCK = 32 };

#ifdef LOWTIDE_CHECKED
/* What a kernel does to the arena, step by step in its order, before it is called: each element that
   a step reads must be there, and what it writes is stamped. In a step that is not atomic the output
   comes first, so that a kernel whose output lies on its own input is at fault. */
static void check_step(const struct conv *s, const f32 *const *x, const uint32_t *from, f32 *y,
                       uint32_t to, int first, int end, int made)
{
    for (int k = first; k < end; k++) {
        const int q = s->back ? s->ow - 1 - k : k;
        for (int m = 0; m < s->co && made; m++)
            check_write(y + q * s->os + m, to + (uint32_t)(q * s->os + m));
        for (int t = 0; t < s->kh * s->kw && !made; t++) {
            const int ky = t / s->kw, column = q * s->sw - s->pw + t % s->kw * s->dw;
            if (x[ky] == NULL || column < 0 || column >= s->iw)
                continue;
            for (int i = 0; i < s->ci; i++)
                check_read(x[ky] + column * s->is + i, from[ky] + (uint32_t)(column * s->is + i));
        }
    }
}

static f32 *check_row(const struct conv *s, const f32 *const *x, const uint32_t *from, f32 *y,
                      uint32_t to)
{
    for (int k = 0; k < s->ow; k += s->group) {
        const int end = k + s->group < s->ow ? k + s->group : s->ow;
        check_step(s, x, from, y, to, k, end, !s->atomic);
        check_step(s, x, from, y, to, k, end, s->atomic);
    }
    return y;
}

#define ROWS(n) const f32 *in[n]; uint32_t from[n]
#define ROW(s, r, i) (from[ky] = ELEMENT(s, r, i), s(r, i))
#define OUT(s, r, i) check_row(&shape, in, from, s(r, i), ELEMENT(s, r, i))
#else
#define ROWS(n) const f32 *in[n]
#define ROW(s, r, i) s(r, i)
#define OUT(s, r, i) s(r, i)
#endif
