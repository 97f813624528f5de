/* faces.c: see faces.h. The network gives, for each of some thousand boxes that stand ready, how likely a face
   is there, and how far the face is from that box. What the numbers stand for is in tables (settings.h). */
#include "settings.h"
#include "faces.h"

/* The boxes that stand ready: in every cell of `stride` pixels one of each size, scale by scale, row by row. */
static const struct { int stride, sizes, size[3]; } SCALES[] = {
    { 8, 3, { 10, 16, 24 } }, { 16, 2, { 32, 48 } }, { 32, 2, { 64, 96 } }, { 64, 3, { 128, 192, 256 } } };

/* number / 256 of a size, to nearest, also below 0. */
static int part_of(int size, int number)
{
    return (number * size + 128 + (1 << 24)) / 256 - (1 << 16);
}

static int least(int a, int b) { return a < b ? a : b; }
static int most(int a, int b) { return a > b ? a : b; }

/* The face of the box with a centre and a size, in pixels; q: its four numbers, x, y, width, height. */
static struct face decoded(int x2, int y2, int size, const box_number *q)
{
    const int w = least(size, WIDTH), h = least(size, HEIGHT);
    const int x = x2 * (UNITS / 2) + part_of(w, moved_by[(uint8_t)q[0]]), half_w = part_of(w, half_of[(uint8_t)q[2]]);
    const int y = y2 * (UNITS / 2) + part_of(h, moved_by[(uint8_t)q[1]]), half_h = part_of(h, half_of[(uint8_t)q[3]]);
    struct face face = { (int16_t)(x - half_w), (int16_t)(y - half_h), (int16_t)(x + half_w), (int16_t)(y + half_h), 0 };
    return face;
}

static int32_t area(const struct face *a)
{
    return (int32_t)(a->right - a->left) * (a->bottom - a->top);
}

/* Whether what two have in common is more than 0.3 of what they cover. */
static int alike(const struct face *a, const struct face *b)
{
    const int32_t w = least(a->right, b->right) - most(a->left, b->left);
    const int32_t h = least(a->bottom, b->bottom) - most(a->top, b->top);
    if (w <= 0 || h <= 0)
        return 0;
    return 10 * (int64_t)(w * h) > 3 * ((int64_t)area(a) + area(b) - w * h);
}

static int is_new(const struct face *face, const struct face *found, int n)
{
    for (int k = 0; k < n; k++)
        if (alike(face, &found[k]))
            return 0;
    return 1;
}

/* The best that is like none of the n found so far; the first of equals. Returns 0 if there is none. */
static int next_face(const score_number *scores, const box_number *boxes, const struct face *found, int n, struct face *best)
{
    int k = 0, better = SCORE_LEAST - 1;
    for (unsigned s = 0; s < sizeof SCALES / sizeof *SCALES; s++) {
        const int stride = SCALES[s].stride, rows = (HEIGHT + stride - 1) / stride, columns = (WIDTH + stride - 1) / stride;
        for (int cell = 0; cell < rows * columns; cell++)
            for (int size = 0; size < SCALES[s].sizes; size++, k++) {
                const int score = scores[2 * k + 1];         /* of two: no face, a face */
                if (score <= better)
                    continue;
                const int x2 = least((2 * (cell % columns) + 1) * stride, 2 * WIDTH);
                const int y2 = least((2 * (cell / columns) + 1) * stride, 2 * HEIGHT);
                struct face face = decoded(x2, y2, SCALES[s].size[size], boxes + 4 * k);
                if (!is_new(&face, found, n))
                    continue;
                face.score = (int16_t)score;
                *best = face;
                better = score;
            }
    }
    return better >= SCORE_LEAST;
}

int find_faces(const score_number *scores, const box_number *boxes, struct face *found)
{
    int n = 0;
    while (n < FACES && next_face(scores, boxes, found, n, &found[n]))
        n++;
    return n;
}
