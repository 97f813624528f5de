/* camera_harness.c: the example's C on bytes of the tests; all that it reads and writes has its exact size, for the sanitizers.
       ./camera bayer|yuv|gray LINES WIDTH    lines in, lines out
       ./camera frames                        frames of raw lines in, the rows that a network would get out
       ./camera faces                         scores, then boxes in; numbers of faces out */
#include "camera.h"
#include "faces.h"
#include "net.h"
#include "pixels.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *got(size_t bytes)
{
    void *memory = malloc(bytes);
    if (!memory || fread(memory, 1, bytes, stdin) != bytes)
        exit(66);
    return memory;
}

static void convert(const char *what, int height, int width)
{
    const int bytes = strcmp(what, "bayer") == 0 ? 1 : strcmp(what, "yuv") == 0 ? 2 : 3;
    uint8_t **line = malloc((size_t)height * sizeof *line);
    for (int y = 0; y < height; y++)
        line[y] = got((size_t)(bytes * width));
    for (int y = 0; y < height; y++) {
        const size_t made = (size_t)(bytes == 3 ? width : 3 * width);
        uint8_t *to = malloc(made);
        if (bytes == 1)
            rgb_of_bayer(line[y ? y - 1 : 1], line[y], line[y + 1 < height ? y + 1 : height - 2], y % 2, width, to);
        else if (bytes == 2)
            rgb_of_yuv(line[y], width, to);
        else
            gray_of_rgb(line[y], width, to);
        fwrite(to, 1, made, stdout);
        free(to);
    }
    for (int y = 0; y < height; y++)
        free(line[y]);
    free(line);
}

static uint8_t *asked;                       /* the row that the network waits for */
static int rows;

void net_start(void) { rows = -1; }

enum net_status net_step(struct net_row *row)
{
    if (rows >= 0)
        fwrite(asked, 1, CHANNELS * WIDTH, stdout);
    memset(camera_line(), 0xAA, SENSOR_LINE_BYTES);  /* the sensor, at its next line meanwhile */
    free(asked);
    asked = ++rows < HEIGHT ? malloc(CHANNELS * WIDTH) : NULL;
    *row = (struct net_row){ 0, rows, 0, CHANNELS * WIDTH, asked };
    return asked ? NET_NEED_ROW : NET_DONE;
}

/* Returns whether there was one. */
static int frame(void)
{
    enum camera_status status = CAMERA_GOES_ON;
    camera_begin();
    while (status == CAMERA_GOES_ON && fread(camera_line(), 1, SENSOR_LINE_BYTES, stdin) == SENSOR_LINE_BYTES)
        status = camera_line_came();
    return status == CAMERA_DONE;
}

int main(int words, char **word)
{
    if (words == 4) {
        convert(word[1], atoi(word[2]), atoi(word[3]));
        return 0;
    }
    if (strcmp(word[1], "frames") == 0) {
        while (frame()) {
        }
        free(asked);
        return 0;
    }
    score_number *scores = got(2 * BOXES_READY * sizeof *scores);
    box_number *boxes = got(4 * BOXES_READY * sizeof *boxes);
    struct face *found = malloc(FACES * sizeof *found);
    const int n = find_faces(scores, boxes, found);
    for (int k = 0; k < n; k++)
        printf("%d %d %d %d %d\n", found[k].score, found[k].left, found[k].top, found[k].right, found[k].bottom);
    free(found), free(boxes), free(scores);
    return 0;
}
