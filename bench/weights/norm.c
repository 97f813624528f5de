/* Batch norm, an addition and ReLU in one, of bfloat16 rows [rows][channels]; C99, no headers but these. */
#include <stdint.h>
#include <string.h>

enum { BLOCK = 64, ROWS = 128 }; /* channels at a time; rows that are summed up in float */

static inline float wide(uint16_t h)
{
    const uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, 4);
    return f;
}

static inline uint16_t narrow(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    return (uint16_t)((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

/* sums[c] and squares[c] of each channel. */
void norm_sums(const uint16_t *x, int64_t rows, int64_t channels, double *sums, double *squares)
{
    memset(sums, 0, sizeof(double) * (size_t)channels);
    memset(squares, 0, sizeof(double) * (size_t)channels);
    for (int64_t first = 0; first < rows; first += ROWS) {
        const int64_t end = first + ROWS < rows ? first + ROWS : rows;
        for (int64_t c = 0; c < channels; c += BLOCK) {
            float s[BLOCK] = {0}, q[BLOCK] = {0};
            for (int64_t r = first; r < end; r++) {
                const uint16_t *restrict from = x + r * channels + c;
                for (int i = 0; i < BLOCK; i++) {
                    const float v = wide(from[i]);
                    s[i] += v;
                    q[i] += v * v;
                }
            }
            for (int i = 0; i < BLOCK; i++) {
                sums[c + i] += s[i];
                squares[c + i] += q[i];
            }
        }
    }
}

/* y = x * gain + shift, + added where there is one, and its positive part if relu. */
void norm_apply(const uint16_t *restrict x, const uint16_t *restrict added, uint16_t *restrict y,
                int64_t rows, int64_t channels, const float *restrict gain,
                const float *restrict shift, int relu)
{
    const float least = relu ? 0.0f : -3.0e38f;
    for (int64_t r = 0; r < rows; r++) {
        const int64_t at = r * channels;
        if (added) {
            for (int64_t c = 0; c < channels; c++) {
                const float v = wide(x[at + c]) * gain[c] + shift[c] + wide(added[at + c]);
                y[at + c] = narrow(v > least ? v : least);
            }
        } else {
            for (int64_t c = 0; c < channels; c++) {
                const float v = wide(x[at + c]) * gain[c] + shift[c];
                y[at + c] = narrow(v > least ? v : least);
            }
        }
    }
}

/* g where y > 0, else 0; a bfloat16 is positive where its bits as an integer are. */
static inline uint16_t pass(uint16_t g, uint16_t y)
{
    return (uint16_t)(g & -((int16_t)y > 0)); /* a mask: gcc makes no vector of a choice here */
}

/* The gradient g of y: its sums, and those of its products with x. */
static inline void gradients(const uint16_t *g, const uint16_t *y, const uint16_t *x, int64_t rows,
                             int64_t channels, double *sums, double *products, const int relu)
{
    memset(sums, 0, sizeof(double) * (size_t)channels);
    memset(products, 0, sizeof(double) * (size_t)channels);
    for (int64_t first = 0; first < rows; first += ROWS) {
        const int64_t end = first + ROWS < rows ? first + ROWS : rows;
        for (int64_t c = 0; c < channels; c += BLOCK) {
            float s[BLOCK] = {0}, q[BLOCK] = {0};
            for (int64_t r = first; r < end; r++) {
                const int64_t at = r * channels + c;
                const uint16_t *restrict gs = g + at, *restrict ys = y + at, *restrict xs = x + at;
                for (int i = 0; i < BLOCK; i++) {
                    const float kept = wide(relu ? pass(gs[i], ys[i]) : gs[i]);
                    s[i] += kept;
                    q[i] += kept * wide(xs[i]);
                }
            }
            for (int i = 0; i < BLOCK; i++) {
                sums[c + i] += s[i];
                products[c + i] += q[i];
            }
        }
    }
}

void norm_gradients(const uint16_t *g, const uint16_t *y, const uint16_t *x, int64_t rows,
                    int64_t channels, double *sums, double *products, int relu)
{
    if (relu)
        gradients(g, y, x, rows, channels, sums, products, 1);
    else
        gradients(g, y, x, rows, channels, sums, products, 0);
}

/* kept = g where y > 0 if relu, written where it is asked for; dx = kept * a + x * b + c. */
static inline void back(const uint16_t *restrict g, const uint16_t *restrict y,
                        const uint16_t *restrict x, uint16_t *restrict dx, uint16_t *restrict kept,
                        int64_t rows, int64_t channels, const float *restrict a,
                        const float *restrict b, const float *restrict c, const int relu)
{
    for (int64_t at = 0; at < rows * channels; at += channels) {
        const uint16_t *restrict gs = g + at, *restrict ys = y + at, *restrict xs = x + at;
        for (int64_t i = 0; i < channels; i++) {
            const float v = wide(relu ? pass(gs[i], ys[i]) : gs[i]);
            dx[at + i] = narrow(v * a[i] + wide(xs[i]) * b[i] + c[i]);
        }
        if (kept)
            for (int64_t i = 0; i < channels; i++)
                kept[at + i] = relu ? pass(gs[i], ys[i]) : gs[i];
    }
}

void norm_back(const uint16_t *g, const uint16_t *y, const uint16_t *x, uint16_t *dx,
               uint16_t *kept, int64_t rows, int64_t channels, const float *a, const float *b,
               const float *c, int relu)
{
    if (relu)
        back(g, y, x, dx, kept, rows, channels, a, b, c, 1);
    else
        back(g, y, x, dx, kept, rows, channels, a, b, c, 0);
}
