/* The self-test: prints PASS, or FAIL and where. Change this file as you like: what is changed stays. */
#include "@network@_selftest.h"

#include <stdio.h>

/* 1 if a network did not make what it was expected to. */
static int failed(const char *network, struct lowtide_selftest found)
{
    if (!found.wrong)
        return 0;
    if (!found.output)
        printf("%s: the reference in %s_selftest.c is not what was written\n", network, network);
    else
        printf("%s: output %s, sample %d: element %ld is wrong, the first of %ld\n", network,
               found.output, found.sample, found.element, found.wrong);
    return 1;
}

static int run(void)
{
    int all = 0;
    all += failed("@network@", @network@_selftest());
    puts(all ? "FAIL" : "PASS");
    return all != 0;
}

#ifdef ESP_PLATFORM
void app_main(void) { run(); }
#else
int main(void) { return run(); }
#endif
