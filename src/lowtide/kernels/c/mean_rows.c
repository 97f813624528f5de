/* Rows of a pool: the mean of each window. */
static void mean_rows(const struct rows *s, const f32 *const *x, f32 *const *y, int rows,
                      const float *w, const float *b)
{
    window_rows(MEAN, s, x, y, rows, w, b);
}
