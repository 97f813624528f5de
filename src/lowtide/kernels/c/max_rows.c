/* Rows of a pool: the largest of each window. */
static void max_rows(const struct rows *s, const f32 *const *x, f32 *const *y, int rows,
                     const float *w, const float *b)
{
    window_rows(LARGEST, s, x, y, rows, w, b);
}
