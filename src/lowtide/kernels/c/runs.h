/* Inputs that lie one behind the other for each pixel of a tile, and so do their weights: where
   those of each pixel begin, the first one's number among a window's, how many there are. */
struct run {
    const f32 *x[TILE];
    int first, length;
};

/* Adds the runs of row ky of the windows of pixels that lie side by side. Taps one behind the other
   are one run as long as the same pixels, those from `low` up to `high`, have them in the image. */
INLINE struct run *find_straight(const struct rows *s, const struct tile *at, int ky, int dense,
                                 struct run *run)
{
    const f32 *row = at->rows[0][ky];
    int was_low = 0, was_high = 0, column = 0;
    for (int kx = 0; kx < s->kw && row; kx++, column += s->dilation) {
        int low = 0, high = TILE;
        while (low < TILE && at->column[low] + column < 0)
            low++;
        while (high > low && at->column[high - 1] + column >= s->iw)
            high--;
        if (dense && low < high && low == was_low && high == was_high) {
            run[-1].length += s->ci;
        } else if (low < high) {
            run->first = (ky * s->kw + kx) * s->ci;
            run->length = s->ci;
            for (int p = 0; p < TILE; p++)
                run->x[p] = row + (at->column[p] + column) * (ptrdiff_t)s->is;
            for (int p = 0; p < low; p++)
                run->x[p] = zeros;
            for (int p = high; p < TILE; p++)
                run->x[p] = zeros;
            run++;
        }
        was_low = low;
        was_high = high;
    }
    return run;
}

/* Adds the runs of row ky of the windows of pixels that lie anywhere: its taps. */
INLINE struct run *find_taps(const struct rows *s, const struct tile *at, int ky, struct run *run)
{
    for (int kx = 0; kx < s->kw; kx++) {
        int some = 0;
        for (int p = 0; p < TILE; p++) {
            const f32 *row = at->rows[p][ky];
            const int column = at->column[p] + kx * s->dilation;
            const int there = row && column >= 0 && column < s->iw;
            run->x[p] = there ? row + column * s->is : zeros;
            some |= there;
        }
        run->first = (ky * s->kw + kx) * s->ci;
        run->length = s->ci;
        run += some;
    }
    return run;
}

/* The runs of a tile over rows ky .. end - 1 of its windows, and how many. */
INLINE int find_runs(const struct rows *s, const struct tile *at, int ky, int end, struct run *runs)
{
    const int dense = s->is == s->ci && s->dilation == 1;
    struct run *run = runs;
    for (; ky < end; ky++)
        run = at->straight ? find_straight(s, at, ky, dense, run) : find_taps(s, at, ky, run);
    return (int)(run - runs);
}
