/* Rows of a depthwise convolution. */
static void depthwise_rows(const struct rows *s, const f32 *const *x, f32 *const *y, int rows,
                           const float *w, const float *b)
{
    window_rows(PRODUCTS, s, x, y, rows, w, b);
}
