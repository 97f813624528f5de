/* The same in steps that read everything before they write anything: tiles are made in the scratch. Where
   each channel makes several, it stands as often in copies of the columns under a tile. */
static void copy_columns(const struct eight *s, const int8_t *const *x, int first, int columns, int8_t *to,
                         const int8_t **rows)
{
    const int times = s->co / s->ci, zero = s->zero > 127 ? s->zero - 256 : s->zero;
    for (int ky = 0; ky < s->kh; ky++) {
        rows[ky] = to;
        for (int c = 0; c < columns; c++) {
            const int8_t *from = column_of(s, x[ky], first + c);
            for (int i = 0; i < s->ci; i++)
                for (int t = 0; t < times; t++)
                    *to++ = (int8_t)(from == NULL ? zero : from[i]);
        }
    }
}

static void depthwise_eight_steps(const struct eight *s, const int8_t *const *x, const int8_t *w,
                                  const struct ending8 *e, int8_t *y, wide16 *scratch)
{
    const int wide_columns = (s->kw - 1) * s->dilation + 1, copies = s->co > s->ci;
    const int most = copies ? s->kh * ((s->pixels - 1) * s->stride + wide_columns) * s->co : 0;
    int8_t *made = (int8_t *)scratch;
    wide16 *const rest = scratch + (s->pixels * s->co + most + 3) / 4 * 2;
    const int8_t *rows[ROWS8];
    struct eight tile = *s;
    tile.os = s->co;
    for (int k = 0; k < s->ow; k += tile.ow) {
        const int left = s->ow - k;
        tile.ow = left < s->pixels ? left : s->pixels;
        const int q = s->back ? left - tile.ow : k, first = q * s->stride - s->before;
        tile.before = copies ? 0 : -first;
        if (copies) {
            tile.ci = tile.is = s->co;
            tile.iw = (tile.ow - 1) * s->stride + wide_columns;
            copy_columns(s, x, first, tile.iw, made + s->pixels * s->co, rows);
        }
        depthwise_eight(&tile, copies ? rows : x, w, e, made, rest);
        for (int p = 0; p < tile.ow; p++)
            for (int c = 0; c < s->co; c++)
                y[(q + p) * s->os + c] = made[p * s->co + c];
    }
}
