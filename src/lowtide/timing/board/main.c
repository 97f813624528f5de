/* main.c: runs the network on every set of inputs; the first run is counted, its stack measured. */
#include "board.h"
#define PORT_MEMORY BOARD_HOST
#include "ports.h"

__attribute__((noinline)) static void counted(void)
{
    board_stack_reset();
    BOARD_AT(BOARD_BEGIN);
    run_network();
    BOARD_AT(BOARD_END);
}

int main(void)
{
    const int inputs = board_open("inputs", "rb"), outputs = board_open("outputs", "wb");
    if (inputs < 0 || outputs < 0)
        return 66;
    find_ports();
    for (int set = 0; set < SETS; set++) {
        for (int k = 0; k < INPUTS; k++)
            if (board_read(inputs, input[k], input_bytes[k]) != (int)input_bytes[k])
                return 66;
        if (set == 0) {
            counted();
            board_print("stack ");
            board_print_number((uint32_t)board_stack_used(), 10);
            board_print("\n");
        } else {
            run_network();
        }
        for (int k = 0; k < OUTPUTS; k++)
            if (board_write(outputs, output[k], output_bytes[k]) < 0)
                return 66;
    }
    return 0;
}
