/* y += x w, w is [n][co]: it passes by once, four of its rows at a time. Each sum takes the inputs
   in their order. */
static void dense(const f32 *x, int n, const float *w, int co, f32 *y)
{
    for (int i = 0, k; i < n; i += k, w += k * (ptrdiff_t)co) {
        const int whole = co - co % LANES;
        k = n - i < 4 ? 1 : 4;
        for (int m = 0; m < whole; m += LANES) {
            const float *v = w + m;
            vec acc = *(const in_memory *)(y + m);
            acc += *(const in_memory *)v * x[i];
            if (k == 4) {
                acc += *(const in_memory *)(v + co) * x[i + 1];
                acc += *(const in_memory *)(v + 2 * (ptrdiff_t)co) * x[i + 2];
                acc += *(const in_memory *)(v + 3 * (ptrdiff_t)co) * x[i + 3];
            }
            *(in_memory *)(y + m) = acc;
        }
        for (int m = whole; m < co; m++)
            for (int j = 0; j < k; j++)
                y[m] += w[j * (ptrdiff_t)co + m] * x[i + j];
    }
}
