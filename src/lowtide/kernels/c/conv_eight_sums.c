/* A row of a convolution, all of whose pixels are added to the sums of their channels. Tiles are made in
   the scratch, before what they widen. */
static void conv_eight_sums(const struct eight *s, const int8_t *const *x, const int8_t *w,
                            const struct ending8 *e, int32_t *y, wide16 *scratch)
{
#ifdef FAMILY_DOT
    make_row8(s, x, w, (const int32_t *)(const void *)e, NULL, (int8_t *)scratch, y);
#else
    int8_t *made = (int8_t *)scratch;
    wide16 *const rest = scratch + (s->pixels * s->co + 3) / 4 * 2;
    struct eight tile = *s;
    tile.os = s->co;
    for (int q = 0; q < s->ow; q += s->pixels) {
        tile.ow = s->ow - q < s->pixels ? s->ow - q : s->pixels;
        tile.before = s->before - q * s->stride;
        conv_eight(&tile, x, w, e, made, rest);
#ifdef FAMILY_HELIUM
        for (int p = 0; p < tile.ow; p++)
            add_bytes(y, made + p * s->co, s->co);
#else
        for (int c = 0; c < s->co; c++)
            for (int p = 0; p < tile.ow; p++)
                y[c] += made[p * s->co + c];
#endif
    }
#endif
}
