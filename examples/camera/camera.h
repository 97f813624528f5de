/* camera.h: from a sensor's lines to the network, a line at a time. There is no picture in memory.

    camera_begin();                          a frame begins
    each line:  the sensor (its DMA) fills camera_line()
                camera_line_came();          what its interrupt tells: convert, push, compute as far as it goes
    until that returns CAMERA_DONE: the network's outputs are there. */
#ifndef CAMERA_H
#define CAMERA_H
#include "settings.h"

enum camera_status { CAMERA_GOES_ON, CAMERA_DONE, CAMERA_WRONG };   /* the network wants another row than comes */

void camera_begin(void);
uint8_t *camera_line(void);                  /* SENSOR_LINE_BYTES of it, the sensor's until camera_line_came() */
enum camera_status camera_line_came(void);

/* Which part of the work comes next: for counters. On a board of yours a pin, or a cycle counter. */
enum camera_part { PART_BEGIN = -1, PART_PIXELS, PART_NETWORK, PART_RESULT, PART_OUTSIDE };
#ifndef CAMERA_AT
#define CAMERA_AT(part) ((void)0)
#endif
#endif
