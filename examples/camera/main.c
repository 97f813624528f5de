/* main.c: the board's side. The sensor is a file of frames.raw that is read a line at a time into where a DMA
   would write (board.h, semihosting); on a board of yours its interrupt calls camera_line_came() instead.
   Says what is found in each frame; then how much of the stack was used. */
#include "board.h"
#include "camera.h"
#include "net.h"
#ifdef LABELS
static const char *const labels[] = { LABELS };
#else
#include "faces.h"
#endif

static void say(const char *before, int number)
{
    board_print(before);
    if (number < 0)
        board_print("-");
    board_print_number((uint32_t)(number < 0 ? -number : number), 10);
}

/* What was found in a frame, as a line of words. */
#ifdef LABELS
static void say_result(void)
{
    const score_number *score = SCORES();
    int best = 0;
    CAMERA_AT(PART_RESULT);
    for (int k = 1; k < CLASSES; k++)
        if (score[k] > score[best])
            best = k;
    CAMERA_AT(PART_OUTSIDE);
    board_print(" label ");
    board_print(labels[best]);
    say(" score ", score[best]);
}
#else
static void say_result(void)
{
    static struct face found[FACES];
    CAMERA_AT(PART_RESULT);
    const int n = find_faces(SCORES(), BOXES(), found);
    CAMERA_AT(PART_OUTSIDE);
    for (int k = 0; k < n; k++) {
        say(" face ", found[k].score);
        say(" ", found[k].left);
        say(" ", found[k].top);
        say(" ", found[k].right);
        say(" ", found[k].bottom);
    }
}
#endif

/* One frame of the sensor. Returns whether there was one. */
static int frame(int sensor)
{
    enum camera_status status = CAMERA_GOES_ON;
    camera_begin();
    for (int y = 0; status == CAMERA_GOES_ON; y++) {
        const int bytes = board_read(sensor, camera_line(), SENSOR_LINE_BYTES);
        if (y == 0 && bytes == 0)
            return 0;
        status = bytes == SENSOR_LINE_BYTES ? camera_line_came() : CAMERA_WRONG;
    }
    if (status == CAMERA_WRONG) {
        board_print("a line is missing, or the network wants its rows in another order\n");
        board_exit(1);
    }
    return 1;
}

int main(void)
{
    const int sensor = board_open("frames.raw", "rb");
    if (sensor < 0) {
        board_print("there is no frames.raw\n");
        return 1;
    }
    CAMERA_AT(PART_BEGIN);
    board_stack_reset();
    for (int k = 0; frame(sensor); k++) {
        say("frame ", k);
        say_result();
        board_print("\n");
    }
    say("stack ", (int)board_stack_used());
    board_print("\n");
    return 0;
}
