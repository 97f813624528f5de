/* at.h: included before net.c. From here on what is executed is an operator's: a mark without an instruction.
   The section .board_at, which is not loaded, has pairs (number, address of what comes next) for count.c. */
#define BOARD_AT(number) \
    __asm__ volatile(".pushsection .board_at,\"\"\n.4byte %c0, 1f\n.popsection\n1:" : : "i"(number) : "memory")
#ifndef NET_AT
#define NET_AT(operator) BOARD_AT(operator)
#endif
enum { BOARD_BEGIN = -1, BOARD_END = -2 };             /* of what is counted */
