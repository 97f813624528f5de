/* A row of a convolution. What is under the windows of a tile is widened to 16 bits, with padding; then
   all channels are made from that. */

/* Four numbers, two words: the first and third and the two others, or as they come `in_order`. */
INLINE void widen_four(const int8_t *from, int from_zero, int in_order, wide *first, wide *second)
{
#if defined __ARM_FEATURE_DSP && defined __GNUC__
    uint32_t four, even, odd;
    __builtin_memcpy(&four, from, 4);
    if (from_zero)
        __asm__("uxtb16 %0, %2\n uxtb16 %1, %2, ror #8" : "=&r"(even), "=r"(odd) : "r"(four));
    else
        __asm__("sxtb16 %0, %2\n sxtb16 %1, %2, ror #8" : "=&r"(even), "=r"(odd) : "r"(four));
    if (in_order) {
        __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(four) : "r"(even), "r"(odd));
        __asm__("pkhtb %0, %0, %1, asr #16" : "+r"(odd) : "r"(even));
        even = four;
    }
    __builtin_memcpy(first, &even, 4);
    __builtin_memcpy(second, &odd, 4);
#else
    const int near = in_order ? 1 : 2, far = 3 - near;
    first[0] = from_zero ? (uint8_t)from[0] : from[0];
    first[1] = from_zero ? (uint8_t)from[near] : from[near];
    second[0] = from_zero ? (uint8_t)from[far] : from[far];
    second[1] = from_zero ? (uint8_t)from[3] : from[3];
#endif
}

/* The channels of one column, in words that are `apart`; NULL is padding. */
INLINE wide *widen(const struct eight *s, const int8_t *from, wide *to, int apart)
{
    if (from == NULL) {
        for (int i = 0; i < s->ci; i += 2, to += 2 * apart)
            to[0] = to[1] = (int16_t)s->zero;
        return to;
    }
    for (int i = 0; i < s->ci; i += 4, from += 4, to += 4 * apart)
        widen_four(from, s->from_zero, 0, to, to + 2 * apart);
    return to;
}

/* All columns under windows of three, each once. */
static void slide(const struct eight *s, const int8_t *const *x, int first, int tile, wide *to)
{
    const int columns = s->stride == 1 ? tile + 2 : 2 * tile + 1;
    for (int ky = 0; ky < s->kh; ky++, to += s->ci * columns)
        for (int c = 0; c < columns; c++) {
            const int at = s->stride == 1 ? c : c % 2 ? tile + 1 + c / 2 : c / 2;
            widen(s, column_of(s, x[ky], first + c), to + 2 * at, columns);
        }
}

/* All that is under the window of each pixel. */
static void gather(const struct eight *s, const int8_t *const *x, int first, int pixels, int tile, wide *to)
{
    for (int p = 0; p < pixels; p++, first += s->stride) {
        wide *at = to + 2 * p;
        for (int ky = 0; ky < s->kh; ky++)
            for (int kx = 0; kx < s->kw; kx++)
                at = widen(s, column_of(s, x[ky], first + kx * s->dilation), at, tile);
    }
}

/* A run of inputs, in whole words. */
INLINE wide *widen_run(const struct eight *s, const int8_t *from, int n, int tile, wide *to)
{
    for (; n >= 4; n -= 4, from += 4, to += 4 * tile)
        widen_four(from, s->from_zero, 1, to, to + 2 * tile);
    for (; n > 0; n -= 2, from += 2, to += 2 * tile) {
        to[0] = s->from_zero ? (uint8_t)from[0] : from[0];
        to[1] = n == 1 ? 0 : s->from_zero ? (uint8_t)from[1] : from[1];
    }
    return to;
}

/* A row of a window, of which some columns are padding, input by input. */
static wide *widen_edge(const struct eight *s, const int8_t *row, int first, int columns, int tile,
                        wide *to)
{
    int half = 0;
    for (int k = 0; k < columns; k++) {
        const int8_t *from = column_of(s, row, first + k);
        for (int i = 0; i < s->ci; i++, half = !half) {
            to[half] = (int16_t)(from == NULL ? s->zero : s->from_zero ? (uint8_t)from[i] : from[i]);
            to += half ? 2 * tile : 0;
        }
    }
    if (half)
        to[1] = 0;
    return half ? to + 2 * tile : to;
}

/* The same as `gather` where channels do not come in fours: runs of them. */
static void gather_runs(const struct eight *s, const int8_t *const *x, int first, int pixels, int tile,
                        wide *to)
{
    const int columns = s->dilation == 1 ? s->kw : 1, last = s->is == s->ci ? s->iw - columns : -1;
    for (int p = 0; p < pixels; p++, first += s->stride) {
        wide *at = to + 2 * p;
        for (int ky = 0; ky < s->kh; ky++)
            for (int kx = 0; kx < s->kw; kx += columns) {
                const int column = first + kx * s->dilation;
                if (x[ky] != NULL && column >= 0 && column <= last)
                    at = widen_run(s, x[ky] + column * s->is, columns * s->ci, tile, at);
                else
                    at = widen_edge(s, x[ky], column, columns, tile, at);
            }
    }
}

/* Some pixels of all channels; sums that a tile does not end are ended here. */
static void make_tile(const struct eight *s, tile8_sums *sums, const wide *x, const int8_t *w,
                      int bytes, const struct ending8 *e, int8_t *y, int pixels, int tile)
{
    const int plain = s->ending == TWICE && s->low == -128 && s->high == 127 && pixels == tile;
    struct tile8 t;
    t.os = s->os;
    for (int c = 0; c < s->co; c += 2) {
        t.y = plain && c + 1 < s->co ? y + c : NULL;
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
            for (int p = 0; p < pixels; p++)
                y[p * s->os + c + k] = ended(s, t.sums[k * WIDE8 + p], t.e + k);
    }
}

static void conv_eight(const struct eight *s, const int8_t *const *x, const int8_t *w,
                       const struct ending8 *e, int8_t *y, wide *scratch)
{
    static tile8_sums *const kinds[][3] = { { gathered_single, gathered_narrow, gathered },
                                            { sliding_single, sliding_narrow, sliding },
                                            { striding_single, striding_narrow, striding } };
    const int fours = s->ci % 4 == 0, slides = fours && s->kw == 3 && s->dilation == 1 && s->stride <= 2;
    const int columns = s->dilation == 1 ? s->kw : 1;
    const int words = s->kh * (s->kw / columns) * ((columns * s->ci + 1) / 2);
    const int bytes = 4 * (words + words % 2);
    int pixels;
    for (int k = 0; k < s->ow; k += pixels) {
        const int left = s->ow - k, tile = left > NARROW8 || s->pixels < NARROW8 ? s->pixels : NARROW8;
        pixels = left < tile ? left : tile;
        const int q = s->back ? left - pixels : k, first = q * s->stride - s->before;
        if (slides)
            slide(s, x, first, tile, scratch);
        else if (fours)
            gather(s, x, first, pixels, tile, scratch);
        else
            gather_runs(s, x, first, pixels, tile, scratch);
        make_tile(s, kinds[slides ? s->stride : 0][tile / 2], scratch, w, bytes, e, y + q * s->os, pixels, tile);
    }
}
