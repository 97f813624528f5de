/* main.c: keyword spotting on features that never end wakes a network that looks at a picture.

   Both take turns in one arena (together.h). frames has rows of features, picture one picture. */
#include "board.h"
#include "settings.h"
#include "together.h"

static void said(const char *what, int number)
{
    board_print(what);
    if (number < 0)
        board_print("-");
    board_print_number((uint32_t)(number < 0 ? -number : number), 10);
}

static int best(const SCORE *scores, int count)
{
    int found = 0;
    for (int k = 1; k < count; k++)
        found = scores[k] > scores[found] ? k : found;
    return found;
}

int main(void)
{
    const int frames = board_open("frames", "rb");
    int heard = -1;
    if (frames < 0)
        return 66;
    wake_reset();
    for (int n = 0;; n++) {
        if (board_read(frames, wake_input_0(), ROWS_BYTES) != ROWS_BYTES)
            break;
        wake_run();
        const int word = best(wake_output_0(), WORDS);
        const int is = n >= WAKE_DELAY && word == WORD && wake_output_0()[word] >= LOUD;
        if (is && heard < 0) {
            const int picture = board_open("picture", "rb");
            if (board_read(picture, look_input_0(), PICTURE_BYTES) != PICTURE_BYTES)
                return 66;
            look_run();
            said("push ", n);
            said(": word ", word);
            said(", and in the picture class ", best(look_output_0(), CLASSES));
            board_print("\n");
        }
        heard = is ? word : -1;
    }
    board_print("end\n");
    return 0;
}
