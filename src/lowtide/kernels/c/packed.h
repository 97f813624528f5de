/* What is unpacked once serves so many pixels; so many inputs are unpacked at a time. */
enum { PACKED_PIXELS = 8, PACKED_INPUTS = 8 };

/* Pixels at a time: one if it is made in a buffer. A block of `wide` channels is read for all of them
   before any is written, so where there is but one, they may be `most`, more than the plan's steps have. */
static inline int packed_step(const struct conv *s, const float *pixel, int wide, int most)
{
    if (pixel)
        return 1;
    return s->group < most && s->co > wide ? s->group : most;
}

/* Pixel k of a row in its order. */
static inline int packed_pixel(const struct conv *s, int k)
{
    return s->back ? s->ow - 1 - k : k;
}

/* Where the inputs of a pixel lie at a tap, NULL for padding. */
static inline const f32 *packed_input(const struct conv *s, const f32 *const *x, int tap, int q)
{
    const f32 *row = x[tap / s->kw];
    KEEP_BRANCH; /* Arm GCC 12.2 gets masks of constants wrong with Helium: all pixels exist */
    const int column = q * s->sw - s->pw + tap % s->kw * s->dw;
    return row == NULL || column < 0 || column >= s->iw ? NULL : row + column * s->is;
}
