/* camera.c: see camera.h. Its RAM is the lines that are kept, and one that the sensor fills meanwhile. */
#include "camera.h"
#include "net.h"
#include "pixels.h"

#if SENSOR == BAYER
enum { LINES = 3 + 1 };                      /* a pixel's neighbours are in the lines above and below it */
#else
enum { LINES = 1 + 1 };
#endif

static uint8_t lines[LINES][SENSOR_LINE_BYTES];
static int came, made;                       /* lines of the sensor; rows of the network */
static struct net_row row;                   /* where the next one goes, in the network's arena */
static enum net_status status;

void camera_begin(void)
{
    came = made = 0;
    CAMERA_AT(PART_NETWORK);
    net_start();
    status = net_step(&row);
    CAMERA_AT(PART_OUTSIDE);
}

uint8_t *camera_line(void)
{
    return lines[came % LINES];
}

/* Line y; those outside of the picture are mirrored. */
static const uint8_t *line(int y)
{
    return lines[(y < 0 ? 1 : y < HEIGHT ? y : HEIGHT - 2) % LINES];
}

/* Row y of the network: red, green, blue as its file wants them, written where the network reads them. */
static void convert(int y, uint8_t *to)
{
#if CHANNELS == 1
    static uint8_t rgb[3 * WIDTH];
#else
    uint8_t *rgb = to;
#endif
#if SENSOR == BAYER
    rgb_of_bayer(line(y - 1), line(y), line(y + 1), y % 2, WIDTH, rgb);
#elif SENSOR == YUV
    rgb_of_yuv(line(y), WIDTH, rgb);
#else
    for (int i = 0; i < 3 * WIDTH; i++)
        rgb[i] = line(y)[i];
#endif
#if CHANNELS == 1
    gray_of_rgb(rgb, WIDTH, to);
#endif
#ifdef NUMBERS                               /* else a pixel is the network's number */
    for (int x = 0; x < WIDTH; x++, to += CHANNELS)
        for (int c = 0; c < CHANNELS; c++)
            to[c] = number_of[c][to[c]];
#endif
}

/* Whether all lines of the sensor are there that row y is made from. */
static int ready(int y)
{
    const int last = SENSOR == BAYER && y + 1 < HEIGHT ? y + 1 : y;
    return last < came;
}

enum camera_status camera_line_came(void)
{
    came++;
    while (made < HEIGHT && ready(made)) {
        if (status != NET_NEED_ROW || row.number != made || row.elements != WIDTH * CHANNELS)
            return CAMERA_WRONG;
        CAMERA_AT(PART_PIXELS);
        convert(made++, (uint8_t *)row.data);
        CAMERA_AT(PART_NETWORK);
        status = net_step(&row);
        CAMERA_AT(PART_OUTSIDE);
    }
    return made < HEIGHT ? CAMERA_GOES_ON : status == NET_DONE ? CAMERA_DONE : CAMERA_WRONG;
}
