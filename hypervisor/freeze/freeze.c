/* compiled alone: Bochs's debugger stops where `freeze` begins */
#include "freeze/freeze.h"

#include "cpu/registers.h"
#include "freeze/strategies.h"
#include "report/panic.h"

/* `window`, the baseline: nothing is frozen, slots are ordinary RAM, and the proof must say so. */
static void freeze_window(uint64_t, uint64_t)
{
    write_cr0(read_cr0() & ~(CR0_CD | CR0_NW));
}

static void (*const strategies[])(uint64_t base, uint64_t bytes) = {
    [FREEZE_FIT] = freeze_fit, [FREEZE_WINDOW] = freeze_window,
};
#define STRATEGIES (sizeof strategies / sizeof strategies[0])

uint64_t freeze(enum image_freeze strategy, uint64_t base, uint64_t bytes)
{
    uint64_t start = rdtsc();
    if (strategy >= STRATEGIES || strategies[strategy] == 0)
        panic(PANIC_FREEZE, strategy);
    strategies[strategy](base, bytes);
    return rdtsc() - start;
}
