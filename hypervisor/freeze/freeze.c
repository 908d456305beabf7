/* compiled alone: Bochs's debugger stops where `freeze` begins */
#include "freeze/freeze.h"

#include "cpu/registers.h"
#include "freeze/strategies.h"
#include "report/panic.h"

uint64_t freeze(enum image_freeze strategy, uint64_t base, uint64_t bytes)
{
    uint64_t start = rdtsc();
    if (strategy != FREEZE_FIT)     /* the only one so far */
        panic(PANIC_FREEZE, strategy);
    freeze_fit(base, bytes);
    return rdtsc() - start;
}
