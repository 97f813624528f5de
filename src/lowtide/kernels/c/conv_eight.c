#if !defined FAMILY_DOT && !defined FAMILY_HELIUM
/* A row of a convolution. What is under the windows of a tile is widened to 16 bits, with padding; then
   all channels are made from that. */

/* Four numbers, two words: the first and third, and the two others. */
INLINE void widen_four(const int8_t *from, int from_zero, wide16 *first, wide16 *second)
{
#if defined __ARM_FEATURE_DSP && defined __GNUC__
    uint32_t four, even, odd;
    __builtin_memcpy(&four, from, 4);
    if (from_zero)
        __asm__("uxtb16 %0, %2\n uxtb16 %1, %2, ror #8" : "=&r"(even), "=r"(odd) : "r"(four));
    else
        __asm__("sxtb16 %0, %2\n sxtb16 %1, %2, ror #8" : "=&r"(even), "=r"(odd) : "r"(four));
    __builtin_memcpy(first, &even, 4);
    __builtin_memcpy(second, &odd, 4);
#else
    first[0] = from_zero ? (uint8_t)from[0] : from[0];
    first[1] = from_zero ? (uint8_t)from[2] : from[2];
    second[0] = from_zero ? (uint8_t)from[1] : from[1];
    second[1] = from_zero ? (uint8_t)from[3] : from[3];
#endif
}

/* A run of numbers, in whole words that are `apart`; what does not come in fours is in order. */
INLINE wide16 *widen(const int8_t *from, int n, int from_zero, wide16 *to, int apart)
{
    for (; n >= 4; n -= 4, from += 4, to += 4 * apart)
        widen_four(from, from_zero, to, to + 2 * apart);
    for (; n > 0; n -= 2, from += 2, to += 2 * apart) {
        to[0] = from_zero ? (uint8_t)from[0] : from[0];
        to[1] = n == 1 ? 0 : from_zero ? (uint8_t)from[1] : from[1];
    }
    return to;
}

/* The channels of one column, an even number; NULL is padding. */
INLINE wide16 *widen_column(const int8_t *from, int n, int zero, int from_zero, wide16 *to, int apart)
{
    if (from != NULL)
        return widen(from, n, from_zero, to, apart);
    for (int i = 0; i < n; i += 2, to += 2 * apart)
        to[0] = to[1] = (int16_t)zero;
    return to;
}

/* All columns under windows of three, each once. */
INLINE void slide(const struct eight *s, const int8_t *const *x, int first, int tile, wide16 *to, int from_zero)
{
    const int columns = s->stride == 1 ? tile + 2 : 2 * tile + 1, ci = s->ci, zero = s->zero;
    for (int ky = 0; ky < s->kh; ky++, to += ci * columns)
        for (int c = 0; c < columns; c++) {
            const int at = s->stride == 1 ? c : c % 2 ? tile + 1 + c / 2 : c / 2;
            widen_column(column_of(s, x[ky], first + c), ci, zero, from_zero, to + 2 * at, columns);
        }
}

/* All that is under the window of each pixel. */
INLINE void gather(const struct eight *s, const int8_t *const *x, int first, int pixels, int tile, wide16 *to,
                   int from_zero)
{
    const int ci = s->ci, zero = s->zero;
    for (int p = 0; p < pixels; p++, first += s->stride) {
        wide16 *at = to + 2 * p;
        for (int ky = 0; ky < s->kh; ky++)
            for (int kx = 0; kx < s->kw; kx++)
                at = widen_column(column_of(s, x[ky], first + kx * s->dilation), ci, zero, from_zero, at, tile);
    }
}

/* A row of a window, of which some columns are padding, input by input. */
static void widen_edge(const struct eight *s, const int8_t *row, int first, int columns, int tile, wide16 *to)
{
    const int n = columns * s->ci;
    for (int k = 0, done = 0; k < columns; k++) {
        const int8_t *from = column_of(s, row, first + k);
        for (int i = 0; i < s->ci; i++, done++) {
            const int turned = done / 4 * 4 + 4 <= n && (done + 1) % 4 > 1; /* second and third of four */
            const int at = turned ? done ^ 3 : done;
            to[at / 2 * 2 * tile + at % 2] =
                (int16_t)(from == NULL ? s->zero : s->from_zero ? (uint8_t)from[i] : from[i]);
        }
    }
    if (n % 2)
        to[n / 2 * 2 * tile + 1] = 0;
}

/* The same as `gather` where channels do not come in fours: runs of them. */
INLINE void gather_runs(const struct eight *s, const int8_t *const *x, int first, int pixels, int tile,
                        wide16 *to, int from_zero)
{
    const int columns = s->dilation == 1 ? s->kw : 1, last = s->is == s->ci ? s->iw - columns : -1;
    const int n = columns * s->ci, is = s->is, stride = s->stride;
    for (int ky = 0; ky < s->kh; ky++)
        for (int kx = 0; kx < s->kw; kx += columns, to += (n + 1) / 2 * 2 * tile) {
            int column = first + kx * s->dilation;
            for (int p = 0; p < pixels; p++, column += stride)
                if (x[ky] != NULL && column >= 0 && column <= last)
                    widen(x[ky] + column * is, n, from_zero, to + 2 * p, tile);
                else
                    widen_edge(s, x[ky], column, columns, tile, to + 2 * p);
        }
}

