/* pixels.h: a line of a sensor becomes a line of red, green and blue. Whole numbers only, no tables. */
#ifndef PIXELS_H
#define PIXELS_H
#include <stdint.h>

/* Of raw Bayer, RGGB: even lines have red and green in turns, odd ones green and blue. A colour that a pixel
   lacks is the mean of its neighbours that have it (bilinear), rounded, so the lines above and below are
   needed. At the borders of the picture give the line from the other side, which has the same colours: above
   line 0 lies line 1, below the last the one before it. `width` is even. */
void rgb_of_bayer(const uint8_t *above, const uint8_t *line, const uint8_t *below, int odd, int width, uint8_t *rgb);

/* Of YUV 4:2:2, bytes Y U Y V for two pixels, full range (BT.601, as JPEG has it). */
void rgb_of_yuv(const uint8_t *yuyv, int width, uint8_t *rgb);

/* How bright pixels are; `gray` may be `rgb`. */
void gray_of_rgb(const uint8_t *rgb, int width, uint8_t *gray);
#endif
