/* What is unpacked once serves so many pixels; so many inputs are unpacked at a time. */
enum { PACKED_PIXELS = 8, PACKED_INPUTS = 8 };

/* Pixels at a time: one if it is made in a buffer. One block of channels is read for all of them
   before any is written, so where there is but one, they may be more than the plan's steps have. */
static inline int packed_step(const struct conv *s, const float *pixel)
{
    if (pixel)
        return 1;
    return s->group < PACKED_PIXELS && s->co > CONV_BLOCK ? s->group : PACKED_PIXELS;
}

/* The scales of n outputs from m on, and the biases that their sums begin with. */
static inline void packed_start(const struct packed *w, const float *b, int m, int n, int pixels,
                                float (*acc)[CONV_BLOCK], float *scale)
{
    unpack_scales(w, m, n, scale);
    for (int t = 0; t < n; t++)
        for (int p = 0; p < pixels; p++)
            acc[p][t] = b ? b[m + t] : 0.0f;
}

/* Where the inputs of some pixels lie at one tap, NULL for padding; 0 if all of it is. */
static inline int packed_pixels(const struct conv *s, const f32 *const *x, int tap, int k,
                                int pixels, const f32 **a)
{
    const f32 *row = x[tap / s->kw];
    for (int p = 0; p < pixels; p++) {
        const int q = s->back ? s->ow - 1 - k - p : k + p;
        KEEP_BRANCH; /* Arm GCC 12.2 gets masks of constants wrong with Helium: all pixels exist */
        const int column = q * s->sw - s->pw + tap % s->kw * s->dw;
        a[p] = row == NULL || column < 0 || column >= s->iw ? NULL : row + column * s->is;
    }
    return row != NULL;
}

/* Writes the sums, into `pixel` if there is one. */
static inline void packed_end(const struct conv *s, int k, int m, int n, int pixels,
                              float (*acc)[CONV_BLOCK], f32 *y, float *pixel)
{
    for (int p = 0; p < pixels; p++) {
        const int q = s->back ? s->ow - 1 - k - p : k + p;
        for (int t = 0; t < n; t++)
            *(pixel ? pixel + m + t : y + q * s->os + m + t) = acc[p][t];
    }
}
