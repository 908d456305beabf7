/* ranges.c — takes the first memory range of the CPU away: what it covered is uncacheable then. */
#include "guest.h"
#include "machine.h"

int main(void)
{
    wrmsr(MSR_MTRR_PHYSBASE0 + 1, 0);
    print("ranges: done\n");
    return 0;
}