/* What is under the windows of some pixels. */
INLINE void widen_tile(const struct eight *s, const int8_t *const *x, int first, int pixels, int tile, wide16 *to,
                       int slides, int from_zero)
{
    if (slides)
        slide(s, x, first, tile, to, from_zero);
    else if (s->ci % 4 == 0)
        gather(s, x, first, pixels, tile, to, from_zero);
    else
        gather_runs(s, x, first, pixels, tile, to, from_zero);
}

/* Some pixels of all channels; sums that a tile does not end are ended here. */
static void make_tile(const struct eight *s, tile8_sums *sums, const wide16 *x, const int8_t *w,
                      int bytes, const struct ending8 *e, int8_t *y, int pixels, int tile)
{
#ifdef SCALED_TILES
    const int scaled = s->ending == SCALED && s->high - s->low == 255;
#else
    const int scaled = 0;
#endif
    const int plain = scaled || (s->ending == TWICE && s->low == -128 && s->high == 127);
    struct tile8 t;
    t.offset = s->offset - s->low;
    t.low = s->low;
    t.os = s->os;
    t.apart = s->stride * s->is;
    for (int c = 0; c < s->co; c += 2) {
        t.y = plain && pixels == tile && c + 1 < s->co ? y + c : NULL;
        t.e = e + c;
        t.pairs = t.y ? (s->co - c) / 2 : 1;
        const int asked = t.pairs;
        sums(x, w + c / 2 * bytes, bytes, &t);
        c += 2 * (asked - t.pairs);
        if (t.pairs == 0) {
            c -= 2;
            continue;
        }
        for (int k = 0; k < (s->co - c < 2 ? 1 : 2); k++)
            end_pixels(s, t.sums + k * WIDE8, t.e + k, y + c + k, pixels);
    }
}

/* Where there is room for one pixel only, and a row is one step that does not lie on its input: windows of
   one tap, of inputs as they lie. */
static int conv_direct(const struct eight *s, const int8_t *x, const int8_t *w, const struct ending8 *e, int8_t *y)
{
#if defined __ARM_FEATURE_DSP && defined __GNUC__
    static tile8_sums *const kinds[] = { direct_single, direct_narrow, direct };
    if (s->pixels > 1 || s->kh * s->kw > 1 || s->ci % 4 || s->from_zero || s->atomic || s->ow == 1)
        return 0;
    if (x == NULL || s->before || s->group < s->ow || (s->ow - 1) * s->stride >= s->iw)
        return 0;
    for (int q = 0, pixels; q < s->ow; q += pixels) {
        const int left = s->ow - q;
        pixels = left >= WIDE8 ? WIDE8 : left >= NARROW8 ? NARROW8 : 1;
        make_tile(s, kinds[pixels / 2], (const wide16 *)(const void *)(x + q * s->stride * s->is), w, 2 * s->ci, e,
                  y + q * s->os, pixels, pixels);
    }
    return 1;
#else
    (void)s, (void)x, (void)w, (void)e, (void)y;
    return 0;
#endif
}

static void conv_eight(const struct eight *s, const int8_t *const *x, const int8_t *w,
                       const struct ending8 *e, int8_t *y, wide16 *scratch)
{
    if (conv_direct(s, x[0], w, e, y))
        return;
    static tile8_sums *const kinds[][3] = { { gathered_single, gathered_narrow, gathered },
                                            { sliding_single, sliding_narrow, sliding },
                                            { striding_single, striding_narrow, striding } };
    const int slides = s->ci % 4 == 0 && s->kw == 3 && s->dilation == 1 && s->stride <= 2;
    const int columns = s->dilation == 1 ? s->kw : 1;
    const int words = s->kh * (s->kw / columns) * ((columns * s->ci + 1) / 2);
    const int bytes = 4 * (words + words % 2);
    int pixels;
    for (int k = 0; k < s->ow; k += pixels) {
        const int left = s->ow - k, tile = left > NARROW8 || left > s->pixels ? s->pixels : left;
        pixels = left < tile ? left : tile;
        const int q = s->back ? left - pixels : k, first = q * s->stride - s->before;
        if (s->from_zero)
            widen_tile(s, x, first, pixels, tile, scratch, slides, 1);
        else
            widen_tile(s, x, first, pixels, tile, scratch, slides, 0);
        make_tile(s, kinds[slides ? s->stride : 0][tile / 2], scratch, w, bytes, e, y + q * s->os, pixels, tile);
    }
}
#endif
