/* pixels.c: see pixels.h. */
#include "pixels.h"

void rgb_of_bayer(const uint8_t *above, const uint8_t *line, const uint8_t *below, int odd, int width, uint8_t *rgb)
{
    /* A line has green and one other colour, its own: red in even lines, blue in odd ones. */
    const int own = odd ? 2 : 0, other = 2 - own;
    for (int x = 0; x < width; x++, rgb += 3) {
        const int left = x > 0 ? x - 1 : 1, right = x + 1 < width ? x + 1 : width - 2;
        const int beside = line[left] + line[right], over = above[x] + below[x];
        if (x % 2 == odd) {
            rgb[own] = line[x];
            rgb[1] = (uint8_t)((beside + over + 2) / 4);
            rgb[other] = (uint8_t)((above[left] + above[right] + below[left] + below[right] + 2) / 4);
        } else {
            rgb[own] = (uint8_t)((beside + 1) / 2);
            rgb[1] = line[x];
            rgb[other] = (uint8_t)((over + 1) / 2);
        }
    }
}

/* A number of 256ths, rounded and kept within 0 .. 255. */
static uint8_t clipped(int32_t parts)
{
    return (uint8_t)(parts < 0 ? 0 : parts >= 255 * 256 ? 255 : (parts + 128) / 256);
}

void rgb_of_yuv(const uint8_t *yuyv, int width, uint8_t *rgb)
{
    for (int x = 0; x < width; x += 2, yuyv += 4) {
        const int32_t u = yuyv[1] - 128, v = yuyv[3] - 128;
        for (int k = 0; k < 2; k++, rgb += 3) {
            const int32_t y = yuyv[2 * k] * 256;
            rgb[0] = clipped(y + 359 * v);
            rgb[1] = clipped(y - 88 * u - 183 * v);
            rgb[2] = clipped(y + 454 * u);
        }
    }
}

void gray_of_rgb(const uint8_t *rgb, int width, uint8_t *gray)
{
    for (int x = 0; x < width; x++, rgb += 3)
        gray[x] = (uint8_t)((77 * rgb[0] + 150 * rgb[1] + 29 * rgb[2] + 128) / 256);
}
